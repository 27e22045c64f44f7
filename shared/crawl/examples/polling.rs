//! What waiting for a crawl costs: a table of looks, state transitions, history events and the time lost after the
//! crawl's end. Beside **crawl**, whom Glue's events wake, stand what it does when all of them are lost, and the
//! tutorials' loop of 5 s.
//!
//! The pauses are the real ones; only the clock is simulated. A look itself is taken to cost no time.

use std::time::Duration;

use crawl::poll::{PollBounds, Progress, Waiting};

/// The bounds that the template gives **crawl**.
const SHORTEST: u64 = 5;
const LONGEST: u64 = 300;
/// States that **crawl** enters besides those of its looks: read, start, check, report.
const STATES: u32 = 4;
/// Events of these states, of the execution's start and of its end.
const EVENTS: u32 = 13;
/// A look is a wait, a Task and a Choice.
const STATES_A_LOOK: u32 = 3;
/// Two events each for a Wait and a Choice, five for a Task: entered, scheduled, started, succeeded, exited.
const EVENTS_A_POLL: u32 = 9;
/// A wait that can be woken is a Task, with a sixth event: submitted.
const EVENTS_A_LOOK: u32 = 13;
/// A history that reaches this ends its execution.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
const HISTORY_LIMIT: u32 = 25_000;

/// Looks until a crawl of `length` is seen to have ended, and how long after its end that is.
fn wait_for(length: u64, first: u64, mut pause: impl FnMut(u64) -> u64) -> (u32, u64) {
    let (mut now, mut looks) = (first, 1);
    while now < length {
        now += pause(now);
        looks += 1;
    }
    (looks, now - length)
}

fn row(crawl: &str, waiting: &str, (looks, lost): (u32, u64), events_a_look: u32) {
    let events = EVENTS + looks * events_a_look;
    let end = if events < HISTORY_LIMIT {
        ""
    } else {
        ", **more than a history holds**"
    };
    println!(
        "| {crawl} | {waiting} | {looks} | {} | {events}{end} | {lost} s |",
        STATES + looks * STATES_A_LOOK,
    );
}

fn main() {
    let bounds = PollBounds::new(Some(SHORTEST), Some(LONGEST)).expect("bounds");
    let told = |elapsed, expected: Option<u64>| {
        let progress = Progress {
            elapsed: Duration::from_secs(elapsed),
            expected: expected.map(Duration::from_secs),
            stopping: false,
        };
        bounds.pause(progress, Waiting::Told { since: None })
    };
    println!(
        "| crawl | waiting | looks | state transitions | history events | lost after its end |"
    );
    println!("|--:|---|--:|--:|--:|--:|");
    for (crawl, length) in [
        ("10 s", 10),
        ("1 min", 60),
        ("10 min", 600),
        ("60 min", 3_600),
        ("24 h", 86_400),
    ] {
        // The last look comes with the announcement.
        let announced = |now: u64| told(now, None).min(length - now);
        let looks = wait_for(length, SHORTEST, announced);
        row(crawl, "woken", looks, EVENTS_A_LOOK);
        for (estimate, expected) in [
            ("good estimate", Some(length)),
            ("estimate half of it", Some(length / 2)),
            ("estimate double of it", Some(length * 2)),
            ("no estimate", None),
        ] {
            let looks = wait_for(length, SHORTEST, |now| told(now, expected));
            row(
                crawl,
                &format!("never woken, {estimate}"),
                looks,
                EVENTS_A_LOOK,
            );
        }
        row(
            crawl,
            "loop of 5 s",
            wait_for(length, 5, |_| 5),
            EVENTS_A_POLL,
        );
    }
}
