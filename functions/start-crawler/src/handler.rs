//! From the request to the crawl that serves it.

use std::time::{Duration, SystemTime};

use crawl::crawler::{CrawlerName, CrawlerState};
use crawl::poll::{PollBounds, Progress, Waiting};
use crawl::protocol::{self, Busy, Plan};
use glue::{Glue, best_effort, in_time};
use input::{Fields, Mistakes, Node};
use lambda::failure::{CRAWLER_RUNNING, Failure};
use lambda::request::{self, Named};
use lambda_runtime::LambdaEvent;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

/// How often to look at most, if somebody else keeps winning the race to start the crawler. A caller who loses
/// more often is told that a crawl is under way, and comes back later.
const LOOKS: usize = 3;

/// What a caller asks for.
#[derive(Debug)]
struct Request {
    named: Named,
    /// Makes it "a crawl that begins at or after this moment" instead of "start".
    requested_at: Option<OffsetDateTime>,
    bounds: PollBounds,
    waiting: Waiting,
}

impl Request {
    fn parse(payload: &Value) -> Result<Self, Mistakes> {
        input::read(payload, "input", |input| {
            let mut fields = input.fields()?;
            let requested_at = fields.optional("requestedAt", Node::moment);
            if requested_at.is_some() {
                check_limits(&mut fields);
            }
            let bounds = request::poll_bounds(&mut fields);
            let waiting = request::waiting(&mut fields, requested_at, OffsetDateTime::now_utc());
            Some(Self {
                named: request::crawler(&fields)?,
                requested_at,
                bounds: bounds?,
                waiting,
            })
        })
    }
}

/// What **crawl** does with these is its own business, but it has no way to refuse them. The Python Lambda's
/// callers may use the same names for something else.
fn check_limits(fields: &mut Fields<'_>) {
    fields.optional("timeoutSeconds", |node| node.whole(1..=86_400));
    fields.optional("stopOnTimeout", Node::flag);
}

/// How a request is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "&str")]
enum Outcome {
    /// By a crawl that was started for it.
    Started,
    /// By one under way, proven to have begun in time.
    Joined,
    /// By one that is done, and began in time.
    Satisfied,
    /// Not yet: one is under way that may have missed what the caller wants crawled. It has to end before a fresh
    /// one can start.
    Busy,
}

impl From<Outcome> for &str {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Started => "STARTED",
            Outcome::Joined => "JOINED",
            Outcome::Satisfied => "SATISFIED",
            Outcome::Busy => "BUSY",
        }
    }
}

/// What the caller gets, and hands on to get-crawler-state.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Response {
    #[serde(flatten)]
    named: Named,
    outcome: Outcome,
    state: String,
    #[serde(with = "time::serde::rfc3339::option")]
    previous_crawl: Option<OffsetDateTime>,
    expected_seconds: Option<f64>,
    poll_seconds: u64,
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
            outcome = <&str>::from(response.outcome),
            state = response.state,
            "the request was answered"
        ),
        Err(failure) => failure.log("no crawl serves the request"),
    }
    result
}

async fn respond(glue: &Glue, request: Request, deadline: SystemTime) -> Result<Response, Failure> {
    let name = &request.named.crawler;
    // The SDK's calls make this more than 16 KB, which every future around it would hold and move.
    let found = Box::pin(find_or_start(glue, &request, deadline));
    let found = in_time(name, deadline, found).await?;
    let (expected, poll_seconds) = match (found.outcome, request.requested_at) {
        (Outcome::Satisfied, _) => (None, 0),
        // The Python Lambda makes no second call.
        (_, None) => (
            None,
            request.bounds.pause(found.progress(None), Waiting::Polling),
        ),
        (_, Some(_)) => {
            let median = best_effort(name, deadline, glue.median_runtime(name)).await;
            let expected = median.flatten();
            let waiting = match (request.waiting, found.outcome) {
                // For this crawl it begins now, however long an older one was waited for.
                (Waiting::Told { .. }, Outcome::Started | Outcome::Joined) => Waiting::Told {
                    since: Some(Duration::ZERO),
                },
                (waiting, _) => waiting,
            };
            (
                expected,
                request.bounds.pause(found.progress(expected), waiting),
            )
        }
    };
    Ok(Response {
        named: request.named,
        outcome: found.outcome,
        state: found.state.as_str().to_owned(),
        previous_crawl: found.previous_crawl,
        expected_seconds: expected.map(|expected| expected.as_secs_f64()),
        poll_seconds,
    })
}

/// What was found of the crawler, or done with it.
struct Found {
    outcome: Outcome,
    state: CrawlerState,
    previous_crawl: Option<OffsetDateTime>,
    elapsed: Duration,
}

impl Found {
    fn progress(&self, expected: Option<Duration>) -> Progress {
        Progress {
            elapsed: self.elapsed,
            expected,
            stopping: self.state == CrawlerState::Stopping,
        }
    }
}

async fn start(
    glue: &Glue,
    name: &CrawlerName,
    previous_crawl: Option<OffsetDateTime>,
) -> Result<Found, Failure> {
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
) -> Result<Found, Failure> {
    let name = &request.named.crawler;
    let Some(requested_at) = request.requested_at else {
        return start(glue, name, None).await;
    };
    let mut looks = 1;
    loop {
        match look(glue, name, requested_at, deadline).await {
            Err(failure) if failure.error_type() == CRAWLER_RUNNING && looks < LOOKS => looks += 1,
            found => return found,
        }
    }
}

/// Looks at the crawler once and acts on what it sees. Glue's own `CrawlerRunningException` means that
/// somebody else started the crawler since the look: their crawl may do just as well.
async fn look(
    glue: &Glue,
    name: &CrawlerName,
    requested_at: OffsetDateTime,
    deadline: SystemTime,
) -> Result<Found, Failure> {
    let crawler = glue.get_crawler(name).await?;
    let (outcome, previous_crawl) = match protocol::plan(&crawler, requested_at) {
        Plan::Satisfied => (Outcome::Satisfied, None),
        Plan::Start { previous_crawl } => return start(glue, name, previous_crawl).await,
        Plan::AskHistory => {
            let crawls = best_effort(name, deadline, glue.crawls_since(name, requested_at)).await;
            match protocol::judge(&crawls.unwrap_or_default(), requested_at) {
                Busy::Satisfied => (Outcome::Satisfied, None),
                Busy::Joined { previous_crawl } => (Outcome::Joined, Some(previous_crawl)),
                Busy::Unproven => (Outcome::Busy, None),
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
