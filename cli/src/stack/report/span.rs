//! When parts of a run began, and ended.

use jiff::Timestamp;

use super::super::run::Step;

/// It has no end while it goes on.
pub(super) type Span = (Timestamp, Option<Timestamp>);

/// All that a step does and waits for, but for a crawl that the run does not.
pub(super) fn of_step(step: &Step) -> impl Iterator<Item = Span> {
    let attempts = step.work.iter().flat_map(|work| &work.attempts);
    let attempts = attempts.map(|attempt| (attempt.began, attempt.standing.ended()));
    let waits = step.waits.iter().map(|wait| (wait.began, wait.ended));
    let awaited = step.crawl.as_ref().is_some_and(|crawl| crawl.awaited);
    attempts
        .chain(waits)
        .chain(of_crawl(step).into_iter().filter(move |_| awaited))
}

/// The crawl of a step.
pub(super) fn of_crawl(step: &Step) -> Option<Span> {
    let crawling = step.crawling()?;
    Some((crawling.began, crawling.standing.ended()))
}

/// From the first beginning to the last end, if all have ended.
pub(super) fn joined(spans: impl Iterator<Item = Span>) -> Option<Span> {
    spans.reduce(|(began, ended), (other_began, other_ended)| {
        let ended = ended.zip(other_ended).map(|(one, other)| one.max(other));
        (began.min(other_began), ended)
    })
}
