//! The parts of a run: its stages, their steps, and what these do.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::changes::Changes;
use super::{Problem, Wait};

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
    /// None if the pipeline gives it none.
    pub(crate) name: Option<String>,
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
#[serde(rename_all = "camelCase")]
pub(crate) struct Attempt {
    pub(crate) began: Timestamp,
    /// The job's run, the query, or the ARN of the machine's execution; a function's has none.
    pub(crate) id: Option<String>,
    /// Where a job that has ended wrote its logs: the group's name without /error or /output.
    pub(crate) log_group: Option<String>,
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
    /// Nobody tells: its history is denied, or forgotten.
    Untold {
        #[serde(skip)]
        began: Timestamp,
        why: String,
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

impl Step {
    pub(crate) fn crawling(&self) -> Option<&Crawling> {
        self.crawl.as_ref()?.execution.as_ref()
    }
}

impl Attempt {
    pub(super) fn new(began: Timestamp) -> Self {
        Self {
            began,
            id: None,
            log_group: None,
            standing: Standing::Running,
        }
    }
}

impl Crawling {
    pub(super) fn new(began: Timestamp) -> Self {
        Self {
            began,
            arn: None,
            standing: Standing::Running,
            news: None,
            result: None,
        }
    }
}

impl Standing {
    /// None while it runs; of what nobody tells, all that is known is when it began.
    pub(crate) fn ended(&self) -> Option<Timestamp> {
        match self {
            Self::Running => None,
            Self::Succeeded { ended } | Self::Failed { ended, .. } | Self::Stopped { ended } => {
                Some(*ended)
            }
            Self::Untold { began, .. } => Some(*began),
        }
    }

    /// Ends what still runs.
    pub(super) fn stop(&mut self, ended: Timestamp) {
        if *self == Self::Running {
            *self = Self::Stopped { ended };
        }
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
