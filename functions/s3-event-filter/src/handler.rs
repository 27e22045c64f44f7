//! From the input to the answer: does the event start a pipeline, and under which name?

use lambda_runtime::Diagnostic;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::error_name;
use shared::request::InvalidRequest;
use shared::setting::{self, InvalidSetting};
use time::OffsetDateTime;

use crate::event::{self, InvalidEvent, Report};
use crate::execution::{self, DEFAULT_PIPELINE, Pipeline};
use crate::filter::{Filter, InvalidFilter};
use crate::number;

/// What an input with an `event` may hold. Anything else is refused: a misspelt `filter` would
/// otherwise let every object pass.
const FIELDS: [&str; 4] = ["event", "filter", "coalesceSeconds", "pipeline"];

/// A day. Longer windows are a schedule's business.
const LONGEST_WINDOW: u32 = 86_400;

/// What holds for every event, unless the input says otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    filter: Filter,
    coalesce_seconds: u32,
}

impl Settings {
    /// Reads the environment: the `FILTER_…` variables and `COALESCE_SECONDS` (60 unless set).
    pub(crate) fn read(source: &impl setting::Source) -> Result<Self, InvalidSetting> {
        let variable = "COALESCE_SECONDS";
        let coalesce_seconds = setting::parse(source, variable, 60)?;
        if coalesce_seconds > LONGEST_WINDOW {
            return Err(InvalidSetting {
                variable,
                reason: format!("{coalesce_seconds} is more than {LONGEST_WINDOW}"),
            });
        }
        Ok(Self {
            filter: Filter::from_settings(source)?,
            coalesce_seconds,
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
    InvalidEvent(#[from] InvalidEvent),
    /// The input's filter cannot be read.
    InvalidFilter(#[from] InvalidFilter),
    /// What the input says beside event and filter cannot be read.
    InvalidRequest(#[from] InvalidRequest),
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
        return Err(InvalidRequest::new("input", reason).into());
    }
    let given = |field| options.get(field).filter(|value| !value.is_null());

    let filter = given("filter")
        .map(|input| settings.filter.overridden_by(input))
        .transpose()?;
    let filter = filter.as_ref().unwrap_or(&settings.filter);
    let coalesce_seconds = given("coalesceSeconds")
        .map(window)
        .transpose()?
        .unwrap_or(settings.coalesce_seconds);
    let unnamed = DEFAULT_PIPELINE.into();
    let pipeline = Pipeline::read(given("pipeline").unwrap_or(&unnamed))?;

    let event = event::read(event)?;
    let execution = event.written.and_then(|object| {
        filter.objection(&object).map_or_else(
            || Ok(execution::plan(pipeline, coalesce_seconds, &object, now)),
            Err,
        )
    });
    Ok(match execution {
        Ok(execution) => Response {
            matched: true,
            reason: None,
            report: event.report,
            execution_name: Some(execution.name),
            start_after: Some(execution.start_after),
            window_start: execution.window.map(|window| window.start),
            window_end: execution.window.map(|window| window.end),
        },
        Err(reason) => Response {
            matched: false,
            reason: Some(reason),
            report: event.report,
            execution_name: None,
            start_after: None,
            window_start: None,
            window_end: None,
        },
    })
}

fn window(value: &Value) -> Result<u32, InvalidRequest> {
    number::whole(value)
        .and_then(|seconds| u32::try_from(seconds).ok())
        .filter(|seconds| *seconds <= LONGEST_WINDOW)
        .ok_or_else(|| {
            InvalidRequest::new(
                "coalesceSeconds",
                format!("must be a whole number from 0 to {LONGEST_WINDOW}"),
            )
        })
}

#[cfg(test)]
mod tests;
