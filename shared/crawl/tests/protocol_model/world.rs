//! A crawler and its callers as one value: all that any of them can tell apart, and every step that one
//! of them can take. The decisions are the real ones; only Glue and time are made up.

use crate::glue::{Ending, Glue, History, Phase, Tick, Whole, at, tick};
use crawl::crawler::{Crawl, Crawler};
use crawl::protocol::{self, Busy, CrawlStatus, Plan, PreviousCrawl};
use time::OffsetDateTime;

/// How often a caller looks before it comes back later, as start-crawler does.
const LOOKS: u8 = 3;

/// The decisions under test, replaceable by broken ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protocol {
    pub(crate) plan: fn(&Crawler, OffsetDateTime) -> Plan,
    pub(crate) judge: fn(&[Crawl], OffsetDateTime) -> Busy,
    pub(crate) verdict: fn(&Crawler, PreviousCrawl, Option<OffsetDateTime>) -> CrawlStatus,
}

pub(crate) const REAL: Protocol = Protocol {
    plan: protocol::plan,
    judge: protocol::judge,
    verdict: protocol::verdict,
};

/// Who takes part, and what may go wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    pub(crate) protocol: Protocol,
    pub(crate) callers: usize,
    /// What a caller's clock may show beyond Glue's.
    pub(crate) skews: &'static [Tick],
    /// What callers add to the moment that they ask for.
    pub(crate) margin: Tick,
    /// How long the shortest crawl takes.
    pub(crate) shortest: Tick,
    pub(crate) histories: &'static [History],
    pub(crate) seconds: Whole,
    /// How a crawl may end if not well.
    pub(crate) failures: &'static [Ending],
    pub(crate) faults: Faults,
    /// A crawl is not over before the StartCrawler of somebody who looked before it began.
    pub(crate) crawls_outlast_looks: bool,
    /// Until a caller polls for the first time, the crawl under way has become visible.
    pub(crate) pauses_outlast_pending: bool,
}

/// What may still happen, each so many times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// Time passes though nobody does anything.
    pub(crate) ticks: u8,
    /// A crawl fails or is stopped.
    pub(crate) failures: u8,
    /// StartCrawler's answer is lost, and its effect is not.
    pub(crate) lost: u8,
    /// Somebody who knows nothing of the protocol starts the crawler.
    pub(crate) foreign: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Caller {
    /// When it asked, in true time.
    pub(crate) requested: Option<Tick>,
    pub(crate) skew: Tick,
    pub(crate) step: Step,
}

/// What a caller does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    /// GetCrawler.
    Look { looks: u8 },
    /// StartCrawler.
    Start { looks: u8, previous: Option<Tick> },
    /// ListCrawls.
    Ask,
    /// get-crawler-state.
    Wait {
        outcome: Outcome,
        previous: Option<Tick>,
        /// When the crawl that it waits for really began.
        awaited: Tick,
        /// It was answered when the crawl under way was not visible yet.
        early: bool,
    },
    /// Nothing: it was told just now that this crawl ended so.
    Told {
        outcome: Outcome,
        status: Ending,
        crawl: Option<usize>,
    },
    /// Nothing.
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Outcome {
    Started,
    Joined,
    Satisfied,
}

/// A step of a caller, by its number, or of the world around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Request(usize),
    GetCrawler(usize),
    StartCrawler(usize, Answer),
    ListCrawls(usize, History),
    Poll(usize),
    TimePasses,
    SomebodyStarts,
    BecomesVisible,
    Ends(Ending),
    LastCrawlPublished,
    BecomesReady,
}

/// What comes of StartCrawler's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Arrives,
    /// Lost, and the SDK sends StartCrawler again.
    LostInTheCall,
    /// Lost with the whole invocation, which is made again.
    LostInTheStep,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: Tick,
    pub(crate) glue: Glue,
    /// In the order of their requests.
    pub(crate) callers: Vec<Caller>,
    /// How many crawls callers have started since the last request so far.
    pub(crate) cost: u8,
    left: Faults,
    /// Time has passed for the sake of what comes next.
    waited: bool,
}

