//! Why coalescing loses nothing, in a model of the world around the filter: its clock, that of Step Functions,
//! events that come late, twice and in any order, and executions that many want to start.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::*;
use proptest::test_runner::{TestError, TestRunner};
use time::Duration;
use time::format_description::well_known::Rfc3339;

/// How far the filter's clock may be off that of Step Functions.
const CLOCKS_DIFFER: Duration = Duration::seconds(5);

#[derive(Debug, Clone)]
struct World {
    coalesce_seconds: u32,
    /// How far the clock of Step Functions is ahead of the true time.
    ahead: Duration,
    handlings: Vec<Handling>,
}

/// One of perhaps several times that an object's event is handled, by whichever filter.
#[derive(Debug, Clone, PartialEq)]
struct Handling {
    key: String,
    /// When, truly. The object has landed by then.
    at: OffsetDateTime,
    /// How far this filter's clock is behind that of Step Functions.
    behind: Duration,
    /// How long until the execution is asked for.
    pause: Duration,
}

impl World {
    /// The execution's name and `startAfter`, as the filter answers.
    fn judge(&self, handling: &Handling) -> (String, OffsetDateTime) {
        let mut event = event();
        event["detail"]["object"]["key"] = json!(handling.key);
        let input = json!({"event": event, "coalesceSeconds": self.coalesce_seconds});
        let clock = handling.at + self.ahead - handling.behind;
        let answer = answer_at(clock, &input).expect("the input is valid");
        let text = |field| answer[field].as_str().expect("the event is matched");
        let start_after = OffsetDateTime::parse(text("startAfter"), &Rfc3339).expect("a moment");
        (text("executionName").to_owned(), start_after)
    }

    /// A handling whose run does not begin to crawl strictly after it, if each run waits for its
    /// `startAfter` less what is `waived`.
    fn missed(&self, waived: Duration) -> Option<&Handling> {
        let mut runs = BTreeMap::<_, Vec<_>>::new();
        for handling in &self.handlings {
            let (name, start_after) = self.judge(handling);
            runs.entry(name).or_default().push((handling, start_after));
        }
        runs.values().find_map(|run| {
            let start = |handling: &Handling| handling.at + handling.pause;
            let (first, start_after) = run.iter().min_by_key(|(handling, _)| start(handling))?;
            let crawl = start(first).max(*start_after - waived - self.ahead);
            let (missed, _) = run.iter().find(|(handling, _)| handling.at >= crawl)?;
            Some(*missed)
        })
    }
}

/// Whole seconds and their neighbours more often than others: that is where windows end.
fn span(seconds: RangeInclusive<i64>) -> impl Strategy<Value = Duration> {
    let nanoseconds = prop_oneof![Just(0), Just(1), Just(-1), 0..1_000_000_000_i64];
    (seconds, nanoseconds).prop_map(|(seconds, nanoseconds)| {
        Duration::seconds(seconds) + Duration::nanoseconds(nanoseconds)
    })
}

fn any_handlings(coalesce_seconds: u32) -> impl Strategy<Value = Vec<Handling>> {
    let window = i64::from(coalesce_seconds);
    let end = now().unix_timestamp() / window * window;
    let landed = prop_oneof![span(end - window..=end + window), span(end - 8..=end + 1)];
    let delay = prop_oneof![3 => span(1..=3), 1 => span(1..=2 * window), 1 => span(1..=86_400)];
    let behind = prop_oneof![
        Just(CLOCKS_DIFFER),
        Just(-CLOCKS_DIFFER),
        Just(Duration::ZERO),
        span(-4..=4)
    ];
    let pause = prop_oneof![span(1..=1), span(1..=290)];
    let deliveries = prop::collection::vec((delay, behind, pause), 1..4);
    prop::collection::vec((landed, deliveries), 1..5).prop_map(|objects| {
        let handlings = objects
            .into_iter()
            .enumerate()
            .map(|(object, (landed, deliveries))| {
                deliveries
                    .into_iter()
                    .map(move |(delay, behind, pause)| Handling {
                        key: format!("{object}.csv"),
                        at: OffsetDateTime::UNIX_EPOCH + landed + delay,
                        behind,
                        pause,
                    })
            });
        handlings.flatten().collect()
    })
}

fn any_world() -> impl Strategy<Value = World> {
    let coalesce_seconds = prop_oneof![1..=10_u32, 1..=86_400_u32];
    let handlings = coalesce_seconds.prop_flat_map(|length| (Just(length), any_handlings(length)));
    (handlings, span(-60..=60)).prop_map(|((coalesce_seconds, handlings), ahead)| World {
        coalesce_seconds,
        ahead,
        handlings,
    })
}

proptest! {
    #![proptest_config(config())]

    /// The promise "Lossless": whichever of a window's events came first and started the run, it begins to crawl
    /// strictly after every one of them was handled, as long as no filter's clock is behind that of Step Functions
    /// by more than 5 s: exactly 5 s will do, because a window ends before its end. How far a filter is ahead, and
    /// how far both are off the true time, does not matter.
    #[test]
    fn a_run_crawls_after_everything_that_joined_it(world in any_world()) {
        prop_assert_eq!(world.missed(Duration::ZERO), None);
    }
}

/// The check bites: among the same worlds, runs that do not wait for the margin come too early.
#[test]
fn without_the_margin_something_is_missed() {
    let config = ProptestConfig {
        max_shrink_iters: 0,
        ..config()
    };
    let result = TestRunner::new(config).run(&any_world(), |world| {
        prop_assert_eq!(world.missed(CLOCKS_DIFFER), None);
        Ok(())
    });
    assert!(matches!(result, Err(TestError::Fail(..))), "{result:?}");
}

/// What the margin buys, to the nanosecond: a clock that is 5 s behind, where without it only right ones would do.
#[test]
fn the_margin_is_what_a_clock_may_be_behind() {
    let window = now() - Duration::seconds(30);
    let end = window + Duration::MINUTE;
    let misses = |behind: Duration, waived| {
        let handling = |at, behind| Handling {
            key: "a.csv".to_owned(),
            at,
            behind,
            pause: Duration::SECOND,
        };
        let last = end - Duration::NANOSECOND + behind;
        let world = World {
            coalesce_seconds: 60,
            ahead: Duration::ZERO,
            handlings: vec![handling(window, Duration::ZERO), handling(last, behind)],
        };
        world.missed(waived).is_some()
    };
    for (behind, waived, missed) in [
        (CLOCKS_DIFFER, Duration::ZERO, false),
        (CLOCKS_DIFFER + Duration::NANOSECOND, Duration::ZERO, true),
        (Duration::ZERO, CLOCKS_DIFFER, false),
        (Duration::NANOSECOND, CLOCKS_DIFFER, true),
    ] {
        assert_eq!(
            misses(behind, waived),
            missed,
            "{behind} behind, {waived} waived"
        );
    }
}
