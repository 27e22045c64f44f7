//! From the input to the answer: does the event start a pipeline, and under which name?

use input::Mistakes;
use lambda::failure::{Failure, INVALID_EVENT, INVALID_FILTER};
use pipeline::window::Window;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::event::{self, Report};
use crate::execution::{self, Coalescing, Pipeline};
use crate::filter::Filter;

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
    window: Option<Window>,
}

/// Answers one invocation at `now` (UTC), and logs how it went.
pub(crate) fn handle(payload: &Value, now: OffsetDateTime) -> Result<Response, Failure> {
    let result = respond(payload, now);
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
        Err(failure) => failure.log("the event could not be judged"),
    }
    result
}

fn respond(payload: &Value, now: OffsetDateTime) -> Result<Response, Failure> {
    let (event, options) = match payload.get("event") {
        Some(event) => (event, Options::read(payload)?),
        None => (payload, Options::default()),
    };
    let filter =
        Filter::read(options.filter).map_err(|mistakes| Failure::new(INVALID_FILTER, mistakes))?;
    let event = event::read(event).map_err(|mistake| Failure::new(INVALID_EVENT, mistake))?;
    let planned = event
        .written
        .and_then(|object| match filter.objection(&object) {
            None => Ok(execution::plan(
                options.pipeline,
                options.coalescing,
                &object,
                now,
            )),
            Some(reason) => Err(reason),
        });
    let (execution, reason) = match planned {
        Ok(execution) => (Some(execution), None),
        Err(reason) => (None, Some(reason)),
    };
    Ok(Response {
        matched: execution.is_some(),
        reason,
        report: event.report,
        start_after: execution.as_ref().map(|execution| execution.start_after),
        execution_name: execution.as_ref().map(|execution| execution.name.clone()),
        window: execution.and_then(|execution| execution.window),
    })
}

/// What an input says beside its event. Anything else is refused: a misspelt `filter` would otherwise let every
/// object pass.
#[derive(Debug, Clone, Copy, Default)]
struct Options<'a> {
    filter: Option<&'a Value>,
    coalescing: Coalescing,
    pipeline: Pipeline<'a>,
}

impl<'a> Options<'a> {
    fn read(payload: &'a Value) -> Result<Self, Mistakes> {
        input::read(payload, "input", |input| {
            let mut fields = input.fields()?;
            let _ = fields.take("event");
            let options = Self {
                filter: fields.optional("filter", |node| Some(node.value())),
                coalescing: fields
                    .optional("coalesceSeconds", Coalescing::read)
                    .unwrap_or_default(),
                pipeline: fields
                    .optional("pipeline", Pipeline::read)
                    .unwrap_or_default(),
            };
            fields.finish();
            Some(options)
        })
    }
}

#[cfg(test)]
mod tests;
