//! When to look at a crawl again: seldom while there is nothing to see, often near its end.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::request::{self, InvalidField};
use crate::setting::{self, InvalidSetting, Source};

/// The shortest and the longest pause between two looks, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollBounds {
    min: u32,
    max: u32,
}

impl Default for PollBounds {
    fn default() -> Self {
        Self { min: 5, max: 60 }
    }
}

impl PollBounds {
    /// Reads `POLL_MIN_SECONDS` and `POLL_MAX_SECONDS` (5 and 60 unless set).
    ///
    /// # Errors
    /// [`InvalidSetting`] if one is not a whole number of at least 1, or the least exceeds the
    /// most: a pause of 0 would burn through the 25,000 events of an execution's history.
    pub fn from_settings(source: &impl Source) -> Result<Self, InvalidSetting> {
        const NAMES: [&str; 2] = ["POLL_MIN_SECONDS", "POLL_MAX_SECONDS"];
        let default = Self::default();
        let min = setting::parse(source, NAMES[0], default.min)?;
        let max = setting::parse(source, NAMES[1], default.max.max(min))?;
        Self::new(min, max, NAMES).map_err(|(variable, reason)| InvalidSetting { variable, reason })
    }

    /// What an input says in `pollMinSeconds` and `pollMaxSeconds`, and these bounds for what it leaves out.
    ///
    /// # Errors
    /// [`InvalidField`] as [`Self::from_settings`].
    pub fn with_input(self, input: &Map<String, Value>) -> Result<Self, InvalidField> {
        const NAMES: [&str; 2] = ["pollMinSeconds", "pollMaxSeconds"];
        let min = request::optional(input, NAMES[0])?.unwrap_or(self.min);
        let max = request::optional(input, NAMES[1])?.unwrap_or(self.max.max(min));
        Self::new(min, max, NAMES).map_err(|(field, reason)| InvalidField::new(field, reason))
    }

    /// On error, which of the two `names` is to blame, and why.
    fn new(min: u32, max: u32, names: [&'static str; 2]) -> Result<Self, (&'static str, String)> {
        if min == 0 {
            return Err((names[0], "must be at least 1".to_owned()));
        }
        if max < min {
            return Err((names[1], format!("{max} is less than {}, {min}", names[0])));
        }
        Ok(Self { min, max })
    }

    /// The pause before the next look, in seconds: half the distance to the estimated end, before
    /// it and past it; without an estimate a fifth of what has elapsed; rounded up, within bounds.
    #[must_use]
    pub fn pause(self, elapsed: Duration, expected: Option<Duration>) -> u32 {
        let pause = expected.map_or(elapsed / 5, |expected| expected.abs_diff(elapsed) / 2);
        let whole = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
        u32::try_from(whole)
            .unwrap_or(u32::MAX)
            .clamp(self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn bounds(min: &str, max: &str) -> Result<PollBounds, String> {
        let source =
            |name: &str| Some(if name == "POLL_MIN_SECONDS" { min } else { max }.to_owned());
        PollBounds::from_settings(&source).map_err(|error| error.to_string())
    }

    /// A machine hands its own bounds over: settings of the function stay with a version of it.
    #[test]
    fn an_input_goes_before_the_settings() {
        let read = |input: Value| {
            let input = input.as_object().expect("an object").clone();
            PollBounds { min: 2, max: 9 }
                .with_input(&input)
                .map(|bounds| (bounds.min, bounds.max))
                .map_err(|error| error.to_string())
        };
        assert_eq!(read(json!({})), Ok((2, 9)));
        assert_eq!(
            read(json!({"pollMinSeconds": 1, "pollMaxSeconds": 3})),
            Ok((1, 3))
        );
        assert_eq!(
            read(json!({"pollMinSeconds": 30, "pollMaxSeconds": null})),
            Ok((30, 30))
        );
        assert_eq!(
            read(json!({"pollMinSeconds": 0})),
            Err("pollMinSeconds: must be at least 1".to_owned())
        );
        assert_eq!(
            read(json!({"pollMaxSeconds": 1})),
            Err("pollMaxSeconds: 1 is less than pollMinSeconds, 2".to_owned())
        );
        assert!(read(json!({"pollMaxSeconds": "9"})).is_err());
    }

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

    /// Settings that would poll without pause, or never, must stop the function's start.
    #[test]
    fn impossible_bounds_are_refused_by_name() {
        assert_eq!(bounds("1", "2"), Ok(PollBounds { min: 1, max: 2 }));
        assert_eq!(bounds("90", ""), Ok(PollBounds { min: 90, max: 90 }));
        assert_eq!(
            bounds("0", "9"),
            Err("environment variable POLL_MIN_SECONDS: must be at least 1".to_owned())
        );
        assert_eq!(
            bounds("9", "5"),
            Err(
                "environment variable POLL_MAX_SECONDS: 5 is less than POLL_MIN_SECONDS, 9"
                    .to_owned()
            )
        );
    }

    /// How often a loop that obeys the pauses looks at a crawl, and how long after its end it ends.
    fn polls_and_loss(length: Duration, expected: Option<Duration>) -> (u32, Duration) {
        let bounds = PollBounds::default();
        let mut now = Duration::ZERO;
        let mut polls = 0;
        while now < length {
            now += secs(u64::from(bounds.pause(now, expected)));
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
