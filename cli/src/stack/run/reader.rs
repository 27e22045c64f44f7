//! From the events of a history to the run.
//!
//! Each event names the one that it follows. So the events of steps side by side are told apart by what their chains
//! began with: a state whose input is the step, with its place in the plan.

use std::collections::HashMap;

use aws_sdk_sfn::types::HistoryEvent;
use jiff::Timestamp;
use serde_json::Value;

mod events;
mod steps;

use events::{ending, json, untold};
use steps::{open, wait, waited_for};

use super::super::moments;
use super::plan::Plan;
use super::{Problem, Reason, Run, Stage, Standing, Start, Status};

/// The states of pipeline.asl.yaml that a run is read by; the rest tell nothing that people ask for.
const WORK: [&str; 4] = ["Run job", "Invoke function", "Run query", "Run machine"];
const CRAWL: [&str; 2] = ["Crawl", "Start a crawl and go on"];
const STAGE: &str = "Run the steps side by side";
const WAITS: [(&str, Reason); 4] = [
    ("Wait for the window to close", Reason::Window),
    ("Wait for the run before", Reason::RunBefore),
    ("Wait for a turn", Reason::Turn),
    ("Wait before another attempt", Reason::Retry),
];

/// All of them.
#[cfg(test)]
pub(super) fn states() -> impl Iterator<Item = &'static str> {
    let waits = WAITS.iter().map(|(name, _)| *name);
    WORK.into_iter().chain(CRAWL).chain([STAGE]).chain(waits)
}

/// Puts a run together, an event at a time, in their order.
#[derive(Debug)]
pub(crate) struct Reader {
    run: Run,
    /// The steps whose events these are.
    steps: HashMap<i64, Place>,
    /// The steps by their places in words.
    places: HashMap<String, Place>,
    /// The steps by the ARNs of their crawls.
    crawls: HashMap<String, Place>,
    /// The step that fails the run.
    failing: Option<Place>,
}

/// The indices of a stage and a step.
type Place = (usize, usize);

/// Something that people who follow a run want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) at: Timestamp,
    pub(crate) what: What,
}

/// The run itself tells the rest. The numbers are the indices of a stage and a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    RunBegan,
    RunWaits(Reason),
    StageBegan(usize),
    StepWaits(Place, Reason),
    WorkBegan(Place),
    WorkEnded(Place),
    CrawlBegan(Place),
    /// What a look at the crawler has found.
    CrawlLooked(Place),
    CrawlEnded(Place),
    /// An optional step failed.
    StepFailed(Place),
    RunEnded,
    RunRedriven,
}

impl Reader {
    /// For the run of this ARN, whose name is the last part; `began` until its first event is read.
    pub(crate) fn new(arn: &str, began: Timestamp) -> Self {
        let name = arn.rsplit(':').next().unwrap_or(arn);
        Self {
            run: Run {
                pipeline: String::new(),
                name: name.to_owned(),
                arn: arn.to_owned(),
                started_by: Start::Hand,
                date: String::new(),
                began,
                status: Status::Running,
                waits: Vec::new(),
                stages: Vec::new(),
                untold: Vec::new(),
                redriven: Vec::new(),
            },
            steps: HashMap::new(),
            places: HashMap::new(),
            crawls: HashMap::new(),
            failing: None,
        }
    }

    /// As far as it has been read.
    pub(crate) fn run(&self) -> &Run {
        &self.run
    }

    /// The crawls under way, each of which has a history of its own.
    pub(crate) fn crawls(&self) -> Vec<String> {
        let steps = self.run.steps().filter_map(|(_, _, step)| step.crawling());
        steps
            .filter(|crawling| crawling.standing == Standing::Running)
            .filter_map(|crawling| crawling.arn.clone())
            .filter(|arn| self.crawls.contains_key(arn))
            .collect()
    }

    /// Takes in the next event of the run.
    pub(crate) fn read(&mut self, event: &HistoryEvent) -> Option<News> {
        let at = moments::read(event.timestamp());
        let input = event
            .state_entered_event_details()
            .and_then(|details| json(details.input()));
        let place = self.place(event, input.as_ref());
        if let Some(place) = place {
            self.steps.insert(event.id(), place);
        }
        let what = match place {
            Some(place) => self.read_of_step(event, at, place),
            None => self.read_of_run(event, at, input.as_ref()),
        };
        Some(News { at, what: what? })
    }

