//! The Glue functions' one edge to AWS: each call of the Glue API that they need, with plain values
//! out and AWS's own error codes.

mod connect;
mod error;

use std::time::{Duration, SystemTime};

use aws_sdk_glue::Client;
use aws_sdk_glue::operation::RequestId as _;
use aws_sdk_glue::types::{CrawlsFilter, FieldName, FilterOperator};
use aws_smithy_types::DateTime;
use shared::crawler::{Crawl, Crawler, CrawlerName, LastCrawl};
use time::OffsetDateTime;

pub use connect::connect;
pub use error::GlueError;

/// How long a call may take at most whose answer a function can do without.
const BEST_EFFORT: Duration = Duration::from_secs(3);

/// The Glue API, as far as it is about crawlers.
#[derive(Debug, Clone)]
pub struct Glue(Client);

impl From<Client> for Glue {
    fn from(client: Client) -> Self {
        Self(client)
    }
}

impl Glue {
    /// Starts a crawl.
    ///
    /// # Errors
    /// [`GlueError`]; under `CrawlerRunningException` if a crawl is under way already. StartCrawler is
    /// not idempotent: after a lost response, the SDK's own retry gets that error for its own crawl.
    pub async fn start_crawler(&self, name: &CrawlerName) -> Result<(), GlueError> {
        let request = self.0.start_crawler().name(name.as_str());
        let answer = request
            .send()
            .await
            .map_err(|error| GlueError::new(name, &error))?;
        // The answer has no content that would have to parse: only the id tells it from a proxy's page.
        match answer.request_id() {
            Some(_) => Ok(()),
            None => Err(GlueError::unreachable(
                name,
                "HTTP status 200 without an answer of Glue's",
            )),
        }
    }

    /// What Glue says of the crawler now.
    ///
    /// # Errors
    /// [`GlueError`]; an answer without a state is none of Glue's.
    pub async fn get_crawler(&self, name: &CrawlerName) -> Result<Crawler, GlueError> {
        let request = self.0.get_crawler().name(name.as_str());
        let answer = request
            .send()
            .await
            .map_err(|error| GlueError::new(name, &error))?;
        let crawler = answer
            .crawler
            .ok_or_else(|| GlueError::unreachable(name, "GetCrawler's answer is empty"))?;
        let state = crawler
            .state
            .ok_or_else(|| GlueError::unreachable(name, "GetCrawler's answer has no state"))?;
        Ok(Crawler {
            state: state.as_str().into(),
            elapsed: Duration::from_millis(u64::try_from(crawler.crawl_elapsed_time).unwrap_or(0)),
            last_crawl: crawler.last_crawl.map(|last| LastCrawl {
                status: last
                    .status
                    .as_ref()
                    .map(|status| status.as_str().into())
                    .unwrap_or_default(),
                start_time: last.start_time.as_ref().and_then(milliseconds),
                error_message: last.error_message,
                log_group: last.log_group,
                log_stream: last.log_stream,
            }),
        })
    }

    /// The crawls that began at or after `since`, all pages of them.
    ///
    /// # Errors
    /// [`GlueError`].
    pub async fn crawls_since(
        &self,
        name: &CrawlerName,
        since: OffsetDateTime,
    ) -> Result<Vec<Crawl>, GlueError> {
        let filter = CrawlsFilter::builder()
            .field_name(FieldName::StartTime)
            .filter_operator(FilterOperator::Ge)
            .field_value((since.unix_timestamp_nanos() / 1_000_000).to_string())
            .build();
        let mut crawls = Vec::new();
        let mut next_token = None;
        loop {
            let request = self
                .0
                .list_crawls()
                .crawler_name(name.as_str())
                .max_results(100)
                .filters(filter.clone())
                .set_next_token(next_token);
            let page = request
                .send()
                .await
                .map_err(|error| GlueError::new(name, &error))?;
            crawls.extend(page.crawls.unwrap_or_default().into_iter().map(|crawl| {
                Crawl {
                    id: crawl.crawl_id,
                    state: crawl
                        .state
                        .as_ref()
                        .map(|state| state.as_str().into())
                        .unwrap_or_default(),
                    start_time: crawl.start_time.as_ref().and_then(milliseconds),
                    end_time: crawl.end_time.as_ref().and_then(milliseconds),
                    dpu_hours: crawl.dpu_hour,
                    summary: crawl.summary,
                }
            }));
            next_token = page.next_token.filter(|token| !token.is_empty());
            if next_token.is_none() {
                return Ok(crawls);
            }
        }
    }

    /// The median runtime of the crawler's crawls; None if it has none yet.
    ///
    /// # Errors
    /// [`GlueError`].
    pub async fn median_runtime(&self, name: &CrawlerName) -> Result<Option<Duration>, GlueError> {
        let request = self
            .0
            .get_crawler_metrics()
            .crawler_name_list(name.as_str());
        let answer = request
            .send()
            .await
            .map_err(|error| GlueError::new(name, &error))?;
        Ok(answer
            .crawler_metrics_list()
            .iter()
            .find(|metrics| metrics.crawler_name() == Some(name.as_str()))
            .and_then(|metrics| Duration::try_from_secs_f64(metrics.median_runtime_seconds()).ok())
            .filter(|median| !median.is_zero()))
    }
}

/// Awaits a call whose answer the caller can do without: a failure or a slow answer becomes a log
/// line and `None`. It takes no longer than the function has left, so that it cannot cost the answer
/// that it is a detail of.
pub async fn best_effort<T>(
    name: &CrawlerName,
    deadline: SystemTime,
    call: impl Future<Output = Result<T, GlueError>>,
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

/// Awaits what a function cannot answer without, up to a second before Lambda would end the function: its
/// calls may each be in time and still be too slow together, and Lambda's own error would not say why.
///
/// # Errors
/// What the work returns, or [`GlueError::Unreachable`] when time is up.
pub async fn in_time<T, E: From<GlueError>>(
    name: &CrawlerName,
    deadline: SystemTime,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::time::timeout(left(deadline), work)
        .await
        .unwrap_or_else(|_| {
            Err(
                GlueError::unreachable(name, "Glue answered too slowly for the function's timeout")
                    .into(),
            )
        })
}

/// What is left until `deadline`, but for a second to answer in.
fn left(deadline: SystemTime) -> Duration {
    let left = deadline.duration_since(SystemTime::now());
    left.unwrap_or_default()
        .saturating_sub(Duration::from_secs(1))
}

/// Glue's times have at most milliseconds, but travel as floating-point seconds, so that the same
/// moment can arrive with different nanoseconds.
fn milliseconds(moment: &DateTime) -> Option<OffsetDateTime> {
    let milliseconds = (moment.as_nanos() + 500_000).div_euclid(1_000_000);
    OffsetDateTime::from_unix_timestamp_nanos(milliseconds * 1_000_000).ok()
}

#[cfg(test)]
mod tests;