impl World {
    /// Callers with these clocks, before their requests.
    pub(crate) fn initial(model: &Model, skews: &[Tick]) -> Vec<Self> {
        let callers: Vec<_> = skews.iter().map(|skew| Caller::new(*skew)).collect();
        let world = |(now, glue)| Self {
            now,
            glue,
            callers: callers.clone(),
            cost: 0,
            left: model.faults,
            waited: false,
        };
        Glue::pasts(model.shortest).map(world).into()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.callers.iter().all(Caller::is_told)
    }

    /// Everything that may happen next.
    pub(crate) fn actions(&self, model: &Model) -> Vec<Action> {
        let mut actions = Vec::new();
        for who in 0..self.callers.len() {
            actions.extend(self.actions_of(who, model));
        }
        match self.glue.phase {
            Phase::Ready if self.left.foreign > 0 => actions.push(Action::SomebodyStarts),
            Phase::Running { pending: true } => actions.push(Action::BecomesVisible),
            Phase::Running { pending: false } if self.may_end(model) => {
                actions.push(Action::Ends(Ending::Succeeded));
                if self.left.failures > 0 {
                    actions.extend(model.failures.iter().copied().map(Action::Ends));
                }
            }
            Phase::Ready | Phase::Running { .. } => {}
            Phase::Stopping { published } => {
                actions.push(Action::BecomesReady);
                if !published {
                    actions.push(Action::LastCrawlPublished);
                }
            }
        }
        // That time passes matters only to what takes its moment from it.
        let is_dated = |action: &Action| match action {
            Action::Request(_) | Action::SomebodyStarts => true,
            Action::StartCrawler(..) => self.glue.phase == Phase::Ready,
            _ => false,
        };
        if self.waited {
            actions.retain(is_dated);
        }
        if self.left.ticks > 0 && actions.iter().any(is_dated) {
            actions.push(Action::TimePasses);
        }
        actions
    }

    fn may_end(&self, model: &Model) -> bool {
        let about_to_start = |caller: &Caller| matches!(caller.step, Step::Start { .. });
        !(model.crawls_outlast_looks && self.callers.iter().any(about_to_start))
    }

    /// What a caller may do next.
    pub(crate) fn actions_of(&self, who: usize, model: &Model) -> Vec<Action> {
        let caller = &self.callers[who];
        if caller.requested.is_none() {
            let is_next = who == 0 || self.callers[who - 1].requested.is_some();
            return Vec::from_iter(is_next.then_some(Action::Request(who)));
        }
        match caller.step {
            Step::Look { .. } => vec![Action::GetCrawler(who)],
            Step::Start { .. } => {
                let mut answers = vec![Answer::Arrives];
                if self.glue.phase == Phase::Ready && self.left.lost > 0 {
                    answers.extend([Answer::LostInTheCall, Answer::LostInTheStep]);
                }
                let answers = answers.into_iter();
                answers
                    .map(|answer| Action::StartCrawler(who, answer))
                    .collect()
            }
            Step::Ask => {
                let histories = model.histories.iter();
                histories
                    .map(|history| Action::ListCrawls(who, *history))
                    .collect()
            }
            Step::Wait { early: true, .. } if model.pauses_outlast_pending => vec![],
            Step::Wait { .. } => vec![Action::Poll(who)],
            Step::Told { .. } | Step::Done => vec![],
        }
    }

    /// The world after something happened.
    pub(crate) fn after(&self, model: &Model, action: Action) -> Self {
        let mut world = self.clone();
        world.waited = action == Action::TimePasses;
        match action {
            Action::Request(who) => {
                world.callers[who].requested = Some(world.now);
                world.cost = 0;
            }
            Action::GetCrawler(who) => world.callers[who].step = world.look(model, who),
            Action::StartCrawler(who, answer) => {
                world.callers[who].step = world.start(who, answer);
            }
            Action::ListCrawls(who, history) => {
                world.callers[who].step = world.ask(model, who, history);
            }
            Action::Poll(who) => world.callers[who].step = world.poll(model, who),
            Action::TimePasses => {
                world.now += 1;
                world.left.ticks -= 1;
            }
            Action::SomebodyStarts => {
                world.glue.begin(world.now);
                world.left.foreign -= 1;
            }
            Action::BecomesVisible => {
                world.glue.phase = Phase::Running { pending: false };
                for caller in &mut world.callers {
                    if let Step::Wait { early, .. } = &mut caller.step {
                        *early = false;
                    }
                }
            }
            Action::Ends(ending) => {
                let crawl = world.glue.crawls.last_mut().expect("a crawl under way");
                crawl.ending = Some(ending);
                world.now = world.now.max(crawl.at + model.shortest);
                world.left.failures -= u8::from(ending != Ending::Succeeded);
                world.glue.phase = Phase::Stopping { published: false };
            }
            Action::LastCrawlPublished => world.glue.phase = Phase::Stopping { published: true },
            Action::BecomesReady => world.glue.phase = Phase::Ready,
        }
        world
    }

