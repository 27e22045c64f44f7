//! What started a run, and which day it is for: its input tells.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

/// What started a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Start {
    /// The objects of a window.
    Window { start: Timestamp, end: Timestamp },
    /// One object.
    Object { bucket: String, key: String },
    /// The clock.
    Schedule { time: Timestamp },
    /// A state machine.
    Execution { arn: String },
    /// Somebody.
    Hand,
}

impl Start {
    /// Of the run with this input.
    pub(crate) fn of(input: &Value) -> Self {
        let text = |pointer| input.pointer(pointer).and_then(Value::as_str);
        let moment = |pointer| text(pointer).and_then(|text| text.parse().ok());
        if let (Some(start), Some(end)) = (moment("/window/start"), moment("/window/end")) {
            Self::Window { start, end }
        } else if let (Some(bucket), Some(key)) = (text("/object/bucket"), text("/object/key")) {
            Self::Object {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
            }
        } else if let Some(time) = moment("/scheduledTime") {
            Self::Schedule { time }
        } else if let Some(arn) = text("/AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID") {
            Self::Execution {
                arn: arn.to_owned(),
            }
        } else {
            Self::Hand
        }
    }

    /// The day that the jobs of the run are told, as plan-pipeline tells it.
    pub(crate) fn date(&self, input: &Value, began: Timestamp) -> String {
        let text = |pointer| input.pointer(pointer).and_then(Value::as_str);
        if let Some(date) = text("/arguments/--date") {
            return date.to_owned();
        }
        let day = match self {
            Self::Window { start, .. } => *start,
            Self::Schedule { time } => *time,
            Self::Object { .. } => text("/startAfter")
                .and_then(|text| text.parse().ok())
                .unwrap_or(began),
            Self::Execution { .. } | Self::Hand => began,
        };
        TimeZone::UTC.to_datetime(day).date().to_string()
    }
}
