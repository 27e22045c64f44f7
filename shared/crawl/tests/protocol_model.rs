//! The protocol in a model of Glue, checked in every interleaving of its steps: callers whose clocks
//! differ, crawls that fail, answers that are lost, and histories that lag or are denied.
//!
//! The decisions are the real ones of `crawl::protocol`. The checker is our own, because what it has
//! to show about endings (from every world a good one is reachable) is not among the properties that
//! stateright, the usual choice, can check in a graph with cycles, and polling is nothing but cycles.
//!
//! `MODEL_STEPS=5000000 cargo test --release -p crawl --test protocol_model` runs the long form: more
//! at once in the search, and so many steps of random walks.

#[path = "protocol_model/glue.rs"]
mod glue;
#[path = "protocol_model/search.rs"]
mod search;
#[path = "protocol_model/simplify.rs"]
mod simplify;
#[path = "protocol_model/walk.rs"]
mod walk;
#[path = "protocol_model/world.rs"]
mod world;

use std::env;
use std::time::Duration;

use crawl::crawler::{Crawl, Crawler, CrawlerState, LastCrawlStatus};
use crawl::protocol::{self, Busy, CrawlStatus, Plan, PreviousCrawl};
use time::OffsetDateTime;

use glue::{Ending, History, Tick, Whole, at};
use search::{Broken, Promise, Seen, search};
use world::{Faults, Model, Protocol, REAL};

const NO_FAULTS: Faults = Faults {
    ticks: 0,
    failures: 0,
    lost: 0,
    foreign: 0,
};

/// Two callers with right clocks; nothing goes wrong but in ListCrawls.
const TWO: Model = Model {
    protocol: REAL,
    callers: 2,
    skews: &[0],
    margin: 0,
    shortest: 2,
    histories: &[
        History::Denied,
        History::Lagging,
        History::Late,
        History::Prompt,
    ],
    seconds: Whole::LastCrawl,
    failures: &[Ending::Failed],
    faults: NO_FAULTS,
    crawls_outlast_looks: true,
    pauses_outlast_pending: true,
};

const THREE: Model = Model { callers: 3, ..TWO };

/// A second behind Glue's clock, right, and a second ahead.
const CLOCKS: &[Tick] = &[-2, 0, 2];

/// How many steps the random walks are to take in the long form.
fn steps() -> Option<usize> {
    let steps = env::var("MODEL_STEPS").ok()?;
    Some(steps.parse().expect("MODEL_STEPS: a number"))
}

fn kept(model: &Model) -> Seen {
    let seen = search(model).unwrap_or_else(|broken| {
        let Broken { promise, story } = broken;
        panic!("{promise:?} is broken:\n{story}")
    });
    println!("{seen:?}");
    seen
}

fn cost(model: &Model) -> u8 {
    kept(model).cost
}

fn broken_promise(model: &Model) -> Promise {
    let Broken { promise, story } = search(model).expect_err("a broken promise");
    println!("{promise:?} is broken:\n{story}");
    promise
}

/// Fresh, Honest and Ends hold when crawls fail, answers are lost and others start crawls, all at once.
#[test]
fn whatever_goes_wrong_the_promises_hold() {
    let long = steps().is_some();
    let faults = Faults {
        ticks: u8::from(long),
        failures: 1,
        lost: 1,
        foreign: 1,
    };
    let skews = if long { CLOCKS } else { TWO.skews };
    kept(&Model {
        skews,
        faults,
        ..TWO
    });
}

/// Fresh, Honest, Ends and Prompt hold to the second: GetCrawler leaves out fractions, and ListCrawls may.
#[test]
fn whole_seconds_tell_crawls_apart() {
    let faults = Faults {
        ticks: 2,
        failures: 1,
        foreign: 1,
        ..NO_FAULTS
    };
    for seconds in [Whole::LastCrawl, Whole::Everything] {
        kept(&Model {
            callers: 1,
            seconds,
            faults,
            ..TWO
        });
    }
}

/// A crawl that satisfies or is joined precedes the request by what the caller's clock is behind, if it is;
/// a crawl that was started for the caller never does.
#[test]
fn freshness_tolerates_no_more_than_a_clock_is_behind() {
    let faults = Faults {
        ticks: 2,
        ..NO_FAULTS
    };
    for (skews, staleness) in [(CLOCKS, 2), (&[0, 2], 0)] {
        let seen = kept(&Model {
            skews,
            faults,
            ..TWO
        });
        assert_eq!(seen.staleness, staleness, "{skews:?}");
    }
}

