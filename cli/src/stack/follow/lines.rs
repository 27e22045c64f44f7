//! What happens in a run, a line each: when, which step, what it is about, and what came of it.

use console::{Style, style};
use jiff::{SignedDuration, Timestamp};

use super::super::columns::cut;
use super::super::moments;
use super::super::run::{Attempt, Crawling, News, Run, Standing, Start, Step, What, changed};
use super::super::text::printable;

/// Prints news as lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    began: Option<Timestamp>,
}

/// What a line tells of a part of the run.
struct Told {
    /// The step's number, as 2.1.
    label: String,
    about: String,
    style: Style,
    what: String,
    note: Option<String>,
}

impl Lines {
    /// The lines of a piece of news, about the run as it is since.
    pub(super) fn of(&mut self, run: &Run, news: &News) -> Vec<String> {
        let began = *self.began.get_or_insert(news.at);
        let since = news.at.duration_since(began).as_secs_f64();
        if let What::StageBegan(index) = news.what {
            return vec![stage(run, index)];
        }
        let Some(told) = told(run, news) else {
            return Vec::new();
        };
        let Told {
            label,
            about,
            style,
            what,
            note,
        } = told;
        let width = subjects(run).map(|subject| subject.chars().count()).max();
        let width = width.unwrap_or_default();
        let about = printable(&about);
        let note = note.filter(|note| !note.is_empty());
        let note = note.map_or_else(String::new, |note| {
            console::style(format!(": {}", printable(&note)))
                .dim()
                .to_string()
        });
        let what = style.apply_to(what);
        let mut lines = vec![cut(&format!(
            "{since:6.1}  {label:4} {about:width$}  {what}{note}"
        ))];
        if news.what == What::RunEnded && !run.is_over() {
            lines.push(rule(
                "the run is over · waiting for the crawls that it does not await",
            ));
        }
        lines
    }
}

/// All that lines can be about.
fn subjects(run: &Run) -> impl Iterator<Item = &str> {
    let of_steps = run.steps().flat_map(|(_, _, step)| {
        let work = step.work.as_ref().map(|work| work.subject.as_str());
        work.into_iter()
            .chain(step.crawl.as_ref().map(|crawl| crawl.crawler.as_str()))
    });
    std::iter::once(run.pipeline.as_str()).chain(of_steps)
}

fn rule(text: &str) -> String {
    let line = "─".repeat(96_usize.saturating_sub(text.chars().count()));
    cut(&style(format!("{text} {line}")).dim().to_string())
}

fn stage(run: &Run, index: usize) -> String {
    let stage = &run.stages[index];
    let mut parts = vec![format!("stage {} of {}", index + 1, run.stages.len())];
    parts.extend(stage.name.clone());
    if stage.steps.len() > 1 {
        parts.push(format!("{} steps side by side", stage.steps.len()));
    }
    rule(&printable(&parts.join(" · ")))
}

fn told(run: &Run, news: &News) -> Option<Told> {
    let of_run = |what: String, note: Option<String>| Told {
        label: String::new(),
        about: run.pipeline.clone(),
        style: Style::new().blue(),
        what,
        note,
    };
    Some(match news.what {
        What::RunBegan => of_run("▶ run".to_owned(), Some(started(run))),
        What::RunRedriven => of_run("▶ run goes on".to_owned(), Some("redriven".to_owned())),
        What::RunWaits(reason) => of_run(format!("→ waits for {reason}"), None),
        What::RunEnded => ended(run, of_run),
        What::StageBegan(_) => return None,
        What::StepWaits(place, _)
        | What::WorkBegan(place)
        | What::WorkEnded(place)
        | What::CrawlBegan(place)
        | What::CrawlLooked(place)
        | What::CrawlEnded(place)
        | What::StepFailed(place) => {
            let step = &run.stages[place.0].steps[place.1];
            let (of_crawl, what, note) = of_step(step, &news.what)?;
            let about = if of_crawl {
                step.crawl.as_ref().map(|crawl| &crawl.crawler)
            } else {
                step.work.as_ref().map(|work| &work.subject)
            };
            let style = if what.starts_with('✗') {
                Style::new().red()
            } else if of_crawl {
                Style::new().green()
            } else {
                Style::new().blue()
            };
            Told {
                label: format!("{}.{}", place.0 + 1, place.1 + 1),
                about: about.cloned().unwrap_or_default(),
                style,
                what,
                note,
            }
        }
    })
}

