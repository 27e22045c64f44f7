//! Calls that end in time: Lambda's own error for a function that it ends says nothing of why.

use std::time::{Duration, SystemTime};

use crawl::crawler::CrawlerName;
use lambda::failure::Failure;

use crate::error::unreachable;

/// The time limit of a call whose answer is optional.
const BEST_EFFORT: Duration = Duration::from_secs(3);

/// Awaits a call whose answer is optional: a failure or a slow answer becomes a log line and `None`. It takes
/// no longer than the function has left, so that it cannot cost the answer that it is a detail of.
pub async fn best_effort<T>(
    name: &CrawlerName,
    deadline: SystemTime,
    call: impl Future<Output = Result<T, Failure>>,
) -> Option<T> {
    let reason = match tokio::time::timeout(BEST_EFFORT.min(left(deadline)), call).await {
        Ok(Ok(answer)) => return Some(answer),
        Ok(Err(error)) => error.to_string(),
        Err(elapsed) => elapsed.to_string(),
    };
    tracing::warn!(
        crawlername = name.as_str(),
        outcome = "incomplete",
        reason,
        "Glue gave no detail"
    );
    None
}

/// Awaits required work, but gives up a second before Lambda's timeout: calls that are each in time can still
/// add up.
///
/// # Errors
/// What the work returns, or `GlueUnreachable` when time is up.
pub async fn in_time<T>(
    name: &CrawlerName,
    deadline: SystemTime,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::time::timeout(left(deadline), work)
        .await
        .unwrap_or_else(|_| {
            let reason = "Glue answered too slowly for the function's timeout";
            Err(unreachable(name, reason))
        })
}

/// What is left until `deadline`, but for a second to answer in.
fn left(deadline: SystemTime) -> Duration {
    let left = deadline.duration_since(SystemTime::now());
    left.unwrap_or_default()
        .saturating_sub(Duration::from_secs(1))
}