/// A caller who asks for a later moment by a margin gets truly fresh crawls from any clock no further
/// behind, and pays with one crawl more where the first one began within the margin.
#[test]
fn a_margin_makes_up_for_clocks_and_costs_a_crawl() {
    let faults = Faults {
        ticks: 2,
        ..NO_FAULTS
    };
    let margin = Model {
        margin: 2,
        shortest: 6,
        faults,
        ..TWO
    };
    assert_eq!(
        kept(&Model {
            skews: CLOCKS,
            ..margin
        })
        .staleness,
        0
    );
    let right_clocks = |margin| {
        cost(&Model {
            margin,
            shortest: 6,
            seconds: Whole::Nothing,
            faults,
            ..TWO
        })
    };
    assert_eq!((right_clocks(0), right_clocks(2)), (1, 2));
}

/// Shared: after all have asked, one crawl serves them all, even if ListCrawls never says a word, an
/// answer is lost or others start crawls too; the crawl does not begin in the second of a request.
#[test]
fn all_who_wait_share_one_crawl() {
    for faults in [
        Faults {
            ticks: 1,
            ..NO_FAULTS
        },
        Faults {
            lost: 1,
            ..NO_FAULTS
        },
        Faults {
            foreign: 1,
            ..NO_FAULTS
        },
    ] {
        assert_eq!(
            cost(&Model {
                faults,
                seconds: Whole::Nothing,
                ..THREE
            }),
            1,
            "{faults:?}"
        );
    }
    let faults = Faults {
        ticks: 1,
        ..NO_FAULTS
    };
    assert_eq!(
        cost(&Model {
            skews: &[-2, 0],
            seconds: Whole::Nothing,
            faults,
            ..TWO
        }),
        1
    );
}

/// What sharing rests on: each crawl that fails costs another one, a clock that is ahead one in all, a
/// crawl that begins in the second of a request and is over before a look one in all, as GetCrawler tells
/// no fractions of its start; and crawls shorter than the time from a look to its StartCrawler one a caller.
#[test]
fn sharing_has_its_conditions() {
    for failures in [1, 2] {
        let faults = Faults {
            failures,
            ..NO_FAULTS
        };
        assert_eq!(cost(&Model { faults, ..THREE }), 1 + failures);
    }
    let faults = Faults {
        ticks: 1,
        ..NO_FAULTS
    };
    for seconds in [Whole::LastCrawl, Whole::Everything] {
        assert_eq!(
            cost(&Model {
                seconds,
                faults,
                ..THREE
            }),
            2,
            "{seconds:?}"
        );
    }
    let exact = Model {
        seconds: Whole::Nothing,
        faults,
        ..THREE
    };
    assert_eq!(
        cost(&Model {
            callers: 2,
            skews: &[0, 2],
            ..exact
        }),
        2
    );
    assert_eq!(
        cost(&Model {
            skews: &[2],
            ..exact
        }),
        2
    );
    assert_eq!(
        cost(&Model {
            crawls_outlast_looks: false,
            ..THREE
        }),
        3
    );
}

/// What freshness rests on, if GetCrawler is slow to show a crawl: who starts one does so before a crawl
/// that it did not see is over. Else that one passes for its own.
#[test]
fn freshness_has_its_conditions() {
    let faults = Faults {
        ticks: 1,
        foreign: 1,
        ..NO_FAULTS
    };
    let hasty = Model {
        callers: 1,
        faults,
        pauses_outlast_pending: false,
        ..TWO
    };
    kept(&hasty);
    let slow = Model {
        crawls_outlast_looks: false,
        ..hasty
    };
    assert_eq!(broken_promise(&slow), Promise::Fresh);
}

/// Long before every request.
fn long_ago() -> OffsetDateTime {
    at(-100)
}

fn any_last_crawl_satisfies(crawler: &Crawler, _: OffsetDateTime) -> Plan {
    protocol::plan(crawler, long_ago())
}

fn a_failed_crawl_satisfies(crawler: &Crawler, requested_at: OffsetDateTime) -> Plan {
    protocol::plan(&all_is_well(crawler), requested_at)
}

fn no_crawl_satisfies(crawler: &Crawler, _: OffsetDateTime) -> Plan {
    protocol::plan(crawler, at(Tick::MAX))
}

fn the_predecessor_is_forgotten(crawler: &Crawler, requested_at: OffsetDateTime) -> Plan {
    match protocol::plan(crawler, requested_at) {
        Plan::Start { .. } => Plan::Start {
            previous_crawl: None,
        },
        plan => plan,
    }
}

fn any_crawl_is_joined(crawls: &[Crawl], _: OffsetDateTime) -> Busy {
    protocol::judge(crawls, long_ago())
}

