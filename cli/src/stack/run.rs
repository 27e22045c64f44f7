//! A run of a pipeline: what started it, what it does when, and how that ends. Pure; what a history tells of it, the
//! [`Reader`] puts together.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

mod plan;
mod reader;
mod said;
mod start;

pub(crate) use reader::{News, Reader, What};
pub(crate) use start::Start;

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

/// Steps side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Stage {
    pub(crate) name: Option<String>,
    pub(crate) steps: Vec<Step>,
}

/// Work, a crawler, or work and then its crawler.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Step {
    /// In words: "stage 2 (silver), step 1".
    pub(crate) place: String,
    pub(crate) work: Option<Work>,
    pub(crate) crawl: Option<Crawl>,
    /// Whether the run goes on when it fails.
    pub(crate) optional: bool,
    pub(crate) waits: Vec<Wait>,
    pub(crate) failure: Option<Problem>,
}

/// What a step does first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Work {
    pub(crate) kind: Kind,
    /// The job's, the function's, the workgroup's or the machine's name.
    pub(crate) subject: String,
    /// None before it has begun.
    pub(crate) attempts: Vec<Attempt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Kind {
    Job,
    Function,
    Query,
    Machine,
}

/// Work that was begun.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Attempt {
    pub(crate) began: Timestamp,
    /// The job's run, the query, or the ARN of the machine's execution; a function's has none.
    pub(crate) id: Option<String>,
    #[serde(flatten)]
    pub(crate) standing: Standing,
}

/// How a part of a run stands that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(
    tag = "status",
    rename_all = "SCREAMING_SNAKE_CASE",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Standing {
    Running,
    Succeeded {
        ended: Timestamp,
    },
    Failed {
        ended: Timestamp,
        #[serde(flatten)]
        problem: Problem,
    },
    /// It ended with what it was a part of.
    Stopped {
        ended: Timestamp,
    },
}

/// The crawler of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Crawl {
    pub(crate) crawler: String,
    /// Whether the step ends when the crawl does.
    pub(crate) awaited: bool,
    /// None before it has begun.
    pub(crate) execution: Option<Crawling>,
}

/// An execution of the crawl machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Crawling {
    pub(crate) began: Timestamp,
    /// None until the start has been answered.
    pub(crate) arn: Option<String>,
    #[serde(flatten)]
    pub(crate) standing: Standing,
    /// What start-crawler and get-crawler-state answered last, in words.
    pub(crate) news: Option<String>,
    pub(crate) result: Option<Crawled>,
}

/// What the crawl machine returns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Crawled {
    /// STARTED, JOINED or SATISFIED.
    pub(crate) outcome: String,
    pub(crate) polls: u64,
    pub(crate) waited_seconds: f64,
    /// None where an earlier crawl was fresh enough.
    pub(crate) crawl: Option<CrawlDetails>,
}

/// What get-crawler-state tells of a crawl.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CrawlDetails {
    pub(crate) status: String,
    pub(crate) start_time: Option<Timestamp>,
    pub(crate) end_time: Option<Timestamp>,
    pub(crate) crawl_id: Option<String>,
    pub(crate) dpu_hours: Option<f64>,
    pub(crate) error_message: Option<String>,
    pub(crate) log_group: Option<String>,
    pub(crate) log_stream: Option<String>,
    /// None where Glue does not tell.
    pub(crate) tables: Option<Changes>,
    pub(crate) partitions: Option<Changes>,
}

/// How many tables or partitions of the catalog a crawl has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Changes {
    pub(crate) created: u64,
    pub(crate) updated: u64,
    pub(crate) deleted: u64,
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

impl Step {
    pub(crate) fn crawling(&self) -> Option<&Crawling> {
        self.crawl.as_ref()?.execution.as_ref()
    }
}

impl Attempt {
    fn new(began: Timestamp) -> Self {
        Self {
            began,
            id: None,
            standing: Standing::Running,
        }
    }
}

impl Crawling {
    fn new(began: Timestamp) -> Self {
        Self {
            began,
            arn: None,
            standing: Standing::Running,
            news: None,
            result: None,
        }
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

impl Standing {
    pub(crate) fn ended(&self) -> Option<Timestamp> {
        match self {
            Self::Running => None,
            Self::Succeeded { ended } | Self::Failed { ended, .. } | Self::Stopped { ended } => {
                Some(*ended)
            }
        }
    }

    /// Ends what still runs.
    fn stop(&mut self, ended: Timestamp) {
        if *self == Self::Running {
            *self = Self::Stopped { ended };
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

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Job => "job",
            Self::Function => "function",
            Self::Query => "query",
            Self::Machine => "machine",
        })
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
mod tests;