/// What started the run, and what it is for.
fn started(run: &Run) -> String {
    match &run.started_by {
        Start::Window { start, end } => {
            format!(
                "window {} to {} UTC",
                moments::told(*start),
                moments::told(*end)
            )
        }
        Start::Object { bucket, key } => format!("s3://{bucket}/{key}"),
        Start::Schedule { time } => format!("due {} UTC", moments::told(*time)),
        Start::Execution { .. } => format!("started by a state machine, for {}", run.date),
        Start::Hand => format!("started by hand, for {}", run.date),
    }
}

fn ended(run: &Run, line: impl Fn(String, Option<String>) -> Told) -> Told {
    let word = run.status.word();
    let Some(problem) = run.status.problem() else {
        return line(format!("■ run {word}"), Some(run.untold.join("; ")));
    };
    Told {
        style: Style::new().red(),
        ..line(format!("■ run {word}"), Some(problem.to_string()))
    }
}

/// Whether the news is of the step's crawl, what it is, and what there is to say of it.
fn of_step(step: &Step, what: &What) -> Option<(bool, String, Option<String>)> {
    let attempts = step.work.iter().flat_map(|work| &work.attempts);
    let kind = step.work.as_ref().map(|work| work.kind.to_string());
    Some(match what {
        What::WorkBegan(_) => {
            let number = attempts.count();
            let note = (number > 1).then(|| format!("attempt {number}"));
            (false, format!("▶ {}", kind?), note)
        }
        What::WorkEnded(_) => {
            let Attempt {
                began, standing, ..
            } = attempts.last()?;
            (
                false,
                format!("{} {}", mark(standing), kind?),
                came_of(standing, *began, None),
            )
        }
        What::CrawlBegan(_) => {
            let left = (!step.crawl.as_ref()?.awaited).then(|| "not awaited".to_owned());
            (true, "▶ crawl".to_owned(), left)
        }
        What::CrawlLooked(_) => (true, "· crawl".to_owned(), step.crawling()?.news.clone()),
        What::CrawlEnded(_) => {
            let Crawling {
                began,
                standing,
                result,
                ..
            } = step.crawling()?;
            let changes = result.as_ref().and_then(|result| {
                let crawl = result.crawl.as_ref()?;
                changed(crawl.tables, crawl.partitions)
            });
            (
                true,
                format!("{} crawl", mark(standing)),
                came_of(standing, *began, changes),
            )
        }
        What::StepWaits(_, reason) => {
            let of_crawl = step.crawl.is_some() && step.work.is_none();
            (of_crawl, format!("→ waits for {reason}"), None)
        }
        What::StepFailed(_) => {
            let problem = step.failure.as_ref()?.to_string();
            let of_crawl = step.crawling().is_some();
            (
                of_crawl,
                "✗ failed, which is optional here".to_owned(),
                Some(problem),
            )
        }
        _ => return None,
    })
}

fn mark(standing: &Standing) -> char {
    match standing {
        Standing::Failed { .. } => '✗',
        Standing::Stopped { .. } => '■',
        Standing::Untold { .. } => '?',
        Standing::Running | Standing::Succeeded { .. } => '✓',
    }
}

/// Why it failed; else what it has changed, and how long it took.
fn came_of(standing: &Standing, began: Timestamp, changes: Option<String>) -> Option<String> {
    match standing {
        Standing::Failed { problem, .. } => return Some(problem.cause.clone()),
        Standing::Untold { why, .. } => return Some(why.clone()),
        _ => (),
    }
    let took = standing
        .ended()?
        .duration_since(began)
        .max(SignedDuration::ZERO);
    let took = moments::took(took);
    Some(changes.map_or_else(|| took.clone(), |changes| format!("{changes}, {took}")))
}
