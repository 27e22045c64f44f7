//! What a run does at this moment, in a line.

use jiff::Timestamp;

use super::super::moments;
use super::super::run::{Run, Standing, Step, Wait};
use super::super::text::printable;

/// What goes on, and since when.
pub(super) fn doing(run: &Run, now: Timestamp) -> String {
    let since = |began| moments::took(now.duration_since(began));
    if let Some(wait) = waiting(&run.waits) {
        return format!("waits for {} · {}", wait.reason, since(wait.began));
    }
    let parts: Vec<_> = run
        .steps()
        .filter_map(|(stage, number, step)| {
            let (what, began) = of_step(step)?;
            Some(format!("{stage}.{number} {what} · {}", since(began)))
        })
        .collect();
    if parts.is_empty() {
        return format!("running · {}", since(run.began));
    }
    parts.join("   ")
}

fn of_step(step: &Step) -> Option<(String, Timestamp)> {
    if let Some(wait) = waiting(&step.waits) {
        return Some((format!("waits for {}", wait.reason), wait.began));
    }
    if let Some(crawling) = step.crawling() {
        let news = crawling.news.as_deref().unwrap_or("crawl");
        let running = crawling.standing == Standing::Running;
        return running.then(|| (news.to_owned(), crawling.began));
    }
    let work = step.work.as_ref()?;
    let attempt = work.attempts.last()?;
    let running = attempt.standing == Standing::Running;
    running.then(|| (printable(&work.subject), attempt.began))
}

fn waiting(waits: &[Wait]) -> Option<&Wait> {
    waits.last().filter(|wait| wait.ended.is_none())
}
