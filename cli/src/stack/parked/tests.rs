use super::*;
use serde_json::json;

const TRIGGER: &str = "arn:aws:states:eu-west-1:123456789012:stateMachine:etl-trigger";
const PIPELINE: &str = "arn:aws:states:eu-west-1:123456789012:stateMachine:etl-pipeline";
const RULE: &str = "arn:aws:events:eu-west-1:123456789012:rule/orders";

fn parked(body: Value, attributes: &[(&str, &str)]) -> Parked {
    Parked {
        id: "m-1".to_owned(),
        receipt: String::new(),
        sent: OffsetDateTime::UNIX_EPOCH,
        body,
        attributes: (attributes.iter())
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

fn event() -> Value {
    json!({
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "landing"}, "object": {"key": "a b.csv"}},
    })
}

/// What trigger parked runs with its old input, what the rule parked with the rule as it is today.
#[test]
fn each_sender_has_its_own_task() {
    let live = format!("{PIPELINE}:live");
    let given = json!({"event": event(), "pipeline": {"name": "orders"}});
    let by_trigger = json!({"error": "e", "cause": "c", "executionArn": "x", "input": given});
    let by_rule = [("RULE_ARN", RULE), ("TARGET_ARN", TRIGGER)];
    let by_schedule = [
        (
            "SCHEDULE_ARN",
            "arn:aws:scheduler:::schedule/default/nightly",
        ),
        ("TARGET_ARN", live.as_str()),
    ];
    for (message, task) in [
        (parked(by_trigger, &[]), Task::Handle(given.clone())),
        (parked(given.clone(), &by_rule), Task::Handle(given)),
        (
            parked(event(), &by_rule),
            Task::Transform {
                rule: RULE.to_owned(),
                event: event(),
            },
        ),
        (parked(nightly(), &by_schedule), Task::Start(nightly())),
    ] {
        assert_eq!(message.task(TRIGGER, PIPELINE), Ok(task));
    }
}

fn nightly() -> Value {
    json!({"name": "nightly", "stages": [{"steps": [{"job": "load"}]}]})
}

fn nightly_at(moment: &str) -> Value {
    let mut input = nightly();
    input["scheduledTime"] = moment.into();
    input
}

const DUE: &str = "2026-03-22T18:59:43Z";
const ACTION: &str = "arn:aws:scheduler:::aws-sdk:sfn:startExecution";

/// What a schedule parked; without the moment at which it was due where that is empty.
fn by_schedule(body: Value, target: &str, due: &str) -> Parked {
    let told = [
        ("SCHEDULE_ARN", "arn:aws:scheduler:::schedule/default/n"),
        ("TARGET_ARN", target),
        ("SCHEDULED_TIME", due),
        ("IS_PAYLOAD_TRUNCATED", "false"),
    ];
    let told: Vec<_> = (told.into_iter())
        .filter(|(_, value)| !value.is_empty())
        .collect();
    parked(body, &told)
}

/// A run that is started days later is still about the day on which it was due.
#[test]
fn a_schedule_is_started_for_the_moment_at_which_it_was_due() {
    let earlier = nightly_at("2026-03-21T18:59:43Z");
    for (body, due, started) in [
        (nightly(), DUE, nightly_at(DUE)),
        (
            nightly_at("<aws.scheduler.scheduled-time>"),
            DUE,
            nightly_at(DUE),
        ),
        (earlier.clone(), DUE, earlier),
        (nightly(), "", nightly()),
    ] {
        let task = by_schedule(body, PIPELINE, due).task(TRIGGER, PIPELINE);
        assert_eq!(task, Ok(Task::Start(started)));
    }
}

/// AWS shows the request of a queue only: whichever form a machine's has, the night is redriven.
#[test]
fn a_schedule_is_read_in_each_form_that_it_may_have() {
    let live = format!("{PIPELINE}:live");
    let text = nightly().to_string();
    for (body, target) in [
        (nightly(), live.as_str()),
        (nightly(), ACTION),
        (
            json!({"StateMachineArn": live, "Input": text, "Name": "n"}),
            ACTION,
        ),
        (
            json!({"stateMachineArn": PIPELINE, "input": text}),
            "arn:aws-us-gov:scheduler:::aws-sdk:sfn:startExecution",
        ),
        (json!({"StateMachineArn": live, "Input": text}), &live),
    ] {
        let message = by_schedule(body, target, DUE);
        let task = message.task(TRIGGER, PIPELINE);
        assert_eq!(task, Ok(Task::Start(nightly_at(DUE))), "{message:?}");
    }
}

/// A wrong guess must stay a message, and not become a run that fails at once.
#[test]
fn a_schedule_that_would_not_become_its_run_is_kept() {
    let text = nightly().to_string();
    for (body, target) in [
        (json!({"StateMachineArn": TRIGGER, "Input": text}), ACTION),
        (json!({"StateMachineArn": PIPELINE, "Input": "{"}), ACTION),
        (json!({"StateMachineArn": PIPELINE}), ACTION),
        (json!({"Input": text}), ACTION),
        (json!({"MessageBody": text, "QueueUrl": "q"}), ACTION),
        (nightly(), "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"),
        (json!({"name": "nightly"}), PIPELINE),
        (nightly_at("<aws.scheduler.scheduled-time>"), PIPELINE),
        (json!("cut"), PIPELINE),
    ] {
        let message = by_schedule(body, target, "");
        assert!(message.task(TRIGGER, PIPELINE).is_err(), "{message:?}");
    }
    let mut cut = by_schedule(nightly(), PIPELINE, DUE);
    (cut.attributes).insert("IS_PAYLOAD_TRUNCATED".to_owned(), "true".to_owned());
    assert!(cut.task(TRIGGER, PIPELINE).is_err());
}

/// Another machine's message, or somebody's own, must not become a run.
#[test]
fn what_is_not_for_the_stack_is_refused() {
    for (body, attributes) in [
        (json!("?"), &[][..]),
        (json!({"executionArn": "x"}), &[]),
        (event(), &[]),
        (event(), &[("RULE_ARN", RULE), ("TARGET_ARN", PIPELINE)]),
        (
            event(),
            &[("RULE_ARN", RULE), ("TARGET_ARN", "etl-trigger")],
        ),
        (
            json!({}),
            &[("SCHEDULE_ARN", "a/b"), ("TARGET_ARN", TRIGGER)],
        ),
    ] {
        let message = parked(body, attributes);
        assert!(message.task(TRIGGER, PIPELINE).is_err(), "{message:?}");
    }
}

/// People look for their file, and for the reason.
#[test]
fn a_message_tells_its_object_and_its_reason() {
    let trail = json!({"detail": {"requestParameters": {"bucketName": "b", "key": "k"}}});
    let parked_by_trigger = parked(
        json!({"error": "InvalidEvent", "cause": "size", "executionArn": "x", "input": {"event": trail}}),
        &[],
    );
    assert_eq!(parked_by_trigger.to_string(), "s3://b/k");
    assert_eq!(parked_by_trigger.reason(), "InvalidEvent: size");
    let parked_by_rule = parked(event(), &[("ERROR_CODE", "NO_PERMISSIONS")]);
    assert_eq!(parked_by_rule.to_string(), "s3://landing/a b.csv");
    assert_eq!(parked_by_rule.reason(), "NO_PERMISSIONS");
    assert_eq!(parked(json!(7), &[]).to_string(), "message m-1");
}
