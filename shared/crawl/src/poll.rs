//! When to look at a crawl again.
//!
//! Who is told of the end of a crawl looks for safety only, in case that the announcement is lost. Who is not told looks
//! seldom while there is nothing to see, and often near the end.

use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
/// How long nobody needs to look who is told.
const CALM: Duration = Duration::from_mins(1);
/// How long after its estimated end a crawl should have ended.
const MARGIN: Duration = Duration::from_secs(15);

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

    /// The pause before the next look, in whole seconds.
    ///
    /// Who polls looks after half the distance to the estimated end, before it and past it; without an estimate after a
    /// fifth of what has elapsed; within the bounds.
    ///
    /// Who is told looks soon after the waiting began and after each announcement, which may have come before its
    /// waiting or Glue's own answers: first after the shortest pause, then ever later. After that a look comes after
    /// half of what has elapsed, a minute at least, the longest pause at most, and after an hour twice that; one shortly
    /// after the estimated end; and past it one after each third of the estimate.
    #[must_use]
    pub fn pause(self, progress: Progress, waiting: Waiting) -> u64 {
        let Waiting::Told { since } = waiting else {
            return self.within(progress.polling_pause(), self.max);
        };
        let longest = if progress.stopping {
            // Nothing may be announced any more, and it may take as long as it likes.
            self.max.min(CALM.as_secs()).max(self.min)
        } else if progress.elapsed < HOUR {
            self.max
        } else {
            2 * self.max
        };
        let pause = self.within(progress.safety_pause(), longest);
        since
            // One from before the crawl began was of another crawl.
            .filter(|&since| progress.elapsed.is_zero() || since <= progress.elapsed)
            .map_or(pause, |since| pause.min(self.within(since, longest)))
    }

    fn within(self, pause: Duration, longest: u64) -> u64 {
        let whole = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
        whole.clamp(self.min, longest)
    }
}

/// How a caller waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// By looks alone.
    Polling,
    /// Somebody announces the end of each crawl, and looks only guard against what is lost.
    Told {
        /// How long ago the last announcement came, or the waiting began; None if that is long ago.
        since: Option<Duration>,
    },
}

/// What is known of a crawl under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How long it has taken.
    pub elapsed: Duration,
    /// How long it is expected to take.
    pub expected: Option<Duration>,
    /// Whether it is about to end: nothing is announced any more.
    pub stopping: bool,
}

impl Progress {
    fn polling_pause(self) -> Duration {
        self.expected.map_or(self.elapsed / 5, |expected| {
            expected.abs_diff(self.elapsed) / 2
        })
    }

