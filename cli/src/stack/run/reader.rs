//! From the events of a history to the run.
//!
//! Each event names the one that it follows. So the events of steps side by side are told apart by what their chains
//! began with: a state whose input is the step, with its place in the plan.

use std::collections::HashMap;

use aws_sdk_sfn::types::HistoryEvent;
use jiff::Timestamp;
use serde_json::Value;

use super::super::moments;
use super::plan::Plan;
use super::said::{nested, said};
use super::{
    Attempt, Crawled, Crawling, Problem, Reason, Run, Stage, Standing, Start, Status, Step, Wait,
};

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
            self.run.redriven.push(at);
            self.run.status = Status::Running;
            self.failing = None;
            return Some(What::RunRedriven);
        }
        if let Some(status) = ending(event, at) {
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
        self.run.pipeline = name.unwrap_or_default().to_owned();
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

    fn read_of_step(&mut self, event: &HistoryEvent, at: Timestamp, place: Place) -> Option<What> {
        let step = &mut self.run.stages[place.0].steps[place.1];
        if let Some(details) = event.state_entered_event_details() {
            if event.r#type().as_str() == "FailStateEntered" {
                self.failing = Some(place);
            }
            return enter(step, details.name(), at, place);
        }
        if let Some(details) = event.state_exited_event_details() {
            if let Some(wait) = open(&mut step.waits)
                && WAITS.contains(&(details.name(), wait.reason))
            {
                wait.ended = Some(at);
            }
            let mut output = json(details.output())?;
            let failure = serde_json::from_value(output.get_mut("failure")?.take()).ok()?;
            step.failure = Some(failure);
            return Some(What::StepFailed(place));
        }
        if event.task_scheduled_event_details().is_some() {
            start_again(step, at);
            return None;
        }
        if let Some(details) = event.task_submitted_event_details() {
            let id = id(&json(details.output())?)?;
            if let Some(crawling) = crawling(step) {
                crawling.arn = Some(id.clone());
                self.crawls.insert(id, place);
            } else if let Some(attempt) = attempt(step) {
                attempt.id = Some(id);
            }
            return None;
        }
        if let Some(details) = event.task_succeeded_event_details() {
            let output = json(details.output()).unwrap_or_default();
            return self.succeed(&output, at, place);
        }
        let (error, cause) = failure(event)?;
        let ended = Standing::Failed {
            ended: at,
            problem: Problem {
                error: nested(error, cause),
                cause: said(error, cause),
            },
        };
        if let Some(crawling) = crawling(step) {
            crawling.standing = ended;
            return Some(What::CrawlEnded(place));
        }
        attempt(step)?.standing = ended;
        Some(What::WorkEnded(place))
    }

    fn succeed(&mut self, output: &Value, at: Timestamp, place: Place) -> Option<What> {
        let step = &mut self.run.stages[place.0].steps[place.1];
        let awaited = step.crawl.as_ref().is_some_and(|crawl| crawl.awaited);
        if let Some(crawling) = crawling(step) {
            if !awaited {
                let arn = id(output)?;
                crawling.arn = Some(arn.clone());
                self.crawls.insert(arn, place);
                return None;
            }
            crawling.standing = Standing::Succeeded { ended: at };
            crawling.result = output.get("Output").and_then(crawled);
            return Some(What::CrawlEnded(place));
        }
        let state = output.get("JobRunState").and_then(Value::as_str);
        attempt(step)?.standing = match state {
            // Somebody stopped it.
            Some(state) if state != "SUCCEEDED" => Standing::Failed {
                ended: at,
                problem: Problem {
                    error: "JobFailed".to_owned(),
                    cause: format!("it ended as {state}"),
                },
            },
            _ => Standing::Succeeded { ended: at },
        };
        Some(What::WorkEnded(place))
    }

    /// Takes in an event of one of its crawls.
    pub(crate) fn read_crawl(&mut self, arn: &str, event: &HistoryEvent) -> Option<News> {
        let at = moments::read(event.timestamp());
        let place = *self.crawls.get(arn)?;
        let crawl = self.run.stages[place.0].steps[place.1].crawl.as_mut()?;
        let awaited = crawl.awaited;
        let crawling = crawl.execution.as_mut()?;
        if let Some(details) = event.state_exited_event_details() {
            let news = answered(&json(details.output())?)?;
            if crawling.news.as_ref() == Some(&news) {
                return None;
            }
            crawling.news = Some(news);
            let what = What::CrawlLooked(place);
            return Some(News { at, what });
        }
        // Of one that is awaited the run's own history tells the end.
        let status = ending(event, at).filter(|_| !awaited)?;
        crawling.standing = match status.problem() {
            Some(problem) => Standing::Failed {
                ended: at,
                problem: problem.clone(),
            },
            None => Standing::Succeeded { ended: at },
        };
        crawling.result = event
            .execution_succeeded_event_details()
            .and_then(|details| crawled(&json(details.output())?));
        let what = What::CrawlEnded(place);
        Some(News { at, what })
    }
}

/// A task that has ended is tried once more: its state does, or somebody has redriven the run.
fn start_again(step: &mut Step, began: Timestamp) {
    if let Some(crawling) = crawling(step) {
        if crawling.standing != Standing::Running {
            *crawling = Crawling::new(began);
        }
    } else if let Some(work) = &mut step.work
        && work
            .attempts
            .last()
            .is_some_and(|last| last.standing != Standing::Running)
    {
        work.attempts.push(Attempt::new(began));
    }
}

