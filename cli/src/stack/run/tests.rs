//! Runs that were recorded on the local AWS (`make histories`), read.

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::HistoryEvent;
use aws_smithy_mocks::{mock, mock_client};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The events of a run, and those of its crawls, as the SDK reads them.
pub(crate) struct Recorded {
    pub(crate) arn: String,
    pub(crate) events: Vec<HistoryEvent>,
    crawls: BTreeMap<String, Vec<HistoryEvent>>,
}

impl Recorded {
    pub(crate) fn load(file: &str) -> Self {
        Self::changed(file, |_| ())
    }

    /// With changes to the events of the run.
    fn changed(file: &str, change: impl Fn(&mut Vec<Value>)) -> Self {
        let path = format!("{}/tests/histories/{file}.json", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path).expect("make histories has written it");
        let mut told: BTreeMap<String, Vec<Value>> =
            serde_json::from_str(&text).expect("it is JSON");
        let arn = told.keys().find(|arn| arn.contains("-pipeline:"));
        let arn = arn.expect("there is a run").clone();
        let mut events = told.remove(&arn).expect("it has events");
        change(&mut events);
        let crawls = told
            .into_iter()
            .map(|(arn, events)| (arn, decoded(&events)))
            .collect();
        Self {
            events: decoded(&events),
            arn,
            crawls,
        }
    }

    /// The run after so many events; its crawls whole.
    fn after(&self, events: usize) -> Run {
        let mut reader = Reader::new(&self.arn, Timestamp::UNIX_EPOCH);
        for event in self.events.iter().take(events) {
            reader.read(event);
        }
        for (arn, events) in &self.crawls {
            for event in events {
                reader.read_crawl(arn, event);
            }
        }
        reader.run().clone()
    }

    pub(crate) fn run(&self) -> Run {
        self.after(usize::MAX)
    }
}

