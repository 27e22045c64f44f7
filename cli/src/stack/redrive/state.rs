//! What a redrive knows so far.

use std::collections::{HashMap, HashSet};

use time::OffsetDateTime;

use super::told::Told;
use crate::stack::Failure;
use crate::stack::parked::Parked;

/// Of one run.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) is_stopping: bool,
    /// What was taken and is still in the queue, as it was taken last, by its id.
    pub(super) held: HashMap<String, Parked>,
    pub(super) failed: Vec<Failed>,
    /// The executions whose events have been seen in the queue.
    parked_again: HashSet<String>,
    pub(super) told: Vec<Told>,
    /// What went wrong first, not with one message but with the run.
    pub(super) first_error: Option<Failure>,
}

/// What trigger could not handle.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) message: Parked,
    /// Which tried.
    pub(super) execution: String,
    pub(super) why: String,
}

impl State {
    /// Notes a message that was taken, and says whether it is known already.
    pub(super) fn note(&mut self, message: &Parked) -> bool {
        self.parked_again
            .extend(message.execution().map(str::to_owned));
        (self.held.insert(message.id.clone(), message.clone())).is_some()
    }

    /// The receipt of the message's last taking.
    pub(super) fn receipt(&self, message: &Parked) -> String {
        let last = self.held.get(&message.id).unwrap_or(message);
        last.receipt.clone()
    }

    pub(super) fn has_parked_again(&self, failed: &Failed) -> bool {
        self.parked_again.contains(&failed.execution)
    }

    pub(super) fn has_seen_all(&self) -> bool {
        (self.failed.iter()).all(|failed| self.has_parked_again(failed))
    }

    /// How many messages have come since that moment, without those that this run's failures came back as.
    pub(super) fn newer(&self, began: OffsetDateTime) -> usize {
        let own: HashSet<_> = (self.failed.iter())
            .map(|failed| failed.execution.as_str())
            .collect();
        (self.held.values())
            .filter(|message| message.sent >= began)
            .filter(|message| message.execution().is_none_or(|one| !own.contains(one)))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
    use time::Duration;

    use super::*;

    fn taken(id: &str, receipt: &str, sent: i64, execution: &str) -> Parked {
        let message = Message::builder()
            .message_id(id)
            .receipt_handle(receipt)
            .body(format!(r#"{{"executionArn": "{execution}"}}"#))
            .attributes(
                MessageSystemAttributeName::SentTimestamp,
                (sent * 1000).to_string(),
            );
        Parked::of(message.build())
    }

    /// AWS answers to a deletion by an older receipt that it is done, and keeps the message.
    #[test]
    fn a_message_has_the_receipt_of_its_last_taking() {
        let mut state = State::default();
        let first = taken("m", "first", 0, "x");
        assert!(!state.note(&first));
        assert!(state.note(&taken("m", "second", 0, "x")));
        assert_eq!(state.receipt(&first), "second");
    }

    /// A person who reads of newer ones redrives again: the copies of what failed do not count.
    #[test]
    fn newer_ones_are_those_of_others() {
        let mut state = State::default();
        let older = taken("older", "r", 1, "before");
        for message in [
            older.clone(),
            taken("copy", "r", 3, "ours"),
            taken("newer", "r", 3, "theirs"),
        ] {
            state.note(&message);
        }
        state.failed.push(Failed {
            message: older,
            execution: "ours".to_owned(),
            why: String::new(),
        });
        assert!(state.has_seen_all());
        let began = OffsetDateTime::UNIX_EPOCH + Duration::seconds(2);
        assert_eq!(state.newer(began), 1);
    }
}
