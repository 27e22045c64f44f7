//! What each step did, and what came of it.

use jiff::Timestamp;

use super::super::Home;
use super::super::moments::took;
use super::super::run::{
    Crawl, Crawled, Problem, Reason, Stage, Standing, Step, Wait, Work, changed,
};
use super::links::Link;
use super::mark::Mark;
use super::timeline::of_stage;

/// The steps of a stage.
#[derive(Debug)]
pub(super) struct StageDetails {
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) mark: Mark,
    pub(super) took: String,
    pub(super) steps: Vec<StepDetails>,
}

#[derive(Debug)]
pub(super) struct StepDetails {
    /// As 2.1, and for anchors as 2-1.
    pub(super) number: String,
    pub(super) anchor: String,
    pub(super) name: String,
    pub(super) optional: bool,
    /// In the order of time; one at least.
    pub(super) entries: Vec<Entry>,
}

/// An attempt, a crawl or a wait.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: String,
    pub(super) subject: String,
    pub(super) note: String,
    pub(super) mark: Mark,
    pub(super) result: String,
    pub(super) began: Option<Timestamp>,
    pub(super) took: String,
    pub(super) links: Vec<Link>,
    pub(super) problem: Option<Problem>,
}

/// What the details of a run are told by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Teller<'a> {
    pub(super) home: &'a Home,
    /// When this is told.
    pub(super) now: Timestamp,
}

impl Teller<'_> {
    pub(super) fn stage(&self, number: usize, stage: &Stage) -> StageDetails {
        let span = of_stage(stage);
        StageDetails {
            number,
            name: stage.name.clone().unwrap_or_default(),
            mark: Mark::of_stage(stage),
            took: span.map_or_else(String::new, |(began, ended)| self.took(began, ended)),
            steps: (1..)
                .zip(&stage.steps)
                .map(|(place, step)| self.step(number, place, step))
                .collect(),
        }
    }

    fn step(&self, stage: usize, number: usize, step: &Step) -> StepDetails {
        StepDetails {
            number: format!("{stage}.{number}"),
            anchor: format!("step-{stage}-{number}"),
            name: step.name.clone().unwrap_or_default(),
            optional: step.optional,
            entries: self.entries(step),
        }
    }

    /// What a step did, with its failure at what failed last.
    pub(super) fn entries(&self, step: &Step) -> Vec<Entry> {
        let waits = step.waits.iter().map(|wait| self.wait(wait));
        let mut entries: Vec<_> = waits.collect();
        if let Some(work) = &step.work {
            entries.extend(self.work(work));
        }
        entries.extend(step.crawl.as_ref().map(|crawl| self.crawl(crawl)));
        // What has not begun comes last.
        entries.sort_by_key(|entry| (entry.began.is_none(), entry.began));
        if let Some(failure) = &step.failure {
            let failed = entries
                .iter_mut()
                .rev()
                .find(|entry| entry.mark == Mark::Failed);
            let failed = match failed {
                Some(entry) => Some(entry),
                None => entries
                    .iter_mut()
                    .rev()
                    .find(|entry| entry.mark != Mark::Waiting),
            };
            if let Some(entry) = failed {
                entry.mark = Mark::Failed;
                Mark::Failed.word().clone_into(&mut entry.result);
                entry.problem = Some(failure.clone());
            }
        }
        entries
    }

    fn wait(&self, wait: &Wait) -> Entry {
        let note = match wait.reason {
            Reason::Retry => "paused before the next attempt".to_owned(),
            reason => format!("waited for {reason}"),
        };
        Entry {
            kind: String::new(),
            subject: String::new(),
            note,
            mark: Mark::Waiting,
            result: String::new(),
            began: Some(wait.began),
            took: self.took(wait.began, wait.ended),
            links: Vec::new(),
            problem: None,
        }
    }

    fn work<'a>(&'a self, work: &'a Work) -> Vec<Entry> {
        if work.attempts.is_empty() {
            return vec![absent(work.kind.to_string(), &work.subject)];
        }
        let count = work.attempts.len();
        let attempts = (1..).zip(&work.attempts);
        attempts
            .map(|(number, attempt)| Entry {
                note: match count {
                    1 => String::new(),
                    _ => format!("attempt {number} of {count}"),
                },
                links: self.links(work, attempt),
                ..self.part(
                    work.kind.to_string(),
                    &work.subject,
                    attempt.began,
                    &attempt.standing,
                )
            })
            .collect()
    }

    fn crawl(&self, crawl: &Crawl) -> Entry {
        let kind = "crawler".to_owned();
        let note = if crawl.awaited {
            ""
        } else {
            "the run does not wait for it"
        };
        let entry = match &crawl.execution {
            None => absent(kind, &crawl.crawler),
            Some(crawling) => Entry {
                links: self.links_of_crawl(&crawl.crawler, crawling),
                ..self.part(kind, &crawl.crawler, crawling.began, &crawling.standing)
            },
        };
        let result = crawl
            .execution
            .as_ref()
            .and_then(|crawling| crawling.result.as_ref());
        Entry {
            note: note.to_owned(),
            result: result.map_or(entry.result, crawled),
            ..entry
        }
    }

    fn part(&self, kind: String, subject: &str, began: Timestamp, standing: &Standing) -> Entry {
        let mark = Mark::of(standing);
        Entry {
            kind,
            subject: subject.to_owned(),
            note: String::new(),
            mark,
            result: match standing {
                Standing::Untold { why, .. } => format!("{}: {why}", mark.word()),
                _ => mark.word().to_owned(),
            },
            began: Some(began),
            took: match standing {
                Standing::Untold { .. } => String::new(),
                _ => self.took(began, standing.ended()),
            },
            links: Vec::new(),
            problem: match standing {
                Standing::Failed { problem, .. } => Some(problem.clone()),
                _ => None,
            },
        }
    }

    pub(super) fn took(&self, began: Timestamp, ended: Option<Timestamp>) -> String {
        took(ended.unwrap_or(self.now).duration_since(began))
    }
}

fn absent(kind: String, subject: &str) -> Entry {
    Entry {
        kind,
        subject: subject.to_owned(),
        note: String::new(),
        mark: Mark::Absent,
        result: Mark::Absent.word().to_owned(),
        began: None,
        took: String::new(),
        links: Vec::new(),
        problem: None,
    }
}

/// How a request for a crawl was served, and what that changed.
fn crawled(result: &Crawled) -> String {
    let how = match result.outcome.as_str() {
        "STARTED" => "succeeded",
        "JOINED" => "joined a crawl under way",
        "SATISFIED" => "an earlier crawl was fresh enough",
        other => other,
    };
    let crawl = result.crawl.as_ref();
    let changes = crawl.and_then(|crawl| changed(crawl.tables, crawl.partitions));
    let changes = changes.map_or_else(String::new, |changes| format!(": {changes}"));
    format!("{how}{changes}")
}
