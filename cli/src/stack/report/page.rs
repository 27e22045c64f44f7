//! The page of a run.

use askama::Template;
use jiff::Timestamp;

use super::super::moments;
use super::super::run::{Run, Status};
use super::super::{Home, Machine};
use super::details::{StageDetails, Teller};
use super::head::{Fact, Note, facts, notes};
use super::mark::Mark;
use super::timeline::Timeline;

/// All that the template needs, in words.
#[derive(Debug, Template)]
#[template(path = "report.html")]
struct Page<'a> {
    mark: Mark,
    word: &'static str,
    pipeline: &'a str,
    home: &'a Home,
    facts: Vec<Fact>,
    notes: Vec<Note>,
    timeline: Option<Timeline>,
    stages: Vec<StageDetails>,
    absorbed: Vec<(&'a str, String)>,
    /// Of times on this day the day is left out.
    began: Timestamp,
    made: String,
}

/// The page as HTML, with things as they are `now`. The windows of the `absorbed` runs are covered by this one.
pub(super) fn page(
    run: &Run,
    absorbed: &[String],
    home: &Home,
    now: Timestamp,
) -> askama::Result<String> {
    let teller = Teller { home, now };
    let stages = (1..).zip(&run.stages);
    let absorbed = absorbed.iter().map(|name| {
        let arn = home.execution(Machine::Pipeline, name);
        (name.as_str(), home.page_of_execution(&arn))
    });
    let page = Page {
        mark: Mark::of_run(run),
        word: match &run.status {
            Status::Succeeded { .. } if !run.problems().is_empty() => "a crawl failed",
            status => status.word(),
        },
        pipeline: match run.pipeline.as_str() {
            "" => "a pipeline without a name",
            name => name,
        },
        home,
        facts: facts(run, teller),
        notes: notes(run, teller),
        timeline: Timeline::of(run, now),
        stages: stages
            .map(|(number, stage)| teller.stage(number, stage))
            .collect(),
        absorbed: absorbed.collect(),
        began: run.began,
        made: moments::told(now),
    };
    page.render()
}

impl Page<'_> {
    fn time(&self, at: Option<&Timestamp>) -> String {
        at.map(|at| moments::told_on(self.began, *at))
            .unwrap_or_default()
    }
}