/// The events as the SDK reads them from an answer of Step Functions.
fn decoded(events: &[Value]) -> Vec<HistoryEvent> {
    let body = json!({"events": events}).to_string();
    let rule = mock!(Client::get_execution_history).then_http_response(move || {
        let status = 200.try_into().expect("it is a status");
        HttpResponse::new(status, SdkBody::from(body.clone()))
    });
    let client = mock_client!(aws_sdk_sfn, [&rule]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let answer = runtime
        .expect("there is a runtime")
        .block_on(client.get_execution_history().execution_arn("x").send());
    answer.expect("it can be read").events
}

fn step(run: &Run, stage: usize, number: usize) -> &Step {
    &run.stages[stage - 1].steps[number - 1]
}

fn work(run: &Run, stage: usize, number: usize) -> &Work {
    step(run, stage, number).work.as_ref().expect("it has work")
}

fn crawl(run: &Run, stage: usize, number: usize) -> &Crawling {
    step(run, stage, number).crawling().expect("it has begun")
}

/// What a run of every kind of work tells: what ran, what came of it, and how to find it again.
#[test]
fn a_run_tells_its_work_and_crawls() {
    let run = Recorded::load("succeeded").run();
    assert_eq!(run.pipeline, "everything");
    assert_eq!(run.date, "2026-01-31");
    assert!(matches!(run.started_by, Start::Window { .. }));
    assert!(matches!(run.status, Status::Succeeded { .. }));
    let kinds = run.stages[0]
        .steps
        .iter()
        .filter_map(|step| step.work.as_ref());
    let kinds: Vec<_> = kinds
        .map(|work| (work.kind, work.subject.as_str(), work.attempts.len()))
        .collect();
    assert_eq!(
        kinds,
        [
            (Kind::Job, "load", 1),
            (Kind::Function, "check", 1),
            (Kind::Query, "primary", 1),
            (Kind::Machine, "publish", 1),
        ]
    );
    let ids: Vec<_> = (1..=4)
        .map(|number| work(&run, 1, number).attempts[0].id.clone())
        .collect();
    assert!(ids[0].as_ref().is_some_and(|id| id.starts_with("jr_")));
    assert_eq!(ids[1], None);
    assert!(ids[2].is_some());
    assert!(
        ids[3]
            .as_ref()
            .is_some_and(|id| id.contains(":execution:publish:"))
    );
    let group = work(&run, 1, 1).attempts[0].log_group.as_deref();
    assert_eq!(group, Some("/aws-glue/jobs"));
    assert_eq!(step(&run, 1, 4).name.as_deref(), Some("tell the others"));
    assert_eq!(step(&run, 1, 1).name, None);
    let crawled = crawl(&run, 1, 1).result.clone().expect("it is told");
    assert_eq!(crawled.outcome, "STARTED");
    assert_eq!(crawled.crawl.expect("it crawled").status, "SUCCEEDED");
}

/// Waiting is told apart from work: for the window, for a turn, and before another attempt.
#[test]
fn a_run_tells_what_it_waited_for() {
    let run = Recorded::load("succeeded").run();
    assert_eq!(run.waits.len(), 1);
    assert_eq!(run.waits[0].reason, Reason::Window);
    assert!(
        run.waits[0]
            .ended
            .is_some_and(|ended| ended > run.waits[0].began)
    );
    let failed = step(&run, 2, 1);
    assert_eq!(failed.waits[0].reason, Reason::Retry);
    assert_eq!(work(&run, 2, 1).attempts.len(), 2);
    let refused = step(&run, 2, 2);
    assert_eq!(refused.waits[0].reason, Reason::Turn);
    assert!(refused.waits[0].ended.is_some());
    assert_eq!(
        work(&run, 2, 2).attempts.len(),
        1,
        "what was refused has not begun"
    );

    let queued = Recorded::load("queued").run();
    let [before] = &queued.waits[..] else {
        panic!("{:?}", queued.waits);
    };
    assert_eq!(before.reason, Reason::RunBefore);
}

/// A failure of an optional step does not fail the run, and is told.
#[test]
fn an_optional_step_tells_its_failure() {
    let run = Recorded::load("succeeded").run();
    let failure = step(&run, 2, 1).failure.as_ref().expect("it failed");
    assert_eq!(failure.error, "JobFailed");
    let attempt = work(&run, 2, 1).attempts.last().expect("it began");
    assert_eq!(attempt.log_group.as_deref(), Some("/aws-glue/jobs"));
    let id = attempt.id.as_deref().expect("it has a run");
    let said = format!("no space left on /data, run {id}");
    assert!(failure.cause.ends_with(&said), "{}", failure.cause);
    assert!(run.problems().is_empty());
}

/// A crawl that nobody awaits outlasts its run, whose end is not its own.
#[test]
fn a_crawl_that_is_not_awaited_has_an_end_of_its_own() {
    let recorded = Recorded::load("succeeded");
    let run = recorded.run();
    assert!(run.is_over());
    let left = crawl(&run, 3, 1);
    assert!(left.standing.ended() > run.status.ended());
    assert_eq!(
        left.result.as_ref().map(|told| told.outcome.as_str()),
        Some("STARTED")
    );

    let mut reader = Reader::new(&recorded.arn, Timestamp::UNIX_EPOCH);
    for event in &recorded.events {
        reader.read(event);
    }
    assert!(!reader.run().is_over());
    assert_eq!(reader.crawls(), [left.arn.clone().expect("it has one")]);
}

/// What failed is named once: the step with its cause, the steps beside it as stopped with it.
#[test]
fn a_failed_step_is_told_from_those_that_it_stopped() {
    let run = Recorded::load("job-failed").run();
    let Status::Failed { problem, .. } = &run.status else {
        panic!("{:?}", run.status);
    };
    assert_eq!(problem.error, "JobFailed");
    let failure = step(&run, 1, 2).failure.as_ref().expect("it failed");
    let id = work(&run, 1, 2).attempts[0].id.as_deref();
    let id = id.expect("it began");
    assert_eq!(
        failure.cause,
        format!("job fail: no space left on /data, run {id}")
    );
    for (number, stopped) in [(1, true), (2, false), (3, true)] {
        let standing = &work(&run, 1, number).attempts[0].standing;
        assert_eq!(matches!(standing, Standing::Stopped { .. }), stopped);
        assert_eq!(step(&run, 1, number).failure.is_some(), !stopped);
    }
}

/// A crawl's failure has Glue's message, and the stage after it has not begun.
#[test]
fn a_failed_crawl_tells_why() {
    let run = Recorded::load("crawl-failed").run();
    let Standing::Failed { problem, .. } = &crawl(&run, 1, 1).standing else {
        panic!("{run:?}");
    };
    assert_eq!(problem.error, "CrawlFailed");
    assert!(problem.cause.contains("Lake Formation"));
    assert!(work(&run, 2, 1).attempts.is_empty());
    assert_eq!(
        (run.date.as_str(), &run.started_by),
        ("2026-01-30", &Start::Hand)
    );
}

/// Without a plan there are no steps, and every mistake is told.
#[test]
fn a_refused_pipeline_has_no_steps() {
    let run = Recorded::load("refused").run();
    assert!(run.stages.is_empty());
    let problem = run.status.problem().expect("it failed");
    assert_eq!(problem.error, "InvalidPipeline");
    assert!(problem.cause.contains("payload without a function"));
}

/// Ends that come from outside end what was under way, too.
#[test]
fn a_run_that_is_stopped_or_late_leaves_nothing_open() {
    for (file, error) in [("stopped", "Stopped"), ("timed-out", "PipelineTimedOut")] {
        let run = Recorded::load(file).run();
        assert_eq!(
            run.status.problem().map(|problem| problem.error.as_str()),
            Some(error)
        );
        assert!(work(&run, 1, 1).attempts[0].standing.ended().is_some());
    }
    let running = Recorded::load("running").run();
    assert_eq!(running.status, Status::Running);
    assert_eq!(work(&running, 1, 1).attempts[0].standing, Standing::Running);
}

/// A run that left its window to a newer one names that.
#[test]
fn an_absorbed_run_names_the_one_that_took_it() {
    let absorbed = Recorded::load("absorbed").run();
    let taker = Recorded::load("queued").run();
    let Status::Absorbed { absorbed_by, .. } = &absorbed.status else {
        panic!("{:?}", absorbed.status);
    };
    assert_eq!(*absorbed_by, taker.name);
}

/// A run that was redriven goes on where it failed; the local AWS cannot do that, so the events are AWS's in form.
#[test]
fn a_redriven_run_goes_on() {
    let recorded = Recorded::changed("timed-out", |events| {
        let is_end = |event: &Value| event["type"] == "ExecutionFailed";
        let at = events
            .iter()
            .position(|event| event["type"] == "TaskStarted" && event["id"].as_i64() > Some(8));
        let started = at
            .map(|at| events[at]["id"].clone())
            .expect("the job was started");
        events.retain(|event| event["id"].as_i64() <= started.as_i64() || is_end(event));
        let last = events.len();
        events[last - 1]["type"] = json!("ExecutionTimedOut");
        let moment = events[last - 1]["timestamp"].as_f64().expect("it has one");
        for (index, (kind, previous)) in [
            ("ExecutionRedriven", json!(0)),
            ("TaskScheduled", started),
            ("TaskStarted", json!(901)),
        ]
        .into_iter()
        .enumerate()
        {
            let id = 900 + index;
            let mut event = json!({"id": id, "previousEventId": previous, "timestamp": moment + 60.0, "type": kind});
            if kind == "TaskScheduled" {
                let resource = json!({"resourceType": "glue", "resource": "startJobRun.sync", "region": "eu-west-1", "parameters": "{}"});
                event["taskScheduledEventDetails"] = resource;
            }
            events.push(event);
        }
    });
    let run = recorded.run();
    assert_eq!(run.status, Status::Running);
    assert_eq!(run.redriven.len(), 1);
    assert_eq!(
        work(&run, 1, 1).attempts.last().map(|last| &last.standing),
        Some(&Standing::Running)
    );
}

/// On AWS what begins and ends a stage follows the last event of a step; it tells the same.
#[test]
fn the_end_of_a_stage_is_no_event_of_its_last_step() {
    let news = |recorded: &Recorded| {
        let mut reader = Reader::new(&recorded.arn, Timestamp::UNIX_EPOCH);
        let events = recorded.events.iter();
        let news: Vec<_> = events.filter_map(|event| reader.read(event)).collect();
        (news, reader.run().clone())
    };
    let changed = Recorded::changed("succeeded", |events| {
        for index in 1..events.len() {
            let kind = events[index]["type"].as_str().unwrap_or_default();
            if kind.starts_with("Map") {
                events[index]["previousEventId"] = events[index - 1]["id"].clone();
            }
        }
    });
    assert_eq!(news(&changed), news(&Recorded::load("succeeded")));
}

/// The states that a run is read by are those of the machine.
#[test]
fn the_states_are_the_machines() {
    let path = format!(
        "{}/../statemachine/pipeline.asl.yaml",
        env!("CARGO_MANIFEST_DIR")
    );
    let machine = fs::read_to_string(path).expect("it is there");
    for state in reader::states() {
        assert!(
            machine
                .lines()
                .any(|line| line.trim() == format!("{state}:")),
            "{state}"
        );
    }
}

/// What was recorded of the runs that ended by themselves or were stopped.
pub(crate) const ENDED: [&str; 7] = [
    "succeeded",
    "job-failed",
    "crawl-failed",
    "refused",
    "timed-out",
    "stopped",
    "queued",
];

static ALL: LazyLock<Vec<Recorded>> = LazyLock::new(|| ENDED.map(Recorded::load).into());

proptest! {
    /// A run can be looked at at any moment: no beginning of a history is too short, and nothing ends before it began.
    #[test]
    fn any_beginning_of_a_history_is_a_run(index in 0..7_usize, events in 0..400_usize) {
        let run = ALL[index].after(events);
        for (_, _, step) in run.steps() {
            for attempt in step.work.iter().flat_map(|work| &work.attempts) {
                prop_assert!(attempt.standing.ended().is_none_or(|ended| ended >= attempt.began));
            }
        }
        prop_assert!(serde_json::to_value(&run).is_ok());
    }
}
