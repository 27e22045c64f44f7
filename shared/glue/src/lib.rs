//! The Glue functions' one edge to AWS: a client with deadlines, plain values out, errors under AWS's own codes.
//!
//! | call | who needs it, and what for |
//! |---|---|
//! | [`Glue::start_crawler`] | start-crawler: the crawl |
//! | [`Glue::get_crawler`] | start-crawler: is one to be started; get-crawler-state: has it ended, and how |
//! | [`Glue::crawls_since`] | start-crawler: when the crawl under way began; get-crawler-state: what a crawl has done |
//! | [`Glue::median_runtime`] | start-crawler: when to look |

mod connect;
mod deadline;
mod error;

use std::time::Duration;

use aws_sdk_glue::Client;
use aws_sdk_glue::operation::RequestId as _;
use aws_sdk_glue::types::{self, CrawlsFilter, FieldName, FilterOperator};
use aws_smithy_types::DateTime;
use crawl::crawler::{Crawl, Crawler, CrawlerName, LastCrawl};
use lambda::failure::Failure;
use time::OffsetDateTime;

pub use connect::connect;
pub use deadline::{best_effort, in_time};

use error::{failure, unreachable};

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
    /// AWS's code: `CrawlerRunningException` if a crawl is under way already. StartCrawler is not idempotent:
    /// after a lost response, the SDK's own retry gets that error for its own crawl.
    pub async fn start_crawler(&self, name: &CrawlerName) -> Result<(), Failure> {
        let request = self.0.start_crawler().name(name.as_str());
        let answer = request
            .send()
            .await
            .map_err(|error| failure(name, &error))?;
        // The answer has no content that would have to parse: only the id tells it from a proxy's page.
        match answer.request_id() {
            Some(_) => Ok(()),
            None => Err(unreachable(
                name,
                "HTTP status 200 without an answer of Glue's",
            )),
        }
    }

    /// What Glue says of the crawler now.
    ///
    /// # Errors
    /// AWS's code, or `GlueUnreachable`: an answer without a state is not Glue's.
    pub async fn get_crawler(&self, name: &CrawlerName) -> Result<Crawler, Failure> {
        let request = self.0.get_crawler().name(name.as_str());
        let answer = request
            .send()
            .await
            .map_err(|error| failure(name, &error))?;
        let described = answer
            .crawler
            .ok_or_else(|| unreachable(name, "GetCrawler's answer is empty"))?;
        crawler(described).ok_or_else(|| unreachable(name, "GetCrawler's answer has no state"))
    }

    /// The crawls that began at or after `since`, all pages of them.
    ///
    /// # Errors
    /// AWS's code, or `GlueUnreachable`.
    pub async fn crawls_since(
        &self,
        name: &CrawlerName,
        since: OffsetDateTime,
    ) -> Result<Vec<Crawl>, Failure> {
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
                .map_err(|error| failure(name, &error))?;
            crawls.extend(page.crawls.unwrap_or_default().into_iter().map(crawl));
            next_token = page.next_token.filter(|token| !token.is_empty());
            if next_token.is_none() {
                return Ok(crawls);
            }
        }
    }

    /// The median runtime of the crawler's crawls; None if it has none yet.
    ///
    /// # Errors
    /// AWS's code, or `GlueUnreachable`.
    pub async fn median_runtime(&self, name: &CrawlerName) -> Result<Option<Duration>, Failure> {
        let request = self
            .0
            .get_crawler_metrics()
            .crawler_name_list(name.as_str());
        let answer = request
            .send()
            .await
            .map_err(|error| failure(name, &error))?;
        Ok(answer
            .crawler_metrics_list()
            .iter()
            .find(|metrics| metrics.crawler_name() == Some(name.as_str()))
            .and_then(|metrics| Duration::try_from_secs_f64(metrics.median_runtime_seconds()).ok())
            .filter(|median| !median.is_zero()))
    }
}

/// GetCrawler's answer; None without a state.
fn crawler(described: types::Crawler) -> Option<Crawler> {
    Some(Crawler {
        state: described.state?.as_str().into(),
        elapsed: Duration::from_millis(u64::try_from(described.crawl_elapsed_time).unwrap_or(0)),
        last_crawl: described.last_crawl.map(last_crawl),
    })
}

fn last_crawl(last: types::LastCrawlInfo) -> LastCrawl {
    LastCrawl {
        status: last
            .status
            .map(|status| status.as_str().into())
            .unwrap_or_default(),
        start_time: last.start_time.as_ref().and_then(milliseconds),
        error_message: last.error_message,
        log_group: last.log_group,
        log_stream: last.log_stream,
    }
}

/// An entry of ListCrawls.
fn crawl(entry: types::CrawlerHistory) -> Crawl {
    Crawl {
        id: entry.crawl_id,
        state: entry
            .state
            .map(|state| state.as_str().into())
            .unwrap_or_default(),
        start_time: entry.start_time.as_ref().and_then(milliseconds),
        end_time: entry.end_time.as_ref().and_then(milliseconds),
        dpu_hours: entry.dpu_hour,
        summary: entry.summary,
    }
}

/// Glue's times have at most milliseconds, but travel as floating-point seconds, so that the same moment can arrive
/// with different nanoseconds.
fn milliseconds(moment: &DateTime) -> Option<OffsetDateTime> {
    let milliseconds = (moment.as_nanos() + 500_000).div_euclid(1_000_000);
    OffsetDateTime::from_unix_timestamp_nanos(milliseconds * 1_000_000).ok()
}

#[cfg(test)]
mod tests;
