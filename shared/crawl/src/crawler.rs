//! What Glue says about a crawler and its crawls, in plain values.
//!
//! <https://docs.aws.amazon.com/glue/latest/webapi/API_Crawler.html>,
//! <https://docs.aws.amazon.com/glue/latest/webapi/API_CrawlerHistory.html>

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

/// The name of a crawler: 1 to 255 characters, as Glue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrawlerName(String);

/// A name that Glue could not have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must have 1 to 255 characters, has {0}")]
pub struct InvalidName(usize);

impl CrawlerName {
    /// Takes the name as it is.
    ///
    /// # Errors
    /// [`InvalidName`] if it is empty or too long.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
        let name = name.into();
        match name.chars().count() {
            1..=255 => Ok(Self(name)),
            length => Err(InvalidName(length)),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CrawlerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// `Crawler.State`. A crawl passes through STOPPING on its normal way to READY, so neither READY
/// nor STOPPING says how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrawlerState {
    /// No crawl is under way.
    Ready,
    /// A crawl is under way.
    Running,
    /// A crawl is ending, well or not.
    Stopping,
    /// A state that Glue did not have when this was written.
    Unknown(String),
}

impl CrawlerState {
    /// Glue's own word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ready => "READY",
            Self::Running => "RUNNING",
            Self::Stopping => "STOPPING",
            Self::Unknown(state) => state,
        }
    }
}

impl From<&str> for CrawlerState {
    fn from(state: &str) -> Self {
        match state {
            "READY" => Self::Ready,
            "RUNNING" => Self::Running,
            "STOPPING" => Self::Stopping,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// What GetCrawler says of a crawler at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Crawler {
    /// Its state.
    pub state: CrawlerState,
    /// How long the crawl under way has taken (`CrawlElapsedTime`).
    pub elapsed: Duration,
    /// The last *finished* crawl: while one is under way, the one before it. None if there was none.
    pub last_crawl: Option<LastCrawl>,
}

/// `Crawler.LastCrawl`: it has neither an id nor an end, so only its start tells crawls apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LastCrawl {
    /// How it ended.
    pub status: LastCrawlStatus,
    /// When it began.
    pub start_time: Option<OffsetDateTime>,
    /// Why it failed, in Glue's words.
    pub error_message: Option<String>,
    /// The log group that its log is in.
    pub log_group: Option<String>,
    /// The log stream in that group.
    pub log_stream: Option<String>,
}

/// `LastCrawl.Status`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LastCrawlStatus {
    /// It crawled everything.
    Succeeded,
    /// It failed.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// A status that Glue did not have when this was written.
    Unknown(String),
    /// Glue left it out.
    #[default]
    Missing,
}

impl From<&str> for LastCrawlStatus {
    fn from(status: &str) -> Self {
        match status {
            "SUCCEEDED" => Self::Succeeded,
            "FAILED" => Self::Failed,
            "CANCELLED" => Self::Cancelled,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// One entry of ListCrawls.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Crawl {
    /// `CrawlId`.
    pub id: Option<String>,
    /// Whether it runs or how it ended.
    pub state: CrawlState,
    /// When it began.
    pub start_time: Option<OffsetDateTime>,
    /// When it ended.
    pub end_time: Option<OffsetDateTime>,
    /// What it has cost so far; 0 where Glue does not say.
    pub dpu_hours: f64,
    /// What it changed: JSON within JSON.
    pub summary: Option<String>,
}

/// `CrawlerHistory.State`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CrawlState {
    /// Under way.
    Running,
    /// Ended well.
    Completed,
    /// Failed.
    Failed,
    /// Stopped by somebody.
    Stopped,
    /// Missing, or a state that Glue did not have when this was written.
    #[default]
    Unknown,
}

impl From<&str> for CrawlState {
    fn from(state: &str) -> Self {
        match state {
            "RUNNING" => Self::Running,
            "COMPLETED" => Self::Completed,
            "FAILED" => Self::Failed,
            "STOPPED" => Self::Stopped,
            _ => Self::Unknown,
        }
    }
}
