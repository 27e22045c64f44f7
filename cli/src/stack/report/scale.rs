//! Where the moments of a run are on a line, and the times that are written at it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::super::run::Run;
use super::span::{of_crawl, of_step};

/// What people count time in.
const STEPS: [i64; 28] = [
    1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800,
    14_400, 21_600, 43_200, 86_400, 172_800, 259_200, 432_000, 864_000, 1_728_000,
];
/// Times that fit beside each other on a telephone.
const MOST_TICKS: i64 = 4;
/// Waiting that takes up more of a run than this before its first work...
const LONG: f64 = 0.3;
/// ...is drawn as this much of it.
const FOLDED: f64 = 0.12;

/// From the beginning of a run to the end of all that it has begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    from: Timestamp,
    to: Timestamp,
    fold: Option<Timestamp>,
}

/// A place on the line, or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Percent(f64);

/// A time that is written at the line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) x: Percent,
    pub(super) told: String,
}

impl Scale {
    /// What has not ended goes on until `now`.
    pub(super) fn of(run: &Run, now: Timestamp) -> Self {
        let from = run.began;
        let spans = run
            .steps()
            .flat_map(|(_, _, step)| of_step(step).chain(of_crawl(step)));
        let (began, ended): (Vec<_>, Vec<_>) = spans.unzip();
        let ends = ended.into_iter().map(|ended| ended.unwrap_or(now));
        let to = ends.fold(run.status.ended().unwrap_or(now), Timestamp::max);
        let to = to.max(from + SignedDuration::from_millis(1));
        let first = began
            .into_iter()
            .min()
            .filter(|first| !run.waits.is_empty() && *first < to);
        let fold = first.filter(|first| seconds(from, *first) > LONG * seconds(from, to));
        Self { from, to, fold }
    }

    /// Where the waiting ends that is drawn shorter than it was.
    pub(super) fn fold(&self) -> Option<Percent> {
        self.fold.map(|_| Percent(100.0 * FOLDED))
    }

    pub(super) fn x(&self, at: Timestamp) -> Percent {
        let at = at.clamp(self.from, self.to);
        let part = |from, to| seconds(from, at) / seconds(from, to);
        Percent(
            100.0
                * match self.fold {
                    None => part(self.from, self.to),
                    Some(fold) if at <= fold => FOLDED * part(self.from, fold),
                    Some(fold) => FOLDED + (1.0 - FOLDED) * part(fold, self.to),
                },
        )
    }

    /// How long something is, which is not so short that nobody sees it.
    pub(super) fn width(&self, began: Timestamp, ended: Timestamp) -> Percent {
        let Percent(from) = self.x(began);
        let Percent(to) = self.x(ended);
        Percent((to - from).max(0.4).min(100.0 - from.min(99.6)))
    }

    /// Round times; none where waiting is drawn shorter.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let from = self.fold.unwrap_or(self.from);
        let span = self.to.as_second() - from.as_second();
        let fits = STEPS.into_iter().find(|step| span / step <= MOST_TICKS);
        let step = fits.unwrap_or(span);
        let form = match step {
            ..60 => "%H:%M:%S",
            60..86_400 => "%H:%M",
            _ => "%-d %b",
        };
        let first = (from.as_second() + step - 1).div_euclid(step);
        let moments =
            (first..).map_while(|count| Timestamp::from_second(count.checked_mul(step)?).ok());
        moments
            .take_while(|at| *at <= self.to)
            .filter(|at| *at >= from)
            .map(|at| Tick {
                x: self.x(at),
                told: at.strftime(form).to_string(),
            })
            .collect()
    }
}

impl Tick {
    /// What lies at an end of the line is written inside of it.
    pub(super) fn side(&self) -> &'static str {
        match self.x.0 {
            ..5.0 => "first",
            95.0.. => "last",
            _ => "between",
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "no run takes years")]
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_microsecond() - from.as_microsecond()) as f64 / 1e6
}

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.2}%", self.0)
    }
}
