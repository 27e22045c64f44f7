//! What lies in the dead-letter queue: events that trigger or a rule could not hand on, and what schedules could not
//! start.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_sqs::types::MessageSystemAttributeName::SentTimestamp;
use serde_json::Value;
use time::OffsetDateTime;

use super::rules;
use super::text::printable;

mod due;
#[cfg(test)]
mod tests;

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
            return "no reason given".to_owned();
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
        if self.schedule().is_some() {
            return due::input(body, &self.attributes, pipeline).map(Task::Start);
        }
        if let (Some(_), Some(input)) = (self.execution(), body.get("input")) {
            return Ok(Task::Handle(input.clone()));
        }
        if let (Some(rule), Some(Value::Object(_)), Some(Value::String(_))) =
            (rule, body.get("detail"), body.get("detail-type"))
        {
            let target = self.attributes.get("TARGET_ARN");
            must_be(target.map_or("", String::as_str), trigger)?;
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
}

/// A target is a machine of the stack, whichever version or alias of it.
fn must_be(target: &str, machine: &str) -> Result<(), String> {
    if rules::is_of(target, machine) {
        return Ok(());
    }
    Err(format!("it was meant for {target}"))
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
