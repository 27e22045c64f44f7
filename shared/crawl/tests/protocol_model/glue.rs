//! The modelled crawler, and what GetCrawler and ListCrawls say of it.

use std::time::Duration;

use crawl::crawler::{Crawl, CrawlState, Crawler, CrawlerState, LastCrawl, LastCrawlStatus};
use time::OffsetDateTime;

/// Half a second of true time, which is Glue's: what a clock may differ by is then two ticks, and the
/// shortest time between two crawls, a second, is two as well.
pub(crate) type Tick = i16;

pub(crate) const SECOND: Tick = 2;

/// A moment without its fraction of a second.
fn whole(tick: Tick) -> Tick {
    tick - tick.rem_euclid(SECOND)
}

pub(crate) fn at(tick: Tick) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(500) * i32::from(tick)
}

pub(crate) fn tick(moment: OffsetDateTime) -> Tick {
    let ticks = (moment - OffsetDateTime::UNIX_EPOCH).whole_milliseconds() / 500;
    Tick::try_from(ticks).expect("a moment of the model")
}

/// A crawler as it really is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Glue {
    pub(crate) crawls: Vec<Begun>,
    pub(crate) phase: Phase,
}

/// One crawl, as it really was.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Begun {
    pub(crate) at: Tick,
    pub(crate) ending: Option<Ending>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Ending {
    Succeeded,
    Failed,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    Ready,
    /// As long as it is pending, GetCrawler knows nothing of the crawl.
    Running {
        pending: bool,
    },
    /// The last crawl may or may not be the one that is stopping.
    Stopping {
        published: bool,
    },
}

/// What GetCrawler said: the state, and how many crawls there were up to the last finished one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct View {
    phase: Phase,
    pub(crate) finished: usize,
}

/// Whose starts leave out fractions of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    Nothing,
    /// GetCrawler's, as on AWS.
    LastCrawl,
    /// GetCrawler's and ListCrawls'.
    Everything,
}

/// What ListCrawls makes of the newest crawl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum History {
    /// There is no answer at all.
    Denied,
    /// It is missing yet.
    Lagging,
    /// It is RUNNING, even if it has just ended.
    Late,
    /// It is as it is, even before the crawler is READY again.
    Prompt,
}

impl View {
    /// The number of the last finished crawl.
    pub(crate) fn last(self) -> Option<usize> {
        self.finished.checked_sub(1)
    }
}

impl Glue {
    /// One that never ran, one at rest, one at its first crawl, one at a later crawl; each with the
    /// moment at which that is possible, if a crawl takes so long.
    pub(crate) fn pasts(shortest: Tick) -> [(Tick, Self); 4] {
        let done = Begun {
            at: 0,
            ending: Some(Ending::Succeeded),
        };
        let busy = |at| Begun { at, ending: None };
        let running = Phase::Running { pending: false };
        [
            (0, vec![], Phase::Ready),
            (shortest, vec![done.clone()], Phase::Ready),
            (0, vec![busy(0)], running),
            (shortest, vec![done, busy(shortest)], running),
        ]
        .map(|(now, crawls, phase)| (now, Self { crawls, phase }))
    }

    /// StartCrawler, where it is accepted.
    pub(crate) fn begin(&mut self, at: Tick) {
        self.crawls.push(Begun { at, ending: None });
        self.phase = Phase::Running { pending: true };
    }

    pub(crate) fn view(&self) -> View {
        let all = self.crawls.len();
        let (phase, finished) = match self.phase {
            Phase::Ready | Phase::Stopping { published: true } => (self.phase, all),
            Phase::Running { pending: true } => (Phase::Ready, all - 1),
            Phase::Running { .. } | Phase::Stopping { .. } => (self.phase, all - 1),
        };
        View { phase, finished }
    }

    /// A view in GetCrawler's words.
    pub(crate) fn crawler(&self, view: View, seconds: Whole) -> Crawler {
        Crawler {
            state: match view.phase {
                Phase::Ready => CrawlerState::Ready,
                Phase::Running { .. } => CrawlerState::Running,
                Phase::Stopping { .. } => CrawlerState::Stopping,
            },
            elapsed: Duration::ZERO,
            last_crawl: view.last().map(|last| LastCrawl {
                status: match self.crawls[last].ending {
                    Some(Ending::Succeeded) => LastCrawlStatus::Succeeded,
                    Some(Ending::Failed) => LastCrawlStatus::Failed,
                    Some(Ending::Cancelled) => LastCrawlStatus::Cancelled,
                    None => LastCrawlStatus::Missing,
                },
                start_time: Some(at(self.told_start(last, seconds))),
                ..LastCrawl::default()
            }),
        }
    }

    /// The start of a crawl as GetCrawler tells it.
    pub(crate) fn told_start(&self, crawl: usize, seconds: Whole) -> Tick {
        let start = self.crawls[crawl].at;
        if seconds == Whole::Nothing {
            start
        } else {
            whole(start)
        }
    }

    /// ListCrawls' answer, newest first. The filter by time is left out: it saves pages, while the
    /// decision is `judge`'s alone.
    pub(crate) fn list(&self, history: History, seconds: Whole) -> Vec<Crawl> {
        let Some((newest, older)) = self.crawls.split_last() else {
            return Vec::new();
        };
        let listed = |start, ending| match seconds {
            Whole::Everything => listed(whole(start), ending),
            Whole::Nothing | Whole::LastCrawl => listed(start, ending),
        };
        let newest = match history {
            History::Denied => return Vec::new(),
            History::Lagging => None,
            History::Late => Some(listed(newest.at, None)),
            History::Prompt => Some(listed(newest.at, newest.ending)),
        };
        let older = older.iter().rev();
        let older = older.map(|crawl| listed(crawl.at, crawl.ending));
        newest.into_iter().chain(older).collect()
    }
}

fn listed(start: Tick, ending: Option<Ending>) -> Crawl {
    Crawl {
        state: match ending {
            None => CrawlState::Running,
            Some(Ending::Succeeded) => CrawlState::Completed,
            Some(Ending::Failed) => CrawlState::Failed,
            Some(Ending::Cancelled) => CrawlState::Stopped,
        },
        start_time: Some(at(start)),
        ..Crawl::default()
    }
}
