//! From the request to the verdict on the crawl that it waits for.

use std::time::Duration;

use glue_client::{Glue, GlueError, best_effort, in_time};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::Serialize;
use serde_json::{Map, Value};
use shared::crawler::{Crawl, CrawlerName, LastCrawl, LastCrawlStatus};
use shared::error_name;
use shared::poll::PollBounds;
use shared::protocol::{self, CrawlStatus, PreviousCrawl};
use shared::request::{self, InvalidRequest};
use time::OffsetDateTime;

use crate::summary::{self, Changes};

/// What a caller asks for: the crawler, and what start-crawler said of the crawl to wait for.
#[derive(Debug)]
struct Request {
    crawler: CrawlerName,
    previous_crawl: PreviousCrawl,
    expected: Option<Duration>,
    requested_at: Option<OffsetDateTime>,
}

impl Request {
    fn parse(payload: &Value) -> Result<Self, InvalidRequest> {
        let input = request::object(payload)?;
        Ok(Self {
            crawler: request::crawler_name(input)?,
            previous_crawl: previous_crawl(input)?,
            expected: expected(input)?,
            requested_at: request::moment(input, "requestedAt")?,
        })
    }
}

/// Here `null` is a value: there was no crawl before.
fn previous_crawl(input: &Map<String, Value>) -> Result<PreviousCrawl, InvalidRequest> {
    const FIELD: &str = "previousCrawl";
    if !input.contains_key(FIELD) {
        return Ok(PreviousCrawl::Unstated);
    }
    Ok(request::moment(input, FIELD)?.map_or(PreviousCrawl::None, PreviousCrawl::Began))
}

fn expected(input: &Map<String, Value>) -> Result<Option<Duration>, InvalidRequest> {
    const FIELD: &str = "expectedSeconds";
    request::optional::<f64>(input, FIELD)?
        .map(|seconds| {
            Duration::try_from_secs_f64(seconds)
                .map_err(|error| InvalidRequest::new(FIELD, format!("{seconds}: {error}")))
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

/// The crawl that the caller waits for. Until it has ended there is nothing to say but its status:
/// Glue's last crawl is then the one before.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct JudgedCrawl {
    status: CrawlStatus,
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

impl JudgedCrawl {
    /// `ended` is Glue's last crawl if that is the one that the caller waits for.
    fn new(status: CrawlStatus, ended: Option<LastCrawl>, entry: Option<Crawl>) -> Self {
        let Some(last) = ended else {
            return Self {
                status,
                ..Self::default()
            };
        };
        let changes = entry
            .as_ref()
            .and_then(|entry| summary::changes(entry.summary.as_deref()?));
        Self {
            status,
            start_time: last.start_time,
            end_time: entry.as_ref().and_then(|entry| entry.end_time),
            dpu_hours: entry.as_ref().map(|entry| entry.dpu_hours),
            crawl_id: entry.and_then(|entry| entry.id),
            error_message: error_message(&last.status, last.error_message),
            log_group: last.log_group,
            log_stream: last.log_stream,
            tables: changes.map(|(tables, _)| tables),
            partitions: changes.map(|(_, partitions)| partitions),
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
    InvalidRequest(#[from] InvalidRequest),
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
    let result = match Request::parse(&event.payload) {
        Ok(request) => {
            in_time(
                &request.crawler,
                event.context.deadline(),
                Box::pin(respond(glue, bounds, &request)),
            )
            .await
        }
        Err(error) => Err(error.into()),
    };
    match &result {
        Ok(response) => tracing::info!(
            crawlername = response.crawlername,
            outcome = <&str>::from(response.crawl.status),
            state = response.state,
            elapsedSeconds = response.elapsed_seconds,
            reason = response.crawl.error_message,
            "looked at the crawler"
        ),
        Err(error) => tracing::error!(
            crawlername = match error {
                Error::InvalidRequest(_) => None,
                Error::Glue(error) => Some(error.crawler()),
            },
            outcome = error.error_type(),
            reason = %error,
            "could not look at the crawler"
        ),
    }
    result
}

async fn respond(glue: &Glue, bounds: PollBounds, request: &Request) -> Result<Response, Error> {
    let name = &request.crawler;
    let crawler = glue.get_crawler(name).await?;
    let status = protocol::verdict(&crawler, request.previous_crawl, request.requested_at);
    let ended = crawler.last_crawl.filter(|_| status.is_final());
    let entry = match ended.as_ref().and_then(|last| last.start_time) {
        Some(start) => find_crawl(glue, name, start).await,
        None => None,
    };
    Ok(Response {
        crawlername: name.to_string(),
        state: crawler.state.as_str().to_owned(),
        elapsed_seconds: crawler.elapsed.as_secs(),
        poll_seconds: bounds.pause(crawler.elapsed, request.expected),
        crawl: JudgedCrawl::new(status, ended, entry),
    })
}

/// The entry in ListCrawls of the crawl that began at `start`, if it is to be had.
async fn find_crawl(glue: &Glue, name: &CrawlerName, start: OffsetDateTime) -> Option<Crawl> {
    // ListCrawls may know the start to the second only, and its filter is exact.
    let second = start.replace_nanosecond(0).unwrap_or(start);
    let crawls = best_effort(name, glue.crawls_since(name, second)).await?;
    crawls.into_iter().find(|crawl| {
        crawl
            .start_time
            .is_some_and(|began| protocol::same_crawl(began, start))
    })
}

#[cfg(test)]
mod tests;
