//! When to look at a crawl again: seldom while there is nothing to see, often near its end.

use std::time::Duration;

/// The shortest and the longest pause between two looks, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollBounds {
    min: u64,
    max: u64,
}

impl Default for PollBounds {
    fn default() -> Self {
        Self { min: 5, max: 60 }
    }
}

impl PollBounds {
    /// Bounds in seconds; 5 and 60 for what is left out, but the longest at least the shortest. None if the
    /// shortest is longer than the longest, or 0: without a pause, polls would burn through the 25,000 events of an
    /// execution's history.
    #[must_use]
    pub fn new(min: Option<u64>, max: Option<u64>) -> Option<Self> {
        let default = Self::default();
        let min = min.unwrap_or(default.min);
        let max = max.unwrap_or(default.max.max(min));
        (1 <= min && min <= max).then_some(Self { min, max })
    }

    /// The pause before the next look, in seconds: half the distance to the estimated end, before
    /// it and past it; without an estimate a fifth of what has elapsed; rounded up, within bounds.
    #[must_use]
    pub fn pause(self, elapsed: Duration, expected: Option<Duration>) -> u64 {
        let pause = expected.map_or(elapsed / 5, |expected| expected.abs_diff(elapsed) / 2);
        let whole = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
        whole.clamp(self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The pauses of the contract, at the points where its clauses meet.
    #[test]
    fn the_pause_halves_the_distance_to_the_estimated_end() {
        let bounds = PollBounds::default();
        for (elapsed, expected, pause) in [
            (0, Some(600), 60),
            (500, Some(600), 50),
            (550, Some(600), 25),
            (594, Some(600), 5),
            (600, Some(600), 5),
            (630, Some(600), 15),
            (900, Some(600), 60),
            (0, None, 5),
            (26, None, 6),
            (100, None, 20),
            (9_000, None, 60),
        ] {
            assert_eq!(
                bounds.pause(secs(elapsed), expected.map(secs)),
                pause,
                "{elapsed} {expected:?}"
            );
        }
    }

    /// Bounds that would poll without pause, or never, must be refused; what is left out has a default.
    #[test]
    fn impossible_bounds_are_refused() {
        let bounds = |min, max| PollBounds::new(min, max);
        assert_eq!(bounds(None, None), Some(PollBounds::default()));
        assert_eq!(
            bounds(Some(1), Some(2)),
            Some(PollBounds { min: 1, max: 2 })
        );
        assert_eq!(
            bounds(Some(90), None),
            Some(PollBounds { min: 90, max: 90 })
        );
        for (min, max) in [(Some(0), Some(9)), (Some(9), Some(5)), (None, Some(4))] {
            assert_eq!(bounds(min, max), None);
        }
    }

    /// How often a loop that obeys the pauses looks at a crawl, and how long after its end it ends.
    fn polls_and_loss(length: Duration, expected: Option<Duration>) -> (u32, Duration) {
        let bounds = PollBounds::default();
        let mut now = Duration::ZERO;
        let mut polls = 0;
        while now < length {
            now += secs(bounds.pause(now, expected));
            polls += 1;
        }
        (polls, now.abs_diff(length))
    }

    /// The promise "Bounded": few polls whatever the estimate, little lost when it is good.
    #[test]
    fn ten_minutes_take_at_most_25_polls() {
        for expected in [None, Some(secs(300)), Some(secs(600)), Some(secs(1_200))] {
            let (polls, _) = polls_and_loss(secs(600), expected);
            assert!(polls <= 25, "{polls} polls with {expected:?}");
        }
    }

    /// The longest crawl that crawl waits for must leave room in the 25,000 events of a history, where a
    /// poll takes 9.
    #[test]
    fn a_day_takes_little_more_than_half_a_history() {
        let day = secs(86_400);
        for expected in [None, Some(day / 2), Some(day), Some(day * 2)] {
            let (polls, _) = polls_and_loss(day, expected);
            assert!(polls * 9 < 13_500, "{polls} polls with {expected:?}");
        }
    }

    proptest! {
        /// With an exact estimate at most the shortest pause is lost at the end, however long the crawl.
        #[test]
        fn a_good_estimate_loses_at_most_five_seconds(length in 1_u64..86_400) {
            let (_, loss) = polls_and_loss(secs(length), Some(secs(length)));
            prop_assert!(loss <= secs(5), "{loss:?}");
        }

        /// No elapsed time and no estimate, however absurd, may leave the bounds.
        #[test]
        fn every_pause_is_within_bounds(elapsed: u64, expected: Option<u64>) {
            let pause = PollBounds::default().pause(secs(elapsed), expected.map(secs));
            prop_assert!((5..=60).contains(&pause));
        }
    }
}
