//! From the request to the crawl that serves it.

use std::time::{Duration, SystemTime};

use glue_client::{Glue, GlueError, best_effort, in_time};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::Serialize;
use serde_json::Value;
use shared::crawler::{CrawlerName, CrawlerState};
use shared::error_name;
use shared::poll::PollBounds;
use shared::protocol::{self, Busy, Plan};
use shared::request::{self, InvalidField};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How often to look again after somebody else won the race to start the crawler. A caller who loses
/// more often is told that a crawl is under way, and comes back later.
const LOOKS: usize = 3;

/// What a caller asks for.
#[derive(Debug)]
struct Request {
    crawler: CrawlerName,
    /// Makes it "a crawl that begins at or after this moment" instead of "start".
    requested_at: Option<OffsetDateTime>,
    bounds: PollBounds,
}

impl Request {
    fn parse(payload: &Value, bounds: PollBounds) -> Result<Self, InvalidField> {
        let input = request::object(payload)?;
        Ok(Self {
            crawler: request::crawler_name(input)?,
            requested_at: request::moment(input, "requestedAt")?,
            bounds: bounds.with_input(input)?,
        })
    }
}

/// Which crawl serves the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "&str")]
enum Outcome {
    /// One that was started for it.
    Started,
    /// One under way, proven to have begun in time.
    Joined,
    /// One that is done, and began in time.
    Satisfied,
}

impl From<Outcome> for &str {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Started => "STARTED",
            Outcome::Joined => "JOINED",
            Outcome::Satisfied => "SATISFIED",
        }
    }
}

/// What the caller gets, and hands on to get-crawler-state.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Response {
    crawlername: String,
    outcome: Outcome,
    state: String,
    #[serde(with = "time::serde::rfc3339::option")]
    previous_crawl: Option<OffsetDateTime>,
    expected_seconds: Option<f64>,
    poll_seconds: u32,
}

/// Why no crawl serves the request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The input cannot be read.
    #[error(transparent)]
    InvalidRequest(#[from] InvalidField),
    /// Glue or AWS refused a call, or did not answer.
    #[error(transparent)]
    Glue(#[from] GlueError),
    /// A crawl is under way that may have missed what the caller wants crawled.
    #[error(
        "crawler {crawler}: the crawl under way is not known to have begun at or after {}; it has to end before a fresh one can start",
        rfc3339(*requested_at)
    )]
    BeganTooEarly {
        /// The crawler.
        crawler: String,
        /// The moment that counts.
        requested_at: OffsetDateTime,
    },
}

/// A moment that was read as RFC 3339 can be written as such.
fn rfc3339(moment: OffsetDateTime) -> String {
    moment
        .format(&Rfc3339)
        .unwrap_or_else(|_| moment.to_string())
}

impl Error {
    fn error_type(&self) -> &str {
        match self {
            Self::InvalidRequest(_) => error_name::INVALID_REQUEST,
            Self::Glue(error) => error.error_type(),
            Self::BeganTooEarly { .. } => error_name::CRAWLER_RUNNING,
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
            outcome = <&str>::from(response.outcome),
            state = response.state,
            "a crawl serves the request"
        ),
        Err(error) => tracing::error!(
            crawlername,
            outcome = error.error_type(),
            reason = %error,
            "no crawl serves the request"
        ),
    }
    result
}

async fn respond(glue: &Glue, request: &Request, deadline: SystemTime) -> Result<Response, Error> {
    let name = &request.crawler;
    // The SDK's calls make this more than 16 KB, which every future around it would hold and move.
    let found = Box::pin(find_or_start(glue, request, deadline));
    let found = in_time(name, deadline, found).await?;
    let (expected, poll_seconds) = match (found.outcome, request.requested_at) {
        (Outcome::Satisfied, _) => (None, 0),
        // The Python Lambda makes no second call.
        (Outcome::Started | Outcome::Joined, None) => {
            (None, request.bounds.pause(found.elapsed, None))
        }
        (Outcome::Started | Outcome::Joined, Some(_)) => {
            let median = best_effort(name, deadline, glue.median_runtime(name)).await;
            let expected = median.flatten();
            (expected, request.bounds.pause(found.elapsed, expected))
        }
    };
    Ok(Response {
        crawlername: name.to_string(),
        outcome: found.outcome,
        state: found.state.as_str().to_owned(),
        previous_crawl: found.previous_crawl,
        expected_seconds: expected.map(|expected| expected.as_secs_f64()),
        poll_seconds,
    })
}

/// The crawl that serves a request.
struct Found {
    outcome: Outcome,
    state: CrawlerState,
    previous_crawl: Option<OffsetDateTime>,
    elapsed: Duration,
}

async fn start(
    glue: &Glue,
    name: &CrawlerName,
    previous_crawl: Option<OffsetDateTime>,
) -> Result<Found, Error> {
    glue.start_crawler(name).await?;
    Ok(Found {
        outcome: Outcome::Started,
        state: CrawlerState::Running,
        previous_crawl,
        elapsed: Duration::ZERO,
    })
}

async fn find_or_start(
    glue: &Glue,
    request: &Request,
    deadline: SystemTime,
) -> Result<Found, Error> {
    let name = &request.crawler;
    let Some(requested_at) = request.requested_at else {
        return start(glue, name, None).await;
    };
    for _ in 1..LOOKS {
        let found = look(glue, name, requested_at, deadline).await;
        if !matches!(&found, Err(Error::Glue(error)) if error.is_crawler_running()) {
            return found;
        }
    }
    look(glue, name, requested_at, deadline).await
}

/// Looks at the crawler once and acts on what it sees. Glue's own `CrawlerRunningException` means that
/// somebody else started the crawler since the look: their crawl may do just as well.
async fn look(
    glue: &Glue,
    name: &CrawlerName,
    requested_at: OffsetDateTime,
    deadline: SystemTime,
) -> Result<Found, Error> {
    let crawler = glue.get_crawler(name).await?;
    let (outcome, previous_crawl) = match protocol::plan(&crawler, requested_at) {
        Plan::Satisfied => (Outcome::Satisfied, None),
        Plan::Start { previous_crawl } => return start(glue, name, previous_crawl).await,
        Plan::AskHistory => {
            let crawls = best_effort(name, deadline, glue.crawls_since(name, requested_at)).await;
            match protocol::judge(&crawls.unwrap_or_default(), requested_at) {
                Busy::Satisfied => (Outcome::Satisfied, None),
                Busy::Joined { previous_crawl } => (Outcome::Joined, Some(previous_crawl)),
                Busy::Unproven => {
                    return Err(Error::BeganTooEarly {
                        crawler: name.to_string(),
                        requested_at,
                    });
                }
            }
        }
    };
    Ok(Found {
        outcome,
        state: crawler.state,
        previous_crawl,
        elapsed: crawler.elapsed,
    })
}

#[cfg(test)]
mod tests;
