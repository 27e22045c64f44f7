//! Runs that may have left their windows to a newer one: a list does not tell, but when they began and ended does.

use std::collections::HashMap;

use aws_sdk_sfn::types::ExecutionListItem;
use jiff::{SignedDuration, Timestamp};

use super::super::moments;
use super::super::names::Named;

/// Lists are of a moment before: a run may have seen one at work that had ended.
const SLACK: SignedDuration = SignedDuration::from_secs(60);

/// Which runs may have left their windows to a newer one. A run works while no older one of its queue does: so one
/// that ended before an older one, while a newer one was there, most probably did not.
pub(super) fn perhaps(runs: &[ExecutionListItem]) -> Vec<bool> {
    let mut queues: HashMap<String, Vec<(Timestamp, Timestamp, Timestamp)>> = HashMap::new();
    let spans: Vec<_> = runs.iter().map(span).collect();
    for (queue, end, began, ended) in spans.iter().flatten() {
        let ended = ended.unwrap_or(Timestamp::MAX);
        queues
            .entry(queue.clone())
            .or_default()
            .push((*end, *began, ended));
    }
    let of_queue = |queue: &String| queues.get(queue).into_iter().flatten();
    spans
        .iter()
        .map(|span| {
            let Some((queue, end, _, Some(ended))) = span else {
                return false;
            };
            let beside = |other: &&(Timestamp, Timestamp, Timestamp)| {
                other.1 <= *ended
                    && *ended <= other.2.saturating_add(SLACK).unwrap_or(Timestamp::MAX)
            };
            let older = of_queue(queue).filter(beside).any(|other| other.0 < *end);
            let newer = of_queue(queue).filter(beside).any(|other| other.0 > *end);
            older && newer
        })
        .collect()
}

/// The queue, the window's end, the beginning and the end of a window's run.
fn span(item: &ExecutionListItem) -> Option<(String, Timestamp, Timestamp, Option<Timestamp>)> {
    let Named::Window { queue, end, .. } = Named::of(item.name()) else {
        return None;
    };
    Some((
        queue,
        end,
        moments::read(item.start_date()),
        item.stop_date().map(moments::read),
    ))
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::types::ExecutionStatus;
    use aws_smithy_types::DateTime;

    use super::*;

    /// A run of the window that ends then, from one moment to another.
    fn item(end: i64, began: i64, ended: Option<i64>) -> ExecutionListItem {
        let built = ExecutionListItem::builder()
            .name(format!(
                "a-0123456789abcdef0123456789abcdef-{}",
                1_700_000_000 + end
            ))
            .execution_arn("x")
            .state_machine_arn("x")
            .status(ExecutionStatus::Succeeded)
            .start_date(DateTime::from_secs(1_700_000_000 + began))
            .set_stop_date(ended.map(|ended| DateTime::from_secs(1_700_000_000 + ended)))
            .build();
        built.expect("nothing is missing")
    }

    /// Only a run that ended while an older one worked, or had until a moment before, and a newer one waited is looked
    /// at more closely.
    #[test]
    fn what_ended_between_an_older_and_a_newer_run_may_be_absorbed() {
        let works = item(60, 60, Some(300));
        let left = item(120, 120, Some(185));
        let seen_late = item(180, 180, Some(310));
        let waits = item(240, 240, None);
        let alone = item(600, 600, Some(610));
        assert_eq!(
            perhaps(&[works, left, seen_late, waits, alone]),
            [false, true, true, false, false]
        );
    }
}
