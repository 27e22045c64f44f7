//! Is a crawl fresh, and is it done? The two halves of one promise: start-crawler decides which
//! crawl will do and names its predecessor; get-crawler-state recognises that crawl by it.
//!
//! Glue gives a started crawl no id. Two facts stand in for one:
//!
//! - Crawls of one crawler follow each other. So a last crawl that began after the one noted before is
//!   a new crawl, whatever the caller's clock says: both starts are Glue's.
//! - Whether a crawl that somebody else started is fresh is the one question that compares our
//!   caller's clock with Glue's. In doubt the answer is no, and the price one crawl more.

use std::time::Duration;

use time::OffsetDateTime;

use crate::crawler::{Crawl, CrawlState, Crawler, CrawlerState, LastCrawlStatus};

/// No crawl is over sooner.
const SHORTEST: Duration = Duration::from_secs(1);

/// What a look at the crawler alone decides for a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    /// The last crawl succeeded and began in time: nothing to start.
    Satisfied,
    /// No crawl is under way: start one.
    Start {
        /// When the last finished crawl began.
        previous_crawl: Option<OffsetDateTime>,
    },
    /// A crawl is under way; only ListCrawls tells when it began.
    AskHistory,
}

/// Decides, from GetCrawler's answer, how to get a crawl that begins at or after `requested_at`.
#[must_use]
pub fn plan(crawler: &Crawler, requested_at: OffsetDateTime) -> Plan {
    if crawler.state != CrawlerState::Ready {
        return Plan::AskHistory;
    }
    match &crawler.last_crawl {
        Some(last)
            if last.status == LastCrawlStatus::Succeeded
                && last.start_time >= Some(requested_at) =>
        {
            Plan::Satisfied
        }
        last => Plan::Start {
            previous_crawl: last.as_ref().and_then(|last| last.start_time),
        },
    }
}

/// What ListCrawls adds while a crawl is under way.
#[derive(Debug, PartialEq, Eq)]
pub enum Busy {
    /// A crawl that began in time is done already.
    Satisfied,
    /// The crawl under way began in time: wait for it.
    Joined {
        /// A moment after every earlier crawl began and before this one did. Not the last crawl's start:
        /// between the look at the crawler and the one at its history, that crawl and the next may have
        /// ended. It relies on two things:
        ///
        /// - ListCrawls is no coarser than GetCrawler.
        /// - A crawl takes a second longer than starts are rounded up by.
        previous_crawl: OffsetDateTime,
    },
    /// The crawl under way began too early, or nothing proves that it did not.
    Unproven,
}

/// Decides, from ListCrawls' answer, whether the crawl under way serves a request.
#[must_use]
pub fn judge(crawls: &[Crawl], requested_at: OffsetDateTime) -> Busy {
    let fresh = |state| {
        crawls
            .iter()
            .filter(move |crawl| crawl.state == state)
            .filter_map(|crawl| crawl.start_time)
            .find(|start| *start >= requested_at)
    };
    if fresh(CrawlState::Completed).is_some() {
        return Busy::Satisfied;
    }
    fresh(CrawlState::Running).map_or(Busy::Unproven, |running| Busy::Joined {
        previous_crawl: running - SHORTEST,
    })
}

/// Whether two starts, one from GetCrawler and one from ListCrawls, are of one crawl. The two need not
/// agree on fractions of a second; where they don't, crawls that begin within two seconds can be taken for
/// one. So this is for details, not for a verdict.
#[must_use]
pub fn same_crawl(one: OffsetDateTime, other: OffsetDateTime) -> bool {
    (one - other).unsigned_abs() < SHORTEST
}

/// What a caller knows about the crawl before the one that it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviousCrawl {
    /// Nothing: it waits for no particular crawl.
    Unstated,
    /// There was none.
    None,
    /// It began then, or before.
    Began(OffsetDateTime),
}

/// The verdict that a state machine decides on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(into = "&str")]
pub enum CrawlStatus {
    /// A crawl is under way, and none that the caller waits for has ended.
    Running,
    /// READY, but the awaited crawl is not visible yet. Never success.
    Pending,
    /// The crawler never ran.
    None,
    /// The crawl succeeded.
    Succeeded,
    /// The crawl failed.
    Failed,
    /// Somebody stopped the crawl.
    Cancelled,
}

