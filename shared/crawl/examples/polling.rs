//! What waiting for a crawl costs: a table of polls, state transitions, history events and the time lost
//! after the crawl's end, for this project's pauses and for the tutorials' loop of 5 s.
//!
//! The pauses are the real ones; only the clock is simulated. A look itself is taken to cost no time.

use std::time::Duration;

use crawl::poll::PollBounds;

/// States that **crawl** enters besides those of its polls: read, check, start, report.
const STATES: u32 = 4;
/// Events of these states, of the execution's start and of its end.
const EVENTS: u32 = 13;
/// A poll is a Wait, a Task and a Choice.
const STATES_A_POLL: u32 = 3;
/// Two events each for Wait and Choice, five for a Task: entered, scheduled, started, succeeded, exited.
const EVENTS_A_POLL: u32 = 9;
/// A history that reaches this ends its execution.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
const HISTORY_LIMIT: u32 = 25_000;

/// Polls until a crawl of `length` is seen to have ended, and how long after its end that is.
fn wait_for(length: Duration, mut pause: impl FnMut(Duration) -> u64) -> (u32, Duration) {
    let (mut now, mut polls) = (Duration::ZERO, 0);
    while now < length {
        now += Duration::from_secs(pause(now));
        polls += 1;
    }
    (polls, now.abs_diff(length))
}

fn row(crawl: &str, waiting: &str, (polls, lost): (u32, Duration)) {
    let events = EVENTS + polls * EVENTS_A_POLL;
    let end = if events < HISTORY_LIMIT {
        ""
    } else {
        ", **more than a history holds**"
    };
    println!(
        "| {crawl} | {waiting} | {polls} | {} | {events}{end} | {} s |",
        STATES + polls * STATES_A_POLL,
        lost.as_secs(),
    );
}

fn main() {
    let bounds = PollBounds::default();
    println!(
        "| crawl | waiting | polls | state transitions | history events | lost after its end |"
    );
    println!("|--:|---|--:|--:|--:|--:|");
    for (crawl, seconds) in [
        ("10 s", 10),
        ("1 min", 60),
        ("10 min", 600),
        ("60 min", 3_600),
        ("24 h", 86_400),
    ] {
        let length = Duration::from_secs(seconds);
        for (estimate, expected) in [
            ("good estimate", Some(length)),
            ("estimate half of it", Some(length / 2)),
            ("estimate double of it", Some(length * 2)),
            ("no estimate", None),
        ] {
            row(
                crawl,
                estimate,
                wait_for(length, |elapsed| bounds.pause(elapsed, expected)),
            );
        }
        row(crawl, "fixed loop of 5 s", wait_for(length, |_| 5));
    }
}
