//! The days that runs are for.

use event::decision::Decision;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;
use time::OffsetDateTime;

use super::object::Written;
use crate::stack::names::Named;
use crate::stack::run::Start;

/// The day that a run of the object is for, as plan-pipeline tells its jobs.
pub(crate) fn day(decision: &Decision, written: &Written) -> Date {
    decision.window.as_ref().map_or_else(
        || written.day(),
        |window| TimeZone::UTC.to_datetime(timestamp(window.start)).date(),
    )
}

/// The day that a run is for, unless a window or an object started it.
pub(crate) fn date(name: &str, given: &Value, began: Timestamp) -> Option<String> {
    let start = Start::of(given);
    let is_triggered = matches!(start, Start::Window { .. } | Start::Object { .. })
        || matches!(Named::of(name), Named::Window { .. } | Named::Object { .. });
    (!is_triggered).then(|| start.date(given, began))
}

/// The moment in the type of the command-line tool.
pub(crate) fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp::from_second(at.unix_timestamp()).unwrap_or_default()
}
