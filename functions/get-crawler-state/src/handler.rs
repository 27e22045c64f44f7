//! From the request to the verdict on the crawl that it waits for.

use std::time::{Duration, SystemTime};

use crawl::crawler::{Crawl, CrawlState, CrawlerName, CrawlerState, LastCrawl, LastCrawlStatus};
use crawl::poll::{PollBounds, Progress, Waiting};
use crawl::protocol::{self, CrawlStatus, PreviousCrawl};
use glue::{Glue, best_effort, in_time};
use input::{Fields, Mistakes, Node};
use lambda::failure::Failure;
use lambda::request::{self, Named};
use lambda_runtime::LambdaEvent;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::summary::{self, Changes};

/// What a caller asks for: the crawler, and what start-crawler said of the crawl to wait for.
#[derive(Debug)]
struct Request {
    named: Named,
    previous_crawl: PreviousCrawl,
    expected: Option<Duration>,
    requested_at: Option<OffsetDateTime>,
    bounds: PollBounds,
    waiting: Waiting,
}

impl Request {
    fn parse(payload: &Value) -> Result<Self, Mistakes> {
        input::read(payload, "input", |input| {
            let mut fields = input.fields()?;
            let previous_crawl = previous_crawl(&mut fields);
            let expected = fields.optional("expectedSeconds", seconds);
            let requested_at = fields.optional("requestedAt", Node::moment);
            let bounds = request::poll_bounds(&mut fields);
            let waiting = request::waiting(&mut fields, None, OffsetDateTime::now_utc());
            Some(Self {
                named: request::crawler(&fields)?,
                previous_crawl: previous_crawl?,
                expected,
                requested_at,
                bounds: bounds?,
                waiting,
            })
        })
    }
}

/// Here `null` is a value: there was no crawl before.
fn previous_crawl(fields: &mut Fields<'_>) -> Option<PreviousCrawl> {
    match fields.take("previousCrawl") {
        None => Some(PreviousCrawl::Unstated),
        Some(node) if node.value().is_null() => Some(PreviousCrawl::None),
        Some(node) => node.moment().map(PreviousCrawl::Began),
    }
}

fn seconds(node: &Node<'_>) -> Option<Duration> {
    let seconds = node.value().as_f64();
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .or_else(|| node.wrong("must be a number of seconds"))
}

/// What the caller gets. `state` is all that the tutorials' state machines read.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Response {
    #[serde(flatten)]
    named: Named,
    state: String,
    elapsed_seconds: u64,
    poll_seconds: u64,
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

/// Answers one invocation and logs how it went.
pub(crate) async fn handle(glue: &Glue, event: LambdaEvent<Value>) -> Result<Response, Failure> {
    let result = match Request::parse(&event.payload) {
        Ok(request) => respond(glue, request, event.context.deadline()).await,
        Err(mistakes) => Err(mistakes.into()),
    };
    match &result {
        Ok(response) => tracing::info!(
            crawlername = response.named.crawler.as_str(),
            outcome = <&str>::from(response.crawl.status),
            state = response.state,
            elapsedSeconds = response.elapsed_seconds,
            reason = response.crawl.details.error_message,
            "looked at the crawler"
        ),
        Err(failure) => failure.log("could not look at the crawler"),
    }
    result
}

async fn respond(glue: &Glue, request: Request, deadline: SystemTime) -> Result<Response, Failure> {
    let name = &request.named.crawler;
    let crawler = in_time(name, deadline, glue.get_crawler(name)).await?;
    let status = protocol::verdict(&crawler, request.previous_crawl, request.requested_at);
    let details = match crawler.last_crawl.filter(|_| status.is_final()) {
        Some(last) => {
            let entry = find_crawl(glue, name, deadline, last.start_time).await;
            Details::new(last, entry)
        }
        None => Details::default(),
    };
    let progress = Progress {
        elapsed: crawler.elapsed,
        expected: request.expected,
        stopping: crawler.state == CrawlerState::Stopping,
    };
    Ok(Response {
        state: crawler.state.as_str().to_owned(),
        elapsed_seconds: crawler.elapsed.as_secs(),
        poll_seconds: request.bounds.pause(progress, request.waiting),
        crawl: JudgedCrawl { status, details },
        named: request.named,
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