impl CrawlStatus {
    /// Whether the crawl has ended, well or not.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl From<CrawlStatus> for &str {
    fn from(status: CrawlStatus) -> Self {
        match status {
            CrawlStatus::Running => "RUNNING",
            CrawlStatus::Pending => "PENDING",
            CrawlStatus::None => "NONE",
            CrawlStatus::Succeeded => "SUCCEEDED",
            CrawlStatus::Failed => "FAILED",
            CrawlStatus::Cancelled => "CANCELLED",
        }
    }
}

/// Judges the crawl that a caller waits for. `requested_at`, where the caller states it, is the moment at
/// or after which a crawl has to have begun to be fresh.
///
/// A last crawl without a start proves nothing to a caller who waits for a particular one.
#[must_use]
pub fn verdict(
    crawler: &Crawler,
    previous: PreviousCrawl,
    requested_at: Option<OffsetDateTime>,
) -> CrawlStatus {
    let last = crawler.last_crawl.as_ref();
    let start = last.and_then(|last| last.start_time);
    let is_awaited = match previous {
        PreviousCrawl::Unstated => false,
        PreviousCrawl::None => start.is_some(),
        PreviousCrawl::Began(began) => start.is_some_and(|start| start > began),
    };
    match (&crawler.state, last) {
        (CrawlerState::Ready, None) if previous == PreviousCrawl::Unstated => CrawlStatus::None,
        (CrawlerState::Ready, Some(last)) if is_awaited || previous == PreviousCrawl::Unstated => {
            end(&last.status)
        }
        (CrawlerState::Ready, _) => CrawlStatus::Pending,
        // The next crawl is under way already: a crawler in demand may never be seen READY. A caller that asked for
        // no moment need not have looked for a crawl before: then the one that runs may be its own.
        (CrawlerState::Running, Some(last))
            if is_awaited && (previous != PreviousCrawl::None || requested_at.is_some()) =>
        {
            end(&last.status)
        }
        (CrawlerState::Running, Some(last))
            if last.status == LastCrawlStatus::Succeeded
                && requested_at.is_some_and(|requested_at| start >= Some(requested_at)) =>
        {
            CrawlStatus::Succeeded
        }
        // While STOPPING, Glue may still be at work on the very crawl that it describes.
        _ => CrawlStatus::Running,
    }
}