    fn look(&self, model: &Model, who: usize) -> Step {
        let caller = &self.callers[who];
        let Step::Look { looks } = caller.step else {
            unreachable!("no look in {:?}", caller.step);
        };
        let view = self.glue.view();
        match (model.protocol.plan)(
            &self.glue.crawler(view, model.seconds),
            caller.requested_at(model),
        ) {
            Plan::Satisfied => Step::Told {
                outcome: Outcome::Satisfied,
                status: Ending::Succeeded,
                crawl: view.last(),
            },
            Plan::Start { previous_crawl } => Step::Start {
                looks: looks + 1,
                previous: previous_crawl.map(tick),
            },
            Plan::AskHistory => Step::Ask,
        }
    }

    fn start(&mut self, who: usize, answer: Answer) -> Step {
        let step = self.callers[who].step;
        let Step::Start { looks, previous } = step else {
            unreachable!("no start in {step:?}");
        };
        if self.glue.phase != Phase::Ready {
            let looks = looks % LOOKS;
            return Step::Look { looks };
        }
        self.glue.begin(self.now);
        self.cost += 1;
        self.left.lost -= u8::from(answer != Answer::Arrives);
        match answer {
            Answer::Arrives => self.wait(Outcome::Started, previous),
            Answer::LostInTheCall => step,
            Answer::LostInTheStep => Step::Look { looks: 0 },
        }
    }

    fn ask(&self, model: &Model, who: usize, history: History) -> Step {
        let caller = &self.callers[who];
        let crawls = self.glue.list(history, model.seconds);
        match (model.protocol.judge)(&crawls, caller.requested_at(model)) {
            Busy::Satisfied => Step::Told {
                outcome: Outcome::Satisfied,
                status: Ending::Succeeded,
                crawl: (self.glue.crawls.iter())
                    .rposition(|crawl| crawl.ending == Some(Ending::Succeeded)),
            },
            Busy::Joined { previous_crawl } => {
                self.wait(Outcome::Joined, Some(tick(previous_crawl)))
            }
            Busy::Unproven => Step::Look { looks: 0 },
        }
    }

    fn wait(&self, outcome: Outcome, previous: Option<Tick>) -> Step {
        Step::Wait {
            outcome,
            previous,
            awaited: self.glue.crawls.last().expect("a crawl under way").at,
            early: self.glue.phase == (Phase::Running { pending: true }),
        }
    }

    fn poll(&self, model: &Model, who: usize) -> Step {
        let caller = &self.callers[who];
        let Step::Wait {
            outcome, previous, ..
        } = caller.step
        else {
            unreachable!("no poll in {:?}", caller.step);
        };
        let previous = previous.map_or(PreviousCrawl::None, |tick| PreviousCrawl::Began(at(tick)));
        let (view, requested_at) = (self.glue.view(), caller.requested_at(model));
        let crawler = self.glue.crawler(view, model.seconds);
        Step::Told {
            outcome,
            status: match (model.protocol.verdict)(&crawler, previous, Some(requested_at)) {
                CrawlStatus::Running | CrawlStatus::Pending | CrawlStatus::None => {
                    return caller.step;
                }
                CrawlStatus::Succeeded => Ending::Succeeded,
                CrawlStatus::Failed => Ending::Failed,
                CrawlStatus::Cancelled => Ending::Cancelled,
            },
            crawl: view.last(),
        }
    }
}

impl Caller {
    pub(crate) fn new(skew: Tick) -> Self {
        Self {
            requested: None,
            skew,
            step: Step::Look { looks: 0 },
        }
    }

    pub(crate) fn is_told(&self) -> bool {
        matches!(self.step, Step::Told { .. } | Step::Done)
    }

    /// The moment that it asks for, by its own clock.
    fn requested_at(&self, model: &Model) -> OffsetDateTime {
        let requested = self.requested.expect("a request");
        at(requested + self.skew + model.margin)
    }
}
