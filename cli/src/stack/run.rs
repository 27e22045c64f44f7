//! A run of a pipeline: what started it, what it does when, and how that ends. Pure; what a history tells of it, the
//! [`Reader`] puts together.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

mod changes;
mod plan;
mod reader;
mod said;
mod start;
mod step;

pub(crate) use changes::{Changes, changed};
pub(crate) use reader::{News, Reader, What};
pub(crate) use start::Start;
pub(crate) use step::{Attempt, Crawl, Crawled, Crawling, Kind, Stage, Standing, Step, Work};

/// An execution of the pipeline machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    /// The pipeline's name; empty if its input has none.
    pub(crate) pipeline: String,
    /// The execution's name.
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) started_by: Start,
    /// The day that jobs are told.
    pub(crate) date: String,
    pub(crate) began: Timestamp,
    #[serde(flatten)]
    pub(crate) status: Status,
    /// For its window, and for the run before.
    pub(crate) waits: Vec<Wait>,
    /// As planned; none before that, or if no plan could be made.
    pub(crate) stages: Vec<Stage>,
    /// The topics that could not be told how it ended, and why.
    pub(crate) untold: Vec<String>,
    /// When it was taken up again after it had ended.
    pub(crate) redriven: Vec<Timestamp>,
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(
    tag = "status",
    rename_all = "SCREAMING_SNAKE_CASE",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Status {
    Running,
    Succeeded {
        ended: Timestamp,
    },
    /// A newer run of the pipeline covers its window too.
    Absorbed {
        ended: Timestamp,
        absorbed_by: String,
    },
    Failed {
        ended: Timestamp,
        #[serde(flatten)]
        problem: Problem,
    },
    TimedOut {
        ended: Timestamp,
        #[serde(flatten)]
        problem: Problem,
    },
    /// Somebody stopped it.
    Aborted {
        ended: Timestamp,
        #[serde(flatten)]
        problem: Problem,
    },
}

/// Why something failed, in AWS's form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem {
    pub(crate) error: String,
    pub(crate) cause: String,
}

/// Time in which a run or a step does nothing but wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Wait {
    #[serde(rename = "for")]
    pub(crate) reason: Reason,
    pub(crate) began: Timestamp,
    pub(crate) ended: Option<Timestamp>,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Reason {
    /// The window whose objects share the run.
    Window,
    /// The pipeline's run before this one.
    RunBefore,
    /// A start that was refused because too much runs already.
    Turn,
    /// The pause before work that failed is tried again.
    Retry,
}

impl Run {
    /// All steps, with the numbers of stage and step that they are called by: 2.1.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (usize, usize, &Step)> {
        (1..).zip(&self.stages).flat_map(|(number, stage)| {
            (1..)
                .zip(&stage.steps)
                .map(move |(place, step)| (number, place, step))
        })
    }

    /// Whether it has ended, and all crawls that it did not await have, too. Who stops a run leaves those alone.
    pub(crate) fn is_over(&self) -> bool {
        let crawls = self.steps().filter_map(|(_, _, step)| step.crawling());
        self.status.ended().is_some()
            && (self.status.is_bad()
                || crawls
                    .map(|crawling| &crawling.standing)
                    .all(|standing| standing.ended().is_some()))
    }

    /// What went wrong: the run's own failure, or those of crawls that it did not await.
    pub(crate) fn problems(&self) -> Vec<String> {
        if let Some(problem) = self.status.problem() {
            return vec![problem.to_string()];
        }
        let steps = self
            .steps()
            .filter(|(_, _, step)| !step.optional || step.failure.is_none());
        steps
            .filter_map(|(_, _, step)| match &step.crawling()?.standing {
                Standing::Failed { problem, .. } => Some(problem.to_string()),
                _ => None,
            })
            .collect()
    }
}

impl Status {
    pub(crate) fn ended(&self) -> Option<Timestamp> {
        match self {
            Self::Running => None,
            Self::Succeeded { ended }
            | Self::Absorbed { ended, .. }
            | Self::Failed { ended, .. }
            | Self::TimedOut { ended, .. }
            | Self::Aborted { ended, .. } => Some(*ended),
        }
    }

    /// Whether its data is not there: it failed, took too long or was stopped.
    pub(crate) fn is_bad(&self) -> bool {
        self.problem().is_some()
    }

    pub(crate) fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Running | Self::Succeeded { .. } | Self::Absorbed { .. } => None,
            Self::Failed { problem, .. }
            | Self::TimedOut { problem, .. }
            | Self::Aborted { problem, .. } => Some(problem),
        }
    }

    /// As people read it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded { .. } => "succeeded",
            Self::Absorbed { .. } => "absorbed",
            Self::Failed { .. } => "failed",
            Self::TimedOut { .. } => "timed out",
            Self::Aborted { .. } => "stopped",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = [&self.error, &self.cause].map(String::as_str);
        let said: Vec<_> = said.into_iter().filter(|part| !part.is_empty()).collect();
        formatter.write_str(&said.join(": "))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Window => "the window to close",
            Self::RunBefore => "the run before",
            Self::Turn => "a turn: too much runs already",
            Self::Retry => "the next attempt",
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