fn a_crawl_precedes_itself(crawls: &[Crawl], moment: OffsetDateTime) -> Busy {
    match protocol::judge(crawls, moment) {
        Busy::Joined { previous_crawl } => Busy::Joined {
            previous_crawl: previous_crawl + Duration::from_secs(1),
        },
        busy => busy,
    }
}

fn a_crawl_begins_half_a_second_after_another(crawls: &[Crawl], moment: OffsetDateTime) -> Busy {
    match protocol::judge(crawls, moment) {
        Busy::Joined { previous_crawl } => Busy::Joined {
            previous_crawl: previous_crawl + Duration::from_millis(500),
        },
        busy => busy,
    }
}

fn any_crawl_precedes_a_joined_one(crawls: &[Crawl], moment: OffsetDateTime) -> Busy {
    match protocol::judge(crawls, moment) {
        Busy::Joined { .. } => Busy::Joined {
            previous_crawl: long_ago(),
        },
        busy => busy,
    }
}

type Moment = Option<OffsetDateTime>;

fn pending_is_ready(crawler: &Crawler, _: PreviousCrawl, moment: Moment) -> CrawlStatus {
    protocol::verdict(crawler, PreviousCrawl::Unstated, moment)
}

fn failed_is_ready(crawler: &Crawler, previous: PreviousCrawl, moment: Moment) -> CrawlStatus {
    protocol::verdict(&all_is_well(crawler), previous, moment)
}

fn only_ready_will_do(crawler: &Crawler, previous: PreviousCrawl, moment: Moment) -> CrawlStatus {
    match crawler.state {
        CrawlerState::Ready => protocol::verdict(crawler, previous, moment),
        _ => CrawlStatus::Running,
    }
}

fn only_success_will_do(crawler: &Crawler, previous: PreviousCrawl, moment: Moment) -> CrawlStatus {
    match protocol::verdict(crawler, previous, moment) {
        CrawlStatus::Failed if crawler.state == CrawlerState::Running => CrawlStatus::Running,
        status => status,
    }
}

fn all_is_well(crawler: &Crawler) -> Crawler {
    let mut crawler = crawler.clone();
    if let Some(last) = &mut crawler.last_crawl {
        last.status = LastCrawlStatus::Succeeded;
    }
    crawler
}

/// The check bites: each decision, broken, breaks the promise that it is there for.
#[test]
fn broken_decisions_are_found_out() {
    let with = |faults| Model {
        callers: 1,
        faults,
        pauses_outlast_pending: false,
        ..TWO
    };
    let calm = with(NO_FAULTS);
    let later = with(Faults {
        ticks: 1,
        ..NO_FAULTS
    });
    let failing = with(Faults {
        failures: 1,
        ..NO_FAULTS
    });
    let in_demand = Model {
        pauses_outlast_pending: true,
        ..with(Faults {
            foreign: 1,
            ..NO_FAULTS
        })
    };
    let failing_in_demand = Model {
        faults: Faults {
            failures: 1,
            ..in_demand.faults
        },
        ..in_demand
    };
    let check = |model: Model, protocol, promise| {
        kept(&model);
        assert_eq!(broken_promise(&Model { protocol, ..model }), promise);
    };
    let plan = |plan| Protocol { plan, ..REAL };
    check(calm, plan(any_last_crawl_satisfies), Promise::Fresh);
    check(calm, plan(the_predecessor_is_forgotten), Promise::Fresh);
    check(failing, plan(a_failed_crawl_satisfies), Promise::Honest);
    let judge = |judge| Protocol { judge, ..REAL };
    check(later, judge(any_crawl_is_joined), Promise::Fresh);
    check(calm, judge(a_crawl_precedes_itself), Promise::Ends);
    let odd = with(Faults {
        ticks: 1,
        foreign: 1,
        ..NO_FAULTS
    });
    check(
        odd,
        judge(a_crawl_begins_half_a_second_after_another),
        Promise::Ends,
    );
    let hasty = Model {
        pauses_outlast_pending: false,
        ..in_demand
    };
    check(
        hasty,
        judge(any_crawl_precedes_a_joined_one),
        Promise::Fresh,
    );
    let verdict = |verdict| Protocol { verdict, ..REAL };
    check(calm, verdict(pending_is_ready), Promise::Fresh);
    check(failing, verdict(failed_is_ready), Promise::Honest);
    check(in_demand, verdict(only_ready_will_do), Promise::Ends);
    check(
        failing_in_demand,
        verdict(only_success_will_do),
        Promise::Prompt,
    );
    let selfish = plan(no_crawl_satisfies);
    assert!(
        cost(&Model {
            protocol: selfish,
            ..THREE
        }) > cost(&THREE)
    );
}