fn end(status: &LastCrawlStatus) -> CrawlStatus {
    match status {
        LastCrawlStatus::Succeeded => CrawlStatus::Succeeded,
        LastCrawlStatus::Cancelled => CrawlStatus::Cancelled,
        LastCrawlStatus::Failed | LastCrawlStatus::Unknown(_) | LastCrawlStatus::Missing => {
            CrawlStatus::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::LastCrawl;
    use proptest::prelude::*;

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(second)
    }

    fn crawler(state: &str, last: Option<(&str, Option<i64>)>) -> Crawler {
        Crawler {
            state: state.into(),
            elapsed: Duration::ZERO,
            last_crawl: last.map(|(status, start)| LastCrawl {
                status: status.into(),
                start_time: start.map(at),
                ..LastCrawl::default()
            }),
        }
    }

    fn crawl(state: &str, start: i64) -> Crawl {
        Crawl {
            state: state.into(),
            start_time: Some(at(start)),
            ..Crawl::default()
        }
    }

    /// Only a crawl that succeeded and began in time may stand in for a new one.
    #[test]
    fn a_ready_crawler_is_started_unless_its_last_crawl_is_fresh_and_good() {
        let start = |previous: Option<i64>| Plan::Start {
            previous_crawl: previous.map(at),
        };
        for (last, plan_at_100) in [
            (None, start(None)),
            (Some(("SUCCEEDED", Some(100))), Plan::Satisfied),
            (Some(("SUCCEEDED", Some(101))), Plan::Satisfied),
            (Some(("SUCCEEDED", Some(99))), start(Some(99))),
            (Some(("FAILED", Some(101))), start(Some(101))),
            (Some(("CANCELLED", Some(101))), start(Some(101))),
            (Some(("PAUSED", Some(101))), start(Some(101))),
            (Some(("SUCCEEDED", None)), start(None)),
        ] {
            assert_eq!(
                plan(&crawler("READY", last), at(100)),
                plan_at_100,
                "{last:?}"
            );
        }
    }

    /// STOPPING is no end, and a state that we don't know is no READY.
    #[test]
    fn any_other_state_asks_the_history() {
        for state in ["RUNNING", "STOPPING", "HIBERNATING"] {
            assert_eq!(
                plan(&crawler(state, Some(("SUCCEEDED", Some(200)))), at(100)),
                Plan::AskHistory,
                "{state}"
            );
        }
    }

    /// A crawl under way serves a request only if the history proves that it began in time.
    #[test]
    fn a_crawl_under_way_is_joined_only_with_proof() {
        let joined = Busy::Joined {
            previous_crawl: at(99),
        };
        for (crawls, judgement) in [
            (vec![], Busy::Unproven),
            (vec![crawl("RUNNING", 99)], Busy::Unproven),
            (
                vec![crawl("FAILED", 120), crawl("STOPPED", 110)],
                Busy::Unproven,
            ),
            (vec![crawl("RUNNING", 100)], joined),
            (
                vec![crawl("RUNNING", 130), crawl("COMPLETED", 100)],
                Busy::Satisfied,
            ),
            (
                vec![Crawl {
                    state: CrawlState::Running,
                    ..Crawl::default()
                }],
                Busy::Unproven,
            ),
        ] {
            assert_eq!(judge(&crawls, at(100)), judgement, "{crawls:?}");
        }
    }

    /// Named its own predecessor, a joined crawl would stay PENDING for ever, even if GetCrawler tells its
    /// start to the second only; and the crawl before it would pass for it, had its start not been noted.
    #[test]
    fn a_joined_crawl_is_told_from_the_one_before() {
        let running = Crawl {
            start_time: Some(at(100) + Duration::from_millis(900)),
            ..crawl("RUNNING", 100)
        };
        let Busy::Joined { previous_crawl } = judge(&[running], at(90)) else {
            panic!("not joined");
        };
        for (last, judged) in [(100, CrawlStatus::Succeeded), (99, CrawlStatus::Pending)] {
            let ready = crawler("READY", Some(("SUCCEEDED", Some(last))));
            assert_eq!(
                verdict(&ready, PreviousCrawl::Began(previous_crawl), None),
                judged,
                "{last}"
            );
        }
    }

    /// Every combination of state, last crawl and what the caller knows has one honest verdict.
    #[test]
    fn the_verdict_is_never_success_for_a_crawl_that_is_not_ours() {
        use CrawlStatus::{Cancelled, Failed, None as Never, Pending, Running, Succeeded};
        use PreviousCrawl::{Began, None as NoCrawl, Unstated};
        let good = Some(("SUCCEEDED", Some(100)));
        for (state, last, previous, expected) in [
            ("RUNNING", good, Unstated, Running),
            ("RUNNING", None, NoCrawl, Running),
            ("STOPPING", good, NoCrawl, Running),
            ("HIBERNATING", good, Began(at(1)), Running),
            ("READY", None, Unstated, Never),
            ("READY", None, NoCrawl, Pending),
            ("READY", None, Began(at(1)), Pending),
            ("READY", good, Unstated, Succeeded),
            ("READY", good, NoCrawl, Succeeded),
            ("READY", good, Began(at(99)), Succeeded),
            ("READY", good, Began(at(100)), Pending),
            ("READY", good, Began(at(101)), Pending),
            (
                "READY",
                Some(("FAILED", Some(100))),
                Began(at(100)),
                Pending,
            ),
            ("READY", Some(("FAILED", Some(100))), NoCrawl, Failed),
            ("READY", Some(("CANCELLED", Some(100))), Unstated, Cancelled),
            ("READY", Some(("PAUSED", Some(100))), Unstated, Failed),
            ("READY", Some(("SUCCEEDED", None)), NoCrawl, Pending),
            ("READY", Some(("SUCCEEDED", None)), Began(at(1)), Pending),
            ("READY", Some(("SUCCEEDED", None)), Unstated, Succeeded),
        ] {
            assert_eq!(
                verdict(&crawler(state, last), previous, None),
                expected,
                "{state} {last:?} {previous:?}"
            );
        }
    }

    /// start-crawler's answer to a request without a moment may be handed on whole: its null says that it did
    /// not look.
    #[test]
    fn without_a_moment_yesterdays_crawl_does_not_count_while_one_runs() {
        for status in ["SUCCEEDED", "FAILED", "CANCELLED"] {
            let crawler = crawler("RUNNING", Some((status, Some(100))));
            let judged = verdict(&crawler, PreviousCrawl::None, None);
            assert_eq!(judged, CrawlStatus::Running, "{status}");
        }
    }

    /// Others may restart a crawler at once and for ever: a caller that waits for READY would starve. So the end
    /// of the awaited crawl counts, good or bad, and a good one that is merely fresh, as where a request is
    /// satisfied.
    #[test]
    fn the_end_of_a_crawl_counts_while_the_next_one_runs() {
        use CrawlStatus::{Cancelled, Failed, Running, Succeeded};
        use PreviousCrawl::{Began, None as NoCrawl, Unstated};
        let (before, itself) = (Began(at(99)), Began(at(100)));
        for (status, previous, requested_at, expected) in [
            ("SUCCEEDED", before, 999, Succeeded),
            ("SUCCEEDED", NoCrawl, 999, Succeeded),
            ("SUCCEEDED", itself, 999, Running),
            ("SUCCEEDED", itself, 101, Running),
            ("SUCCEEDED", itself, 100, Succeeded),
            ("SUCCEEDED", Unstated, 100, Succeeded),
            ("SUCCEEDED", Unstated, 101, Running),
            ("FAILED", before, 999, Failed),
            ("FAILED", NoCrawl, 999, Failed),
            ("FAILED", itself, 100, Running),
            ("FAILED", Unstated, 100, Running),
            ("CANCELLED", before, 100, Cancelled),
            ("PAUSED", before, 100, Failed),
        ] {
            for (state, judged) in [
                ("RUNNING", expected),
                ("STOPPING", Running),
                ("HIBERNATING", Running),
            ] {
                let crawler = crawler(state, Some((status, Some(100))));
                assert_eq!(
                    verdict(&crawler, previous, Some(at(requested_at))),
                    judged,
                    "{state} {status} {previous:?} {requested_at}"
                );
            }
            let undated = crawler("RUNNING", Some((status, None)));
            assert_eq!(
                verdict(&undated, previous, Some(at(requested_at))),
                Running,
                "{status} {previous:?}"
            );
        }
    }

    fn any_crawler() -> impl Strategy<Value = Crawler> {
        let status = prop::sample::select(vec!["SUCCEEDED", "FAILED", "CANCELLED", "PAUSED"]);
        let state = prop::sample::select(vec!["READY", "RUNNING", "STOPPING", "HIBERNATING"]);
        let last = prop::option::of((status, prop::option::of(0_i64..20)));
        (state, last).prop_map(|(state, last)| crawler(state, last))
    }

    fn any_crawls() -> impl Strategy<Value = Vec<Crawl>> {
        let state = prop::sample::select(vec!["RUNNING", "COMPLETED", "FAILED", "STOPPED"]);
        prop::collection::vec(
            (state, 0_i64..20).prop_map(|(state, start)| crawl(state, start)),
            0..4,
        )
    }

    proptest! {
        /// The promise "Fresh": nothing that began before the request satisfies or is joined.
        #[test]
        fn nothing_older_than_the_request_will_do(crawler in any_crawler(), crawls in any_crawls(), request in 0_i64..20) {
            let began = crawler.last_crawl.as_ref().and_then(|last| last.start_time);
            if plan(&crawler, at(request)) == Plan::Satisfied {
                prop_assert!(began >= Some(at(request)));
            }
            if judge(&crawls, at(request)) != Busy::Unproven {
                prop_assert!(crawls.iter().any(|crawl| crawl.start_time >= Some(at(request))
                    && matches!(crawl.state, CrawlState::Running | CrawlState::Completed)));
            }
        }

        /// The promise "Honest": an end is that of the last crawl, and of one that is not from before;
        /// where the next one is under way already, it may also be a good one that began in time.
        #[test]
        fn an_end_is_always_that_of_a_new_crawl(crawler in any_crawler(), began in 0_i64..20, request in 0_i64..20) {
            let judged = verdict(&crawler, PreviousCrawl::Began(at(began)), Some(at(request)));
            if judged.is_final() {
                let last = crawler.last_crawl.expect("an end without a crawl");
                prop_assert_eq!(judged == CrawlStatus::Succeeded, last.status == LastCrawlStatus::Succeeded);
                prop_assert_eq!(judged == CrawlStatus::Cancelled, last.status == LastCrawlStatus::Cancelled);
                let start = last.start_time.expect("an end without a start");
                let is_fresh = judged == CrawlStatus::Succeeded
                    && crawler.state == CrawlerState::Running
                    && start >= at(request);
                prop_assert!(is_fresh || start > at(began));
            }
        }
    }
}
