//! From the input to the answer: does the event start a pipeline, and under which name?

use lambda_runtime::Diagnostic;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::error_name;
use shared::request::InvalidField;
use shared::setting::{self, InvalidSetting};
use time::OffsetDateTime;

use crate::event::{self, Report};
use crate::execution::{self, Coalescing, DEFAULT_PIPELINE, Pipeline};
use crate::filter::Filter;

/// What an input with an `event` may hold. Anything else is refused: a misspelt `filter` would
/// otherwise let every object pass.
const FIELDS: [&str; 4] = ["event", "filter", "coalesceSeconds", "pipeline"];

/// What holds for every event, unless the input says otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    filter: Filter,
    coalescing: Coalescing,
}

impl Settings {
    /// Reads the environment: the `FILTER_…` variables and `COALESCE_SECONDS` (60 unless set).
    pub(crate) fn read(source: &impl setting::Source) -> Result<Self, InvalidSetting> {
        Ok(Self {
            filter: Filter::from_settings(source)?,
            coalescing: setting::parse(source, "COALESCE_SECONDS", Coalescing::DEFAULT)?,
        })
    }
}

/// The answer, with every field always there.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Response {
    matched: bool,
    /// Why not, in words.
    reason: Option<String>,
    #[serde(flatten)]
    report: Report,
    execution_name: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    start_after: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    window_start: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    window_end: Option<OffsetDateTime>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(transparent)]
#[expect(
    clippy::enum_variant_names,
    reason = "named as the error types that callers see"
)]
pub(crate) enum Error {
    /// The event is of no kind understood here, or malformed.
    InvalidEvent(InvalidField),
    /// The input's filter cannot be read.
    InvalidFilter(InvalidField),
    /// What the input says beside event and filter cannot be read.
    InvalidRequest(InvalidField),
}

impl Error {
    fn error_type(&self) -> &'static str {
        match self {
            Self::InvalidEvent(_) => error_name::INVALID_EVENT,
            Self::InvalidFilter(_) => error_name::INVALID_FILTER,
            Self::InvalidRequest(_) => error_name::INVALID_REQUEST,
        }
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self {
            error_type: error.error_type().to_owned(),
            error_message: error.to_string(),
        }
    }
}

/// Answers one invocation at `now` (UTC), and logs how it went.
pub(crate) fn handle(
    settings: &Settings,
    payload: &Value,
    now: OffsetDateTime,
) -> Result<Response, Error> {
    let result = respond(settings, payload, now);
    match &result {
        Ok(response) => tracing::info!(
            outcome = if response.matched {
                "matched"
            } else {
                "ignored"
            },
            bucket = response.report.bucket,
            key = response.report.key,
            executionName = response.execution_name,
            reason = response.reason,
            "the event was judged"
        ),
        Err(error) => tracing::error!(
            outcome = error.error_type(),
            reason = %error,
            "the event could not be judged"
        ),
    }
    result
}

fn respond(settings: &Settings, payload: &Value, now: OffsetDateTime) -> Result<Response, Error> {
    let bare = Map::new();
    let (event, options) = match (payload.get("event"), payload.as_object()) {
        (Some(event), Some(input)) => (event, input),
        _ => (payload, &bare),
    };
    if let Some(unknown) = options.keys().find(|key| !FIELDS.contains(&key.as_str())) {
        let reason = format!("{unknown:?} is none of the fields {}", FIELDS.join(", "));
        return Err(Error::InvalidRequest(InvalidField::new("input", reason)));
    }
    let given = |field| options.get(field).filter(|value| !value.is_null());

    let filter = given("filter")
        .map(|input| settings.filter.overridden_by(input))
        .transpose()
        .map_err(Error::InvalidFilter)?;
    let filter = filter.as_ref().unwrap_or(&settings.filter);
    let coalescing = given("coalesceSeconds")
        .map_or(Ok(settings.coalescing), Coalescing::read)
        .map_err(Error::InvalidRequest)?;
    let unnamed = DEFAULT_PIPELINE.into();
    let pipeline =
        Pipeline::read(given("pipeline").unwrap_or(&unnamed)).map_err(Error::InvalidRequest)?;

    let event = event::read(event).map_err(Error::InvalidEvent)?;
    let planned = event
        .written
        .and_then(|object| match filter.objection(&object) {
            None => Ok(execution::plan(pipeline, coalescing, &object, now)),
            Some(reason) => Err(reason),
        });
    let (execution, reason) = match planned {
        Ok(execution) => (Some(execution), None),
        Err(reason) => (None, Some(reason)),
    };
    let window = execution.as_ref().and_then(|execution| execution.window);
    Ok(Response {
        matched: execution.is_some(),
        reason,
        report: event.report,
        start_after: execution.as_ref().map(|execution| execution.start_after),
        window_start: window.map(|window| window.start),
        window_end: window.map(|window| window.end),
        execution_name: execution.map(|execution| execution.name),
    })
}

#[cfg(test)]
mod tests;
