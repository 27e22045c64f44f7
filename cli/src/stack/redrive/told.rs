//! What a redrive tells of the messages.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use crate::stack::Format;
use crate::stack::text::printable;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Fate {
    /// A run was started.
    Started,
    /// A run that covers it exists already.
    Joined,
    /// It does not matter to the filter.
    Ignored,
    /// Only listed.
    Parked,
    /// It failed again, and lies in the queue with its new error.
    ParkedAgain,
    /// Nothing could be done with it.
    Kept,
}

impl Fate {
    /// As people read it.
    fn word(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Joined => "JOINED",
            Self::Ignored => "IGNORED",
            Self::Parked => "PARKED",
            Self::ParkedAgain => "PARKED AGAIN",
            Self::Kept => "KEPT",
        }
    }
}

/// A message, and what became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    pub(super) outcome: Fate,
    pub(super) message_id: String,
    pub(super) about: String,
    pub(super) detail: String,
}

/// All that a redrive came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) messages: Vec<Told>,
    /// How many were left because they came after it had begun.
    pub(super) newer: usize,
    /// About how many messages another run has, or one that was killed had.
    pub(super) hidden: u64,
}

impl fmt::Display for Told {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, about, detail) = (self.outcome.word(), &self.about, printable(&self.detail));
        let line = format!("{word:<13}{about}  {detail}");
        formatter.write_str(line.trim_end())
    }
}

impl Report {
    /// Whether a message was not handled. To list messages is all that a dry run is for; and what is hidden is counted
    /// too roughly to fail for.
    pub(super) fn leaves_something(&self) -> bool {
        let is_left = |told: &Told| matches!(told.outcome, Fate::Kept | Fate::ParkedAgain);
        self.messages.iter().any(is_left)
    }

    /// Prints the end of what people read, or all for programs.
    pub(super) fn text(&self, format: Format, comes_back: Duration) -> String {
        if format == Format::Json {
            return format!("{}\n", json!(self));
        }
        let mut lines = vec![self.summary()];
        if self.newer > 0 {
            lines.push(format!(
                "{} newer ones are left, which came since: redrive again",
                self.newer
            ));
        }
        if self.hidden > 0 {
            lines.push(format!(
                "about {} more are hidden: another run has them, or one that was killed had them. They come back within \
                 {} minutes",
                self.hidden,
                comes_back.as_secs().div_ceil(60)
            ));
        }
        lines.join("\n") + "\n"
    }

    fn summary(&self) -> String {
        let mut counts = BTreeMap::<_, usize>::new();
        for told in &self.messages {
            *counts.entry(told.outcome.word()).or_default() += 1;
        }
        let counts: Vec<_> = (counts.iter())
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        let separator = if counts.is_empty() { "" } else { ": " };
        format!(
            "{} events{separator}{}",
            self.messages.len(),
            counts.join(", ")
        )
    }
}