    fn safety_pause(self) -> Duration {
        let pause = (self.elapsed / 2).max(CALM);
        let Some(expected) = self.expected else {
            return pause;
        };
        let left = expected.saturating_add(MARGIN).saturating_sub(self.elapsed);
        if left > pause.saturating_mul(3) / 2 {
            pause
        } else if !left.is_zero() {
            left
        } else if self.elapsed / 2 < expected {
            (expected / 3).max(CALM)
        } else {
            // So wrong an estimate is worthless.
            pause
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOLD: Waiting = Waiting::Told { since: None };

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn crawl(elapsed: u64, expected: Option<u64>) -> Progress {
        Progress {
            elapsed: secs(elapsed),
            expected: expected.map(secs),
            stopping: false,
        }
    }

    /// The bounds that the template gives **crawl**.
    fn of_the_template() -> PollBounds {
        PollBounds::new(Some(5), Some(300)).expect("bounds")
    }

    /// The pauses of who polls, at the points where the clauses meet.
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
                bounds.pause(crawl(elapsed, expected), Waiting::Polling),
                pause,
                "{elapsed} {expected:?}"
            );
        }
    }

    /// The pauses of who is told, at the points where the clauses meet.
    #[test]
    fn who_is_told_looks_for_safety_only() {
        let bounds = of_the_template();
        for (elapsed, expected, pause) in [
            (0, None, 60),
            (5, None, 60),
            (200, None, 100),
            (3_599, None, 300),
            (3_600, None, 600),
            // Near the estimated end a look is put off, or comes sooner, to be shortly after it.
            (5, Some(10), 20),
            (423, Some(600), 192),
            (300, Some(600), 150),
            (615, Some(600), 200),
            // An estimate that is wrong by half is worthless.
            (1_200, Some(600), 300),
        ] {
            let progress = crawl(elapsed, expected);
            assert_eq!(
                bounds.pause(progress, TOLD),
                pause,
                "{elapsed} {expected:?}"
            );
        }
    }

    /// An announcement may come before Glue says the same, and a crawl that is stopping is announced no more: the
    /// next looks must come soon. One from before the crawl began told of another's end.
    #[test]
    fn after_an_announcement_looks_begin_anew() {
        let bounds = of_the_template();
        let since = |seconds| Waiting::Told {
            since: Some(secs(seconds)),
        };
        for (told, pause) in [(0, 5), (5, 5), (10, 10), (100, 100), (1_000, 300)] {
            assert_eq!(bounds.pause(crawl(1_000, None), since(told)), pause);
        }
        for (elapsed, told, pause) in [(0, 30, 30), (30, 30, 30), (29, 30, 60)] {
            assert_eq!(bounds.pause(crawl(elapsed, None), since(told)), pause);
        }
        let stopping = Progress {
            stopping: true,
            ..crawl(1_000, None)
        };
        assert_eq!(bounds.pause(stopping, TOLD), 60);
        assert_eq!(bounds.pause(stopping, since(0)), 5);
        assert_eq!(bounds.pause(stopping, since(500)), 60);
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

    /// How often a loop that obeys the pauses looks at a crawl, and how long after its end it ends. Who is told
    /// begins with the shortest pause, and every announcement is lost.
    fn looks_and_loss(length: u64, expected: Option<u64>, waiting: Waiting) -> (u64, u64) {
        let (bounds, mut now) = match waiting {
            Waiting::Polling => (PollBounds::default(), 0),
            Waiting::Told { .. } => (of_the_template(), 5),
        };
        let mut looks = u64::from(now > 0);
        while now < length {
            now += bounds.pause(crawl(now, expected), waiting);
            looks += 1;
        }
        (looks, now - length)
    }

    /// The estimates of the promise "Bounded".
    fn estimates(length: u64) -> [Option<u64>; 4] {
        [None, Some(length / 2), Some(length), Some(length * 2)]
    }

    /// The promise "Bounded", for who polls: few looks whatever the estimate.
    #[test]
    fn ten_minutes_take_at_most_25_polls() {
        for expected in estimates(600) {
            let (polls, _) = looks_and_loss(600, expected, Waiting::Polling);
            assert!(polls <= 25, "{polls} polls with {expected:?}");
        }
    }

    /// The promise "Bounded", for who is told and hears nothing: looks, and time lost after the end.
    #[test]
    fn without_any_announcement_few_looks_lose_a_minute_at_most() {
        for (length, most) in [(10, 2), (60, 3), (600, 8), (3_600, 20), (86_400, 190)] {
            for expected in estimates(length) {
                let (looks, loss) = looks_and_loss(length, expected, TOLD);
                assert!(
                    looks <= most && loss <= 60,
                    "{length} {expected:?}: {looks}, {loss} s"
                );
            }
        }
    }

    /// The longest crawl that crawl waits for must leave room in the 25,000 events of a history, where a
    /// poll takes 9.
    #[test]
    fn a_day_takes_little_more_than_half_a_history() {
        for expected in estimates(86_400) {
            let (polls, _) = looks_and_loss(86_400, expected, Waiting::Polling);
            assert!(polls * 9 < 13_500, "{polls} polls with {expected:?}");
        }
    }

    proptest! {
        /// With an exact estimate at most the shortest pause is lost at the end, however long the crawl.
        #[test]
        fn a_good_estimate_loses_at_most_five_seconds(length in 1_u64..86_400) {
            let (_, loss) = looks_and_loss(length, Some(length), Waiting::Polling);
            prop_assert!(loss <= 5, "{loss:?}");
        }

        /// The same of who is told and hears nothing.
        #[test]
        fn a_good_estimate_loses_at_most_fifteen_seconds(length in 1_u64..86_400) {
            let (_, loss) = looks_and_loss(length, Some(length), TOLD);
            prop_assert!(loss <= 15, "{loss:?}");
        }

        /// However wrong the estimate: what is lost is a minute, or three quarters of what the crawl took, and never more
        /// than two of the longest pauses; and a day fits into a tenth of a history, where a look of who is told takes 13
        /// events.
        #[test]
        fn without_any_announcement_the_loss_is_bounded(
            length in 1_u64..86_400,
            expected in proptest::option::of(1_u64..200_000),
        ) {
            let (looks, loss) = looks_and_loss(length, expected, TOLD);
            prop_assert!(loss <= 60.max(length * 3 / 4) && loss <= 600, "{looks} looks, {loss} s lost");
            prop_assert!(looks * 13 <= 2_500, "{looks} looks");
            prop_assert!(length > 600 || looks <= 9, "{looks} looks");
            prop_assert!(length > 3_600 || looks <= 20, "{looks} looks");
        }

        /// No elapsed time and no estimate, however absurd, may leave the bounds.
        #[test]
        fn every_pause_is_within_bounds(elapsed: u64, expected: Option<u64>, since: Option<u64>) {
            let since = since.map(secs);
            let pause = PollBounds::default().pause(crawl(elapsed, expected), Waiting::Polling);
            prop_assert!((5..=60).contains(&pause));
            let pause = of_the_template().pause(crawl(elapsed, expected), Waiting::Told { since });
            prop_assert!((5..=600).contains(&pause));
        }
    }
}
