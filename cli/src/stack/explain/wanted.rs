//! Which executions may have an object, by their names and when they began.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::stack::names::Named;

/// S3 tells moments in whole seconds.
const TICK: SignedDuration = SignedDuration::from_secs(1);
/// No window is longer, so no run of one begins earlier before its end.
const LONGEST_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// What tells them from others.
#[derive(Debug, Clone)]
pub(crate) struct Wanted<'a> {
    pub(crate) pipeline: &'a str,
    /// What the names of its windows' runs begin with; none where each object has a run of its own.
    pub(crate) queue: Option<&'a str>,
    pub(crate) written: Timestamp,
    /// The day that a run of it is for.
    pub(crate) day: Date,
}

/// How sure it is that a run has what it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doubt {
    /// Its name tells that it has the object, or one like it.
    None,
    /// What it was given tells.
    Some,
    /// Its name tells that it is for another day.
    OtherDay,
}

/// The surest first, and then the oldest.
pub(crate) type Order = (Doubt, Timestamp, Timestamp);

impl Wanted<'_> {
    /// What began before has nothing of the object.
    pub(crate) fn since(&self) -> Timestamp {
        self.written - LONGEST_WINDOW
    }

    /// Where an execution comes among those that may have the object, if it may: one of a window does if that closed
    /// later, any other if it began later.
    pub(crate) fn order(&self, name: &str, began: Timestamp) -> Option<Order> {
        let named = Named::of(name);
        if !named.may_be_of(self.pipeline) {
            return None;
        }
        let (may, doubt, at) = match &named {
            Named::Window { queue, end, .. } => {
                let doubt = if self.queue == Some(queue) {
                    Doubt::None
                } else {
                    Doubt::Some
                };
                (*end > self.written, doubt, *end)
            }
            Named::Object { .. } => (
                self.queue.is_none() && began > self.written,
                Doubt::None,
                began,
            ),
            Named::Day { date, .. } if *date != self.day => {
                (began > self.written + TICK, Doubt::OtherDay, began)
            }
            Named::Day { .. } | Named::Other => (began > self.written + TICK, Doubt::Some, began),
        };
        may.then_some((doubt, at, began))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "orders-0123456789abcdef0123456789abcdef-";
    const EDITED: &str = "orders-fedcba9876543210fedcba9876543210-";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_769_824_800 + seconds).expect("it is in range")
    }

    fn order(queue: Option<&str>, name: &str, began: i64) -> Option<Order> {
        let wanted = Wanted {
            pipeline: "orders",
            queue,
            written: at(0),
            day: jiff::civil::date(2026, 1, 31),
        };
        wanted.order(name, at(began))
    }

    fn window(queue: &str, end: i64) -> String {
        format!("{queue}{}", at(end).as_second())
    }

    /// The run of a window has what was written before that closed, though the run began before.
    #[test]
    fn a_window_has_what_was_written_before_its_end() {
        assert_eq!(order(Some(QUEUE), &window(QUEUE, 0), -50), None);
        let first = order(Some(QUEUE), &window(QUEUE, 1), -50);
        let second = order(Some(QUEUE), &window(QUEUE, 61), 10);
        let edited = order(Some(QUEUE), &window(EDITED, 1), -50);
        assert!(first.is_some() && first < second && second < edited);
    }

    /// The day that it is for comes last, whenever it ran: a backfill of a year must not hide the run that has it.
    #[test]
    fn runs_for_other_days_come_last() {
        let own = order(Some(QUEUE), "orders-2026-01-31-0123456789abcdef", 900);
        let other = order(Some(QUEUE), "orders-2026-02-01-0123456789abcdef", 10);
        assert!(own.is_some() && own < other);
    }

    /// Another pipeline's run has nothing of it, whatever its name begins with.
    #[test]
    fn other_pipelines_have_nothing_of_it() {
        for other in ["orders-eu", "order", "customers"] {
            let name = window(&QUEUE.replace("orders", other), 61);
            assert_eq!(order(Some(QUEUE), &name, 10), None);
        }
    }

    /// Where each object has its run, one that began before is another object's.
    #[test]
    fn a_run_of_one_object_began_after_it_was_written() {
        let name = QUEUE.trim_end_matches('-');
        assert_eq!(order(None, name, -1), None);
        assert!(order(None, name, 1).is_some());
        assert_eq!(order(Some(QUEUE), name, 1), None);
    }

    /// People run it by hand after they have looked; within the second that S3 tells nobody knows what came first.
    #[test]
    fn runs_by_hand_and_by_the_clock_count_from_the_next_second_on() {
        for name in ["by-hand", "orders-2026-01-31-0123456789abcdef"] {
            assert_eq!(order(Some(QUEUE), name, 1), None);
            assert!(order(Some(QUEUE), name, 2).is_some());
        }
    }
}