/// A step enters a state.
fn enter(step: &mut Step, state: &str, at: Timestamp, place: Place) -> Option<What> {
    if WORK.contains(&state) {
        step.work.as_mut()?.attempts.push(Attempt::new(at));
        return Some(What::WorkBegan(place));
    }
    if CRAWL.contains(&state) {
        step.crawl.as_mut()?.execution = Some(Crawling::new(at));
        return Some(What::CrawlBegan(place));
    }
    let reason = waited_for(state)?;
    if reason == Reason::Turn {
        // What was refused has not begun.
        if crawling(step).is_some() {
            step.crawl.as_mut()?.execution = None;
        } else {
            step.work.as_mut()?.attempts.pop();
        }
    }
    wait(&mut step.waits, reason, at).then_some(What::StepWaits(place, reason))
}

fn waited_for(state: &str) -> Option<Reason> {
    let (_, reason) = WAITS.iter().find(|(name, _)| *name == state)?;
    Some(*reason)
}

/// Begins to wait, or goes on with it: whether it is news. Who polls looks in between.
fn wait(waits: &mut Vec<Wait>, reason: Reason, began: Timestamp) -> bool {
    let polls = matches!(reason, Reason::RunBefore | Reason::Turn);
    if let Some(last) = waits.last_mut()
        && last.reason == reason
        && polls
    {
        last.ended = None;
        return false;
    }
    waits.push(Wait {
        reason,
        began,
        ended: None,
    });
    true
}

/// The wait that goes on.
fn open(waits: &mut [Wait]) -> Option<&mut Wait> {
    waits.last_mut().filter(|wait| wait.ended.is_none())
}

fn attempt(step: &mut Step) -> Option<&mut Attempt> {
    step.work.as_mut()?.attempts.last_mut()
}

fn crawling(step: &mut Step) -> Option<&mut Crawling> {
    step.crawl.as_mut()?.execution.as_mut()
}

/// What has been started is called by its service.
fn id(answer: &Value) -> Option<String> {
    ["JobRunId", "QueryExecutionId", "ExecutionArn"]
        .into_iter()
        .find_map(|name| answer.get(name)?.as_str())
        .map(str::to_owned)
}

/// The crawl machine's output, which is JSON, or a text of it.
fn crawled(output: &Value) -> Option<Crawled> {
    match output {
        Value::String(text) => serde_json::from_str(text).ok(),
        other => serde_json::from_value(other.clone()).ok(),
    }
}

/// What start-crawler or get-crawler-state answered, in words.
fn answered(output: &Value) -> Option<String> {
    let answer = output.get("Payload")?;
    let text = |pointer| answer.pointer(pointer).and_then(Value::as_str);
    let pause = answer.get("pollSeconds").and_then(Value::as_u64);
    let again = |word, pause: Option<u64>| match pause {
        Some(seconds) if seconds > 0 => format!("{word}, look again in {seconds} s"),
        _ => word,
    };
    match (text("/outcome"), text("/crawl/status")) {
        (Some("BUSY"), _) => Some("an older crawl is under way".to_owned()),
        (Some(outcome), _) => Some(again(outcome.to_owned(), pause)),
        (None, Some(status @ ("RUNNING" | "PENDING"))) => Some(again(status.to_owned(), pause)),
        // Of its end the execution's own tells more.
        (None, _) => None,
    }
}

/// How the execution ended, if the event is its end.
fn ending(event: &HistoryEvent, ended: Timestamp) -> Option<Status> {
    let problem = |error: Option<&str>, cause: Option<&str>| Problem {
        error: error.unwrap_or_default().to_owned(),
        cause: cause.unwrap_or_default().to_owned(),
    };
    let kind = event.r#type().as_str();
    if kind == "ExecutionSucceeded" {
        let details = event.execution_succeeded_event_details();
        let output = details.and_then(|details| json(details.output()));
        let by = output.as_ref().and_then(|output| output.get("absorbedBy"));
        return Some(match by.and_then(Value::as_str) {
            Some(by) => Status::Absorbed {
                ended,
                absorbed_by: by.to_owned(),
            },
            None => Status::Succeeded { ended },
        });
    }
    if kind == "ExecutionFailed" {
        let details = event.execution_failed_event_details();
        let problem = details.map(|details| problem(details.error(), details.cause()));
        return Some(Status::Failed {
            ended,
            problem: problem.unwrap_or_default(),
        });
    }
    if kind == "ExecutionTimedOut" {
        let details = event.execution_timed_out_event_details();
        let problem = details.map(|details| problem(details.error(), details.cause()));
        return Some(Status::TimedOut {
            ended,
            problem: problem.unwrap_or_default(),
        });
    }
    if kind == "ExecutionAborted" {
        let details = event.execution_aborted_event_details();
        let problem = details.map(|details| problem(details.error(), details.cause()));
        return Some(Status::Aborted {
            ended,
            problem: problem.unwrap_or_default(),
        });
    }
    None
}

/// Error and cause of a task that failed.
fn failure(event: &HistoryEvent) -> Option<(&str, &str)> {
    let (error, cause) = if let Some(details) = event.task_failed_event_details() {
        (details.error(), details.cause())
    } else if let Some(details) = event.task_timed_out_event_details() {
        (details.error(), details.cause())
    } else if let Some(details) = event.task_submit_failed_event_details() {
        (details.error(), details.cause())
    } else {
        let details = event.task_start_failed_event_details()?;
        (details.error(), details.cause())
    };
    Some((error.unwrap_or_default(), cause.unwrap_or_default()))
}

fn json(text: Option<&str>) -> Option<Value> {
    serde_json::from_str(text?).ok()
}
