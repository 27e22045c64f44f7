//! The answer, and how people read it.

use std::fmt;

use console::style;
use serde::Serialize;

use super::runs::Run;
use crate::stack::text::printable;

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Report {
    /// The object.
    pub(crate) object: String,
    pub(crate) verdict: Verdict,
    /// The verdict in words.
    pub(crate) says: String,
    /// From the bucket on, as far as they are the same for all pipelines.
    pub(crate) links: Vec<Link>,
    /// A chain for each rule that takes the object.
    pub(crate) pipelines: Vec<Chain>,
    /// What to do, in order.
    pub(crate) next: Vec<Next>,
}

/// The rest of the chain for one pipeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Chain {
    /// Empty, where the rule says none that can be read.
    pub(crate) pipeline: String,
    pub(crate) rule: String,
    pub(crate) verdict: Verdict,
    pub(crate) says: String,
    pub(crate) links: Vec<Link>,
    /// Those that may have the object.
    pub(crate) runs: Vec<Run>,
    #[serde(skip)]
    pub(crate) next: Vec<Next>,
}

/// Whether a run has the object; of several pipelines the last of these counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The pipeline is not to have it.
    Ignored,
    /// A run that began to work after it was written has succeeded.
    Covered,
    /// Such a run is under way, or may begin yet.
    Coming,
    /// The link that would tell could not be looked at.
    Unknown,
    NotCovered,
}

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Link {
    pub(crate) name: &'static str,
    pub(crate) mark: Mark,
    pub(crate) says: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mark {
    Fine,
    Missing,
    Waiting,
    Unknown,
}

/// Something to do: why, and the command if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Next {
    pub(crate) why: String,
    pub(crate) command: Option<String>,
}

impl Link {
    pub(crate) fn new(name: &'static str, mark: Mark, says: impl Into<String>) -> Self {
        let says = says.into();
        Self { name, mark, says }
    }
}

impl Next {
    pub(crate) fn run(why: impl Into<String>, command: String) -> Self {
        Self {
            why: why.into(),
            command: Some(command),
        }
    }

    /// What no command does.
    pub(crate) fn by_hand(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            command: None,
        }
    }
}

impl fmt::Display for Report {
    /// A line a link, how it ends, and what to do.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", style(printable(&self.object)).bold())?;
        for link in &self.links {
            writeln!(formatter, "{link}")?;
        }
        for chain in &self.pipelines {
            let name = style(printable(&chain.pipeline)).bold();
            writeln!(formatter, "pipeline {name}")?;
            for link in &chain.links {
                writeln!(formatter, "{link}")?;
            }
        }
        let verdict = match self.verdict {
            Verdict::Covered => style("covered").green(),
            Verdict::Coming => style("on its way").yellow(),
            Verdict::Unknown => style("not known").yellow(),
            Verdict::NotCovered | Verdict::Ignored => style("not covered").red(),
        };
        write!(formatter, "{verdict}: {}", printable(&self.says))?;
        for next in &self.next {
            write!(formatter, "\n→ {}", printable(&next.why))?;
            if let Some(command) = &next.command {
                write!(formatter, "\n    {}", printable(command))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.mark {
            Mark::Fine => style("✓").green(),
            Mark::Missing => style("✗").red(),
            Mark::Waiting => style("…").yellow(),
            Mark::Unknown => style("?").yellow(),
        };
        write!(
            formatter,
            "{mark} {:<7} {}",
            self.name,
            printable(&self.says)
        )
    }
}
