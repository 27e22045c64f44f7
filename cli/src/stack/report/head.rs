//! What people read first of a run: what it is for, how it ended, and what to look at.

use super::super::Machine;
use super::super::moments;
use super::super::run::{Changes, Run, Start, Status, Step, changed};
use super::details::Teller;
use super::links::Link;
use super::mark::Mark;

/// A line of the head.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) more: String,
    pub(super) url: Option<String>,
    /// Whether it may be long.
    pub(super) wide: bool,
}

/// Something that asks for attention.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) mark: Mark,
    pub(super) title: String,
    /// In full.
    pub(super) text: String,
    pub(super) links: Vec<Link>,
}

pub(super) fn facts(run: &Run, teller: Teller<'_>) -> Vec<Fact> {
    let home = teller.home;
    let ended = run.status.ended();
    let (value, more) = started(run);
    let mut facts = vec![Fact {
        url: match &run.started_by {
            Start::Execution { arn } => Some(home.page_of_execution(arn)),
            _ => None,
        },
        ..fact("For", value, more)
    }];
    let until = ended.map_or_else(
        || "still running".to_owned(),
        |ended| format!("to {}", moments::told_on(run.began, ended)),
    );
    let began = format!("{} UTC", moments::told(run.began));
    facts.push(fact("Began", began, until));
    facts.push(fact(
        "Took",
        teller.took(run.began, ended),
        waited(run, teller),
    ));
    if !run.stages.is_empty() {
        facts.push(fact("Steps", steps(run), redriven(run)));
    }
    if let Some(changes) = changes(run) {
        facts.push(fact("Data Catalog", changes, String::new()));
    }
    if let Start::Object { bucket, key } = &run.started_by {
        facts.push(Fact {
            wide: true,
            ..fact("Object", format!("s3://{bucket}/{key}"), String::new())
        });
    }
    facts.push(Fact {
        url: Some(home.page_of_execution(&run.arn)),
        wide: true,
        ..fact("Run", run.name.clone(), String::new())
    });
    facts
}

fn fact(name: &'static str, value: String, more: String) -> Fact {
    Fact {
        name,
        value,
        more,
        url: None,
        wide: false,
    }
}

/// What the run is for, and what started it.
fn started(run: &Run) -> (String, String) {
    let date = run.date.clone();
    match &run.started_by {
        Start::Window { start, end } => {
            let (from, to) = (moments::told(*start), moments::told_on(*start, *end));
            let window = format!("objects that came from {from} to {to} UTC");
            (date, window)
        }
        Start::Object { .. } => (date, "an object that came".to_owned()),
        Start::Schedule { time } => {
            let due = moments::told_on(run.began, *time);
            (date, format!("by its schedule, due at {due}"))
        }
        Start::Execution { arn } => {
            let name = arn.rsplit(':').next().unwrap_or(arn);
            (date, format!("started by the execution {name}"))
        }
        Start::Hand => (date, "started by hand".to_owned()),
    }
}

fn waited(run: &Run, teller: Teller<'_>) -> String {
    let waits = run.waits.iter().map(|wait| {
        let took = teller.took(wait.began, wait.ended);
        format!("{took} of it waiting for {}", wait.reason)
    });
    waits.collect::<Vec<_>>().join(", ")
}

fn redriven(run: &Run) -> String {
    let moments = run.redriven.iter().map(|at| {
        let at = moments::told_on(run.began, *at);
        format!("redriven at {at}")
    });
    moments.collect::<Vec<_>>().join(", ")
}

/// How many stand how.
fn steps(run: &Run) -> String {
    let marks: Vec<_> = run
        .steps()
        .map(|(_, _, step)| Mark::of_step(step))
        .collect();
    let order = [
        Mark::Done,
        Mark::Failed,
        Mark::Excused,
        Mark::Running,
        Mark::Waiting,
        Mark::Stopped,
        Mark::Untold,
        Mark::Absent,
    ];
    let counts = order.into_iter().filter_map(|mark| {
        let count = marks.iter().filter(|each| **each == mark).count();
        (count > 0).then(|| format!("{count} {}", mark.word()))
    });
    counts.collect::<Vec<_>>().join(", ")
}

/// What all crawls have changed, if Glue tells of one.
fn changes(run: &Run) -> Option<String> {
    let crawls: Vec<_> = run
        .steps()
        .filter_map(|(_, _, step)| step.crawling()?.result.as_ref()?.crawl.as_ref())
        .collect();
    let tables = crawls.iter().filter_map(|crawl| crawl.tables);
    let partitions = crawls.iter().filter_map(|crawl| crawl.partitions);
    changed(
        tables.reduce(Changes::plus),
        partitions.reduce(Changes::plus),
    )
}

pub(super) fn notes(run: &Run, teller: Teller<'_>) -> Vec<Note> {
    let mut notes: Vec<_> = ending(run, teller).into_iter().collect();
    for (_, _, step) in run.steps() {
        let aside = step.crawl.as_ref().is_some_and(|crawl| !crawl.awaited);
        if step.optional && step.failure.is_some() {
            notes.extend(failed("An optional step: ", step, teller));
        } else if step.failure.is_none() && aside {
            notes.extend(failed("A crawl that it does not wait for: ", step, teller));
        }
    }
    if !run.untold.is_empty() {
        notes.push(Note {
            mark: Mark::Excused,
            title: "Not everybody was told how it ended".to_owned(),
            text: run.untold.join("\n"),
            links: Vec::new(),
        });
    }
    notes
}

/// How the run ended, unless it succeeded.
fn ending(run: &Run, teller: Teller<'_>) -> Option<Note> {
    let note = |mark, title: &str, text: String| {
        Some(Note {
            mark,
            title: title.to_owned(),
            text,
            links: Vec::new(),
        })
    };
    let steps = run.steps().map(|(_, _, step)| step);
    let failing = steps
        .filter(|step| !step.optional)
        .find_map(|step| step.failure.as_ref().and(Some(step)));
    match &run.status {
        Status::Succeeded { .. } => None,
        Status::Running => note(
            Mark::Running,
            "It still ran when this page was made",
            format!("For a newer page: crawler-sync report {}", run.name),
        ),
        Status::Absorbed { absorbed_by, .. } => {
            let arn = teller.home.execution(Machine::Pipeline, absorbed_by);
            let url = teller.home.page_of_execution(&arn);
            Some(Note {
                mark: Mark::Absorbed,
                title: "A newer run of the pipeline covers its window, too".to_owned(),
                text: absorbed_by.clone(),
                links: vec![Link {
                    told: "execution",
                    url,
                }],
            })
        }
        Status::Aborted { problem, .. } => {
            note(Mark::Stopped, "Somebody stopped it", problem.to_string())
        }
        Status::Failed { problem, .. } => match failing {
            Some(step) => failed("", step, teller),
            None => note(Mark::Failed, &problem.error, problem.cause.clone()),
        },
        Status::TimedOut { problem, .. } => note(
            Mark::Failed,
            "It took longer than a run may",
            problem.to_string(),
        ),
    }
}

/// Which step failed, why, and where more is told.
fn failed(what: &str, step: &Step, teller: Teller<'_>) -> Option<Note> {
    let mut entries = teller.entries(step).into_iter();
    let entry = entries.rfind(|entry| entry.mark == Mark::Failed)?;
    let problem = entry.problem?;
    Some(Note {
        mark: Mark::of_step(step),
        title: format!("{what}{} in {}", problem.error, step.place),
        text: problem.cause,
        links: entry.links,
    })
}