    /// The step that the event is of.
    fn place(&self, event: &HistoryEvent, input: Option<&Value>) -> Option<Place> {
        // These begin and end what contains the steps, even where they follow an event of one.
        if ["Execution", "Map"]
            .iter()
            .any(|of| event.r#type().as_str().starts_with(of))
        {
            return None;
        }
        let named = input.and_then(|input| self.places.get(input.get("place")?.as_str()?));
        named
            .or_else(|| self.steps.get(&event.previous_event_id()))
            .copied()
    }

    fn read_of_run(
        &mut self,
        event: &HistoryEvent,
        at: Timestamp,
        input: Option<&Value>,
    ) -> Option<What> {
        if let Some(details) = event.execution_started_event_details() {
            self.begin(at, &json(details.input()).unwrap_or_default());
            return Some(What::RunBegan);
        }
        if event.r#type().as_str() == "ExecutionRedriven" {
            self.redrive(at);
            return Some(What::RunRedriven);
        }
        if let Some(status) = ending(event, at) {
            let details = event.execution_succeeded_event_details();
            let output = details.and_then(|details| json(details.output()));
            self.run.untold = output.map(|output| untold(&output)).unwrap_or_default();
            self.end(at, status);
            return Some(What::RunEnded);
        }
        if let Some(details) = event.task_succeeded_event_details() {
            self.plan(json(details.output()));
            return None;
        }
        if let Some(details) = event.state_exited_event_details() {
            if event.r#type().as_str() == "MapStateExited" {
                self.stop(at);
            }
            if let Some(wait) = open(&mut self.run.waits)
                && WAITS.contains(&(details.name(), wait.reason))
            {
                wait.ended = Some(at);
            }
            return None;
        }
        let state = event.state_entered_event_details()?.name();
        if state == STAGE {
            let place = input?.pointer("/steps/0/place")?.as_str()?;
            return Some(What::StageBegan(self.places.get(place)?.0));
        }
        let reason = waited_for(state)?;
        wait(&mut self.run.waits, reason, at).then_some(What::RunWaits(reason))
    }

    fn begin(&mut self, at: Timestamp, input: &Value) {
        let name = input.get("name").and_then(Value::as_str);
        name.unwrap_or_default().clone_into(&mut self.run.pipeline);
        self.run.began = at;
        self.run.started_by = Start::of(input);
        self.run.date = self.run.started_by.date(input, at);
    }

    /// Takes the steps from what the first function has answered.
    fn plan(&mut self, output: Option<Value>) {
        let payload = output.and_then(|mut output| Some(output.get_mut("Payload")?.take()));
        if !self.run.stages.is_empty() {
            return;
        }
        let Some(Ok(plan)) = payload.map(serde_json::from_value::<Plan>) else {
            return;
        };
        for (index, stage) in plan.stages.iter().enumerate() {
            for (number, step) in stage.steps.iter().enumerate() {
                self.places.insert(step.place.clone(), (index, number));
            }
        }
        self.run.stages = plan.stages.into_iter().map(Stage::from).collect();
    }

    fn end(&mut self, at: Timestamp, status: Status) {
        self.stop(at);
        if let Some(wait) = open(&mut self.run.waits) {
            wait.ended = Some(at);
        }
        if let (Some(place), Some(problem)) = (self.failing.take(), status.problem()) {
            let pipeline = format!("pipeline {}, ", self.run.pipeline);
            let step = &mut self.run.stages[place.0].steps[place.1];
            let cause = problem.cause.strip_prefix(&pipeline);
            let cause = cause.and_then(|cause| cause.strip_prefix(&step.place)?.strip_prefix(", "));
            step.failure = Some(Problem {
                error: problem.error.clone(),
                cause: cause.unwrap_or(&problem.cause).to_owned(),
            });
        }
        self.run.status = status;
    }

    /// It goes on where it has failed.
    fn redrive(&mut self, at: Timestamp) {
        self.run.redriven.push(at);
        self.run.status = Status::Running;
        let steps = (self.run.stages.iter_mut()).flat_map(|stage| &mut stage.steps);
        for step in steps.filter(|step| !step.optional) {
            step.failure = None;
        }
    }

    /// What the steps still do ends with their stage, but for crawls that nobody awaits.
    fn stop(&mut self, at: Timestamp) {
        let steps = self
            .run
            .stages
            .iter_mut()
            .flat_map(|stage| &mut stage.steps);
        for step in steps {
            if let Some(attempt) = step.work.as_mut().and_then(|work| work.attempts.last_mut()) {
                attempt.standing.stop(at);
            }
            if let Some(wait) = open(&mut step.waits) {
                wait.ended = Some(at);
            }
            if let Some(crawl) = &mut step.crawl
                && let Some(crawling) = &mut crawl.execution
                && (crawl.awaited || crawling.arn.is_none())
            {
                crawling.standing.stop(at);
            }
        }
    }
}
