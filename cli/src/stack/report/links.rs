//! Where more is told of a part of a run: pages of AWS's console.

use jiff::SignedDuration;

use super::super::home::function_name;
use super::super::run::{Attempt, Crawling, Kind, Work};
use super::details::Teller;

/// Where crawlers log unless a security configuration says otherwise.
const CRAWLERS_LOG: &str = "/aws-glue/crawlers";
/// Logs come a little later than what they tell of.
const LOGS_LAG: SignedDuration = SignedDuration::from_mins(1);

/// A page of AWS's console.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) told: &'static str,
    pub(super) url: String,
}

impl Teller<'_> {
    /// The attempt in the console, and its logs.
    pub(super) fn links(&self, work: &Work, attempt: &Attempt) -> Vec<Link> {
        let page = self.home.page_of_attempt(work, attempt.id.as_deref());
        let told = match work.kind {
            Kind::Job => "job run",
            Kind::Function => "function",
            Kind::Query => "query",
            Kind::Machine => "execution",
        };
        let page = page.map(|url| Link { told, url });
        page.into_iter().chain(self.logs(work, attempt)).collect()
    }

    fn logs(&self, work: &Work, attempt: &Attempt) -> Vec<Link> {
        match (work.kind, &attempt.log_group, &attempt.id) {
            (Kind::Job, Some(group), Some(run)) => {
                let group = group.trim_end_matches('/');
                [("error log", "error"), ("output log", "output")]
                    .map(|(told, of)| Link {
                        told,
                        url: self.home.page_of_log(&format!("{group}/{of}"), run),
                    })
                    .into()
            }
            (Kind::Function, ..) => {
                let name = function_name(&work.subject);
                let ended = attempt.standing.ended().unwrap_or(self.now);
                let until = ended.saturating_add(LOGS_LAG).unwrap_or(ended);
                let group = format!("/aws/lambda/{name}");
                let url = self.home.page_of_logs(&group, attempt.began, until);
                vec![Link { told: "log", url }]
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn links_of_crawl(&self, crawler: &str, crawling: &Crawling) -> Vec<Link> {
        let told = crawling
            .result
            .as_ref()
            .and_then(|result| result.crawl.as_ref());
        let group = told.and_then(|crawl| crawl.log_group.as_deref());
        let stream = told.and_then(|crawl| crawl.log_stream.as_deref());
        let url = (self.home).page_of_log(group.unwrap_or(CRAWLERS_LOG), stream.unwrap_or(crawler));
        let execution = crawling.arn.as_ref().map(|arn| Link {
            told: "execution",
            url: self.home.page_of_execution(arn),
        });
        execution
            .into_iter()
            .chain([Link { told: "log", url }])
            .collect()
    }
}
