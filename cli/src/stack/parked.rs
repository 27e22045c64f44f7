//! What lies in the dead-letter queue: events that trigger or a rule could not hand on, and what schedules could not
//! start.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_sqs::types::MessageSystemAttributeName::SentTimestamp;
use serde_json::Value;
use time::OffsetDateTime;

use super::rules;
use super::text::printable;

/// A message of the queue, taken from it for a while.
#[derive(Debug, Clone)]
pub(crate) struct Parked {
    pub(crate) id: String,
    /// What this taking of it is told by.
    pub(crate) receipt: String,
    pub(crate) sent: OffsetDateTime,
    body: Value,
    attributes: BTreeMap<String, String>,
}

/// What is to be done with a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Task {
    /// Trigger handles this input, which it was given before.
    Handle(Value),
    /// Trigger handles what the rule of this ARN makes of the event today: it may have been mended since.
    Transform { rule: String, event: Value },
    /// The pipeline machine starts this input, which it was to be given by a schedule.
    Start(Value),
}

impl Parked {
    /// Of a message as SQS hands it out.
    pub(crate) fn of(received: aws_sdk_sqs::types::Message) -> Self {
        let body = received.body.unwrap_or_default();
        let attributes = received.message_attributes.unwrap_or_default();
        let sent = (received.attributes.unwrap_or_default())
            .get(&SentTimestamp)
            .and_then(|sent| sent.parse::<i128>().ok())
            .and_then(|sent| OffsetDateTime::from_unix_timestamp_nanos(sent * 1_000_000).ok());
        Self {
            id: received.message_id.unwrap_or_default(),
            receipt: received.receipt_handle.unwrap_or_default(),
            sent: sent.unwrap_or(OffsetDateTime::UNIX_EPOCH),
            body: serde_json::from_str(&body).unwrap_or(Value::String(body)),
            attributes: (attributes.into_iter())
                .map(|(name, value)| (name, value.string_value.unwrap_or_default()))
                .collect(),
        }
    }

    /// The trigger's execution that parked it, if one did.
    pub(crate) fn execution(&self) -> Option<&str> {
        self.body.get("executionArn")?.as_str()
    }

    /// The schedule that could not start a pipeline, if one sent the message.
    pub(crate) fn schedule(&self) -> Option<&str> {
        let (_, name) = self.attributes.get("SCHEDULE_ARN")?.rsplit_once('/')?;
        Some(name)
    }

    /// Why it was parked.
    pub(crate) fn reason(&self) -> String {
        let told = |field: &str, attribute: &str| {
            (self.body.get(field).and_then(Value::as_str))
                .or_else(|| self.attributes.get(attribute).map(String::as_str))
                .unwrap_or_default()
        };
        let parts = [told("error", "ERROR_CODE"), told("cause", "ERROR_MESSAGE")];
        let said: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if said.is_empty() {
            return "nobody said why".to_owned();
        }
        said.join(": ")
    }

    /// The bucket and the key that its event tells, as far as it does.
    pub(crate) fn object(&self) -> (Option<&str>, Option<&str>) {
        let given = self.body.get("input").unwrap_or(&self.body);
        let event = given.get("event").unwrap_or(given);
        let told = |pointers: [&str; 2]| {
            (pointers.iter()).find_map(|pointer| event.pointer(pointer)?.as_str())
        };
        (
            told([
                "/detail/bucket/name",
                "/detail/requestParameters/bucketName",
            ]),
            told(["/detail/object/key", "/detail/requestParameters/key"]),
        )
    }

    /// What is to be done with it, for a stack with these machines.
    ///
    /// # Errors
    /// Why nothing can be done.
    pub(crate) fn task(&self, trigger: &str, pipeline: &str) -> Result<Task, String> {
        let rule = self.attributes.get("RULE_ARN");
        let body = &self.body;
        if self.schedule().is_some() && body.is_object() {
            self.must_be_for(pipeline)?;
            return Ok(Task::Start(self.due()));
        }
        if let (Some(_), Some(input)) = (self.execution(), body.get("input")) {
            return Ok(Task::Handle(input.clone()));
        }
        if let (Some(rule), Some(Value::Object(_)), Some(Value::String(_))) =
            (rule, body.get("detail"), body.get("detail-type"))
        {
            self.must_be_for(trigger)?;
            return Ok(Task::Transform {
                rule: rule.clone(),
                event: body.clone(),
            });
        }
        if body.get("event").is_some_and(Value::is_object) {
            return Ok(Task::Handle(body.clone()));
        }
        Err("neither the trigger's message nor a rule's nor a schedule's".to_owned())
    }

    /// The input by a schedule, with the moment at which the run was due. Whether Scheduler fills that in before it
    /// parks a message, AWS does not say; the message tells it in any case.
    fn due(&self) -> Value {
        let mut input = self.body.clone();
        let told = input["scheduledTime"].as_str();
        if told.is_none_or(|told| told.starts_with('<'))
            && let Some(due) = self.attributes.get("SCHEDULED_TIME")
        {
            input["scheduledTime"] = due.as_str().into();
        }
        input
    }

    /// Whichever version or alias of the machine it was meant for.
    fn must_be_for(&self, machine: &str) -> Result<(), String> {
        let target = self.attributes.get("TARGET_ARN").map_or("", String::as_str);
        if rules::is_of(target, machine) {
            return Ok(());
        }
        Err(format!("it was meant for {target}"))
    }
}

impl fmt::Display for Parked {
    /// What it is about: an object, a schedule, or at least itself.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = match (self.schedule(), self.object()) {
            (Some(schedule), _) => format!("schedule {schedule}"),
            (None, (None, None)) => format!("message {}", self.id),
            (None, (bucket, key)) => {
                format!("s3://{}/{}", bucket.unwrap_or("?"), key.unwrap_or("?"))
            }
        };
        formatter.write_str(&printable(&about))
    }
}

#[cfg(test)]
mod tests {
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

    /// What trigger parked runs with the input of then, what the rule parked with the rule of today.
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
            (
                parked(json!({"name": "nightly"}), &by_schedule),
                Task::Start(json!({"name": "nightly"})),
            ),
        ] {
            assert_eq!(message.task(TRIGGER, PIPELINE), Ok(task));
        }
    }

    /// A run that is started days later is still about the day on which it was due.
    #[test]
    fn a_schedule_is_started_for_the_moment_at_which_it_was_due() {
        let due = "2026-03-22T18:59:43Z";
        let attributes = [
            ("SCHEDULE_ARN", "a/nightly"),
            ("TARGET_ARN", PIPELINE),
            ("SCHEDULED_TIME", due),
        ];
        let earlier = json!({"scheduledTime": "2026-03-21T18:59:43Z"});
        for (body, started) in [
            (json!({}), json!({"scheduledTime": due})),
            (
                json!({"scheduledTime": "<aws.scheduler.scheduled-time>"}),
                json!({"scheduledTime": due}),
            ),
            (earlier.clone(), earlier),
        ] {
            let task = parked(body, &attributes).task(TRIGGER, PIPELINE);
            assert_eq!(task, Ok(Task::Start(started)));
        }
        let untold = parked(json!({"name": "nightly"}), &attributes[..2]);
        let started = json!({"name": "nightly"});
        assert_eq!(untold.task(TRIGGER, PIPELINE), Ok(Task::Start(started)));
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
}
