//! From the request to the crawl that serves it.

use std::time::Duration;

use glue_client::{Glue, GlueError, best_effort, in_time};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::Serialize;
use serde_json::Value;
use shared::crawler::{CrawlerName, CrawlerState};
use shared::error_name;
use shared::poll::PollBounds;
use shared::protocol::{self, Busy, Plan};
use shared::request::{self, InvalidRequest};
use time::OffsetDateTime;

/// How often to look again after somebody else won the race to start the crawler. A caller who loses
/// more often is told that a crawl is under way, and comes back later.
const LOOKS: usize = 3;

/// What a caller asks for.
#[derive(Debug)]
struct Request {
    crawler: CrawlerName,
    /// Makes it "a crawl that begins at or after this moment" instead of "start".
    requested_at: Option<OffsetDateTime>,
}

impl Request {
    fn parse(payload: &Value) -> Result<Self, InvalidRequest> {
        let input = request::object(payload)?;
        Ok(Self {
            crawler: request::crawler_name(input)?,
            requested_at: request::moment(input, "requestedAt")?,
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
    InvalidRequest(#[from] InvalidRequest),
    /// Glue or AWS refused a call, or did not answer.
    #[error(transparent)]
    Glue(#[from] GlueError),
    /// A crawl is under way that may have missed what the caller wants crawled.
    #[error(
        "crawler {crawler}: the crawl under way is not known to have begun at or after {requested_at}; it has to end before a fresh one can start"
    )]
    BeganTooEarly {
        /// The crawler.
        crawler: String,
        /// The moment that counts.
        requested_at: OffsetDateTime,
    },
}

impl Error {
    fn error_type(&self) -> &str {
        match self {
            Self::InvalidRequest(_) => error_name::INVALID_REQUEST,
            Self::Glue(error) => error.error_type(),
            Self::BeganTooEarly { .. } => error_name::CRAWLER_RUNNING,
        }
    }

    fn crawler(&self) -> Option<&str> {
        match self {
            Self::InvalidRequest(_) => None,
            Self::Glue(error) => Some(error.crawler()),
            Self::BeganTooEarly { crawler, .. } => Some(crawler),
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
            outcome = <&str>::from(response.outcome),
            state = response.state,
            "a crawl serves the request"
        ),
        Err(error) => tracing::error!(
            crawlername = error.crawler(),
            outcome = error.error_type(),
            reason = %error,
            "no crawl serves the request"
        ),
    }
    result
}

async fn respond(glue: &Glue, bounds: PollBounds, request: &Request) -> Result<Response, Error> {
    let name = &request.crawler;
    let Some(requested_at) = request.requested_at else {
        glue.start_crawler(name).await?;
        return Ok(Response {
            crawlername: name.to_string(),
            outcome: Outcome::Started,
            state: CrawlerState::Running.as_str().to_owned(),
            previous_crawl: None,
            expected_seconds: None,
            poll_seconds: bounds.pause(Duration::ZERO, None),
        });
    };
    let found = find_or_start(glue, name, requested_at).await?;
    let expected = match found.outcome {
        Outcome::Satisfied => None,
        Outcome::Started | Outcome::Joined => {
            best_effort(name, glue.median_runtime(name)).await.flatten()
        }
    };
    Ok(Response {
        crawlername: name.to_string(),
        outcome: found.outcome,
        state: found.state.as_str().to_owned(),
        previous_crawl: found.previous_crawl,
        expected_seconds: expected.map(|expected| expected.as_secs_f64()),
        poll_seconds: match found.outcome {
            Outcome::Satisfied => 0,
            Outcome::Started | Outcome::Joined => bounds.pause(found.elapsed, expected),
        },
    })
}

/// The crawl that serves a request.
struct Found {
    outcome: Outcome,
    state: CrawlerState,
    previous_crawl: Option<OffsetDateTime>,
    elapsed: Duration,
}

async fn find_or_start(
    glue: &Glue,
    name: &CrawlerName,
    requested_at: OffsetDateTime,
) -> Result<Found, Error> {
    for _ in 1..LOOKS {
        let found = look(glue, name, requested_at).await;
        if !matches!(&found, Err(Error::Glue(error)) if error.is_crawler_running()) {
            return found;
        }
    }
    look(glue, name, requested_at).await
}

/// Looks at the crawler once and acts on what it sees. Glue's own `CrawlerRunningException` means that
/// somebody else started the crawler since the look: their crawl may do just as well.
async fn look(
    glue: &Glue,
    name: &CrawlerName,
    requested_at: OffsetDateTime,
) -> Result<Found, Error> {
    let crawler = glue.get_crawler(name).await?;
    let (outcome, previous_crawl) = match protocol::plan(&crawler, requested_at) {
        Plan::Satisfied => (Outcome::Satisfied, None),
        Plan::Start { previous_crawl } => {
            glue.start_crawler(name).await?;
            let (outcome, state) = (Outcome::Started, CrawlerState::Running);
            return Ok(Found {
                outcome,
                state,
                previous_crawl,
                elapsed: Duration::ZERO,
            });
        }
        Plan::AskHistory => {
            let crawls = best_effort(name, glue.crawls_since(name, requested_at))
                .await
                .unwrap_or_default();
            match protocol::judge(&crawls, requested_at) {
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
