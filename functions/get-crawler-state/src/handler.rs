//! From the request to the verdict on the crawl that it waits for.

use std::time::{Duration, SystemTime};

use glue_client::{Glue, GlueError, best_effort, in_time};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::Serialize;
use serde_json::{Map, Value};
use shared::crawler::{Crawl, CrawlState, CrawlerName, LastCrawl, LastCrawlStatus};
use shared::error_name;
use shared::poll::PollBounds;
use shared::protocol::{self, CrawlStatus, PreviousCrawl};
use shared::request::{self, InvalidField};
use time::OffsetDateTime;

use crate::summary::{self, Changes};

/// What a caller asks for: the crawler, and what start-crawler said of the crawl to wait for.
#[derive(Debug)]
struct Request {
    crawler: CrawlerName,
    previous_crawl: PreviousCrawl,
    expected: Option<Duration>,
    requested_at: Option<OffsetDateTime>,
    bounds: PollBounds,
}

impl Request {
    fn parse(payload: &Value, bounds: PollBounds) -> Result<Self, InvalidField> {
        let input = request::object(payload)?;
        Ok(Self {
            crawler: request::crawler_name(input)?,
            previous_crawl: previous_crawl(input)?,
            expected: expected(input)?,
            requested_at: request::moment(input, "requestedAt")?,
            bounds: bounds.with_input(input)?,
        })
    }
}

/// Here `null` is a value: there was no crawl before.
fn previous_crawl(input: &Map<String, Value>) -> Result<PreviousCrawl, InvalidField> {
    const FIELD: &str = "previousCrawl";
    if !input.contains_key(FIELD) {
        return Ok(PreviousCrawl::Unstated);
    }
    Ok(request::moment(input, FIELD)?.map_or(PreviousCrawl::None, PreviousCrawl::Began))
}

fn expected(input: &Map<String, Value>) -> Result<Option<Duration>, InvalidField> {
    const FIELD: &str = "expectedSeconds";
    request::optional::<f64>(input, FIELD)?
        .map(|seconds| {
            Duration::try_from_secs_f64(seconds)
                .map_err(|error| InvalidField::new(FIELD, format!("{seconds}: {error}")))
        })
        .transpose()
}

/// What the caller gets. `state` is all that the tutorials' state machines read.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Response {
    crawlername: String,
    state: String,
    elapsed_seconds: u64,
    poll_seconds: u32,
    crawl: JudgedCrawl,
}

/// The crawl that the caller waits for.
#[derive(Debug, PartialEq, Serialize)]
struct JudgedCrawl {
    status: CrawlStatus,
    #[serde(flatten)]
    details: Details,
}

/// What there is to say of a crawl that has ended. Before, nothing: Glue's last crawl is then another one.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    #[serde(with = "time::serde::rfc3339::option")]
    start_time: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    end_time: Option<OffsetDateTime>,
    crawl_id: Option<String>,
    dpu_hours: Option<f64>,
    error_message: Option<String>,
    log_group: Option<String>,
    log_stream: Option<String>,
    tables: Option<Changes>,
    partitions: Option<Changes>,
}

impl Details {
    fn new(last: LastCrawl, entry: Option<Crawl>) -> Self {
        let (tables, partitions) = entry
            .as_ref()
            .and_then(|entry| entry.summary.as_deref())
            .map(summary::changes)
            .unwrap_or_default();
        Self {
            start_time: last.start_time,
            end_time: entry.as_ref().and_then(|entry| entry.end_time),
            dpu_hours: entry.as_ref().map(|entry| entry.dpu_hours),
            crawl_id: entry.and_then(|entry| entry.id),
            error_message: error_message(&last.status, last.error_message),
            log_group: last.log_group,
            log_stream: last.log_stream,
            tables,
            partitions,
        }
    }
}

/// Glue's own message; where a status had to be taken for a failure, its name with it.
fn error_message(status: &LastCrawlStatus, message: Option<String>) -> Option<String> {
    let unusual = match status {
        LastCrawlStatus::Succeeded | LastCrawlStatus::Failed | LastCrawlStatus::Cancelled => {
            return message;
        }
        LastCrawlStatus::Unknown(status) => format!("Glue reports the crawl's status as {status}"),
        LastCrawlStatus::Missing => "Glue reports no status of the crawl".to_owned(),
    };
    Some(message.map_or(unusual.clone(), |message| format!("{unusual}: {message}")))
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The input cannot be read.
    #[error(transparent)]
    InvalidRequest(#[from] InvalidField),
    /// Glue or AWS refused a call, or did not answer.
    #[error(transparent)]
    Glue(#[from] GlueError),
}

impl Error {
    fn error_type(&self) -> &str {
        match self {
            Self::InvalidRequest(_) => error_name::INVALID_REQUEST,
            Self::Glue(error) => error.error_type(),
        }
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self {
            error_type: error.error_type().to_owned(),
            error_message: error.to_string(),
        }
    }
}

/// Answers one invocation and logs how it went.
pub(crate) async fn handle(
    glue: &Glue,
    bounds: PollBounds,
    event: LambdaEvent<Value>,
) -> Result<Response, Error> {
    let request = Request::parse(&event.payload, bounds);
    let crawlername = request
        .as_ref()
        .ok()
        .map(|request| request.crawler.to_string());
    let result = match request {
        Ok(request) => respond(glue, &request, event.context.deadline()).await,
        Err(error) => Err(error.into()),
    };
    match &result {
        Ok(response) => tracing::info!(
            crawlername,
            outcome = <&str>::from(response.crawl.status),
            state = response.state,
            elapsedSeconds = response.elapsed_seconds,
            reason = response.crawl.details.error_message,
            "looked at the crawler"
        ),
        Err(error) => tracing::error!(
            crawlername,
            outcome = error.error_type(),
            reason = %error,
            "could not look at the crawler"
        ),
    }
    result
}

async fn respond(glue: &Glue, request: &Request, deadline: SystemTime) -> Result<Response, Error> {
    let name = &request.crawler;
    let crawler = in_time(name, deadline, glue.get_crawler(name)).await?;
    let status = protocol::verdict(&crawler, request.previous_crawl, request.requested_at);
    let details = match crawler.last_crawl.filter(|_| status.is_final()) {
        Some(last) => {
            let entry = find_crawl(glue, name, deadline, last.start_time).await;
            Details::new(last, entry)
        }
        None => Details::default(),
    };
    Ok(Response {
        crawlername: name.to_string(),
        state: crawler.state.as_str().to_owned(),
        elapsed_seconds: crawler.elapsed.as_secs(),
        poll_seconds: request.bounds.pause(crawler.elapsed, request.expected),
        crawl: JudgedCrawl { status, details },
    })
}

/// The entry in ListCrawls of the ended crawl that began at `start`, if it is to be had.
async fn find_crawl(
    glue: &Glue,
    name: &CrawlerName,
    deadline: SystemTime,
    start: Option<OffsetDateTime>,
) -> Option<Crawl> {
    let start = start?;
    // ListCrawls' filter is exact, its starts and GetCrawler's agree to the second only.
    let since = start.saturating_sub(time::Duration::SECOND);
    let crawls = best_effort(name, deadline, glue.crawls_since(name, since)).await?;
    crawls.into_iter().find(|crawl| {
        // An entry that has not caught up with the crawl's end would give what the crawl had done by then.
        crawl.state != CrawlState::Running
            && crawl
                .start_time
                .is_some_and(|began| protocol::same_crawl(began, start))
    })
}

#[cfg(test)]
mod tests;
