//! From an event and what its rule says about it to the decision: does it start a pipeline, and under which name?

use input::{Mistake, Mistakes};
use pipeline::window::Window;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::execution::{self, Coalescing, Pipeline};
use crate::filter::Filter;
use crate::s3::{self, Report};

/// What becomes of an event, with every field always there.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Whether it starts a pipeline.
    pub matched: bool,
    /// Why not, in words.
    pub reason: Option<String>,
    /// What is known of the event.
    #[serde(flatten)]
    pub report: Report,
    /// The execution that serves the object.
    pub execution_name: Option<String>,
    /// The moment before which that must not begin.
    #[serde(with = "time::serde::rfc3339::option")]
    pub start_after: Option<OffsetDateTime>,
    /// The window that it serves; none where it serves one write alone.
    pub window: Option<Window>,
}

/// Why nothing can be decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What comes with the event cannot be read.
    #[error("{0}")]
    Request(Mistakes),
    /// The filter cannot be read.
    #[error("{0}")]
    Filter(Mistakes),
    /// The event is of no kind that is understood here, or malformed.
    #[error("{0}")]
    Event(Mistake),
}

/// Decides at `now` (UTC) on an event, bare or as `{"event", "filter"?, "coalesceSeconds"?, "pipeline"?}`.
///
/// # Errors
/// [`Refusal`], if a part of it cannot be read.
pub fn decide(input: &Value, now: OffsetDateTime) -> Result<Decision, Refusal> {
    let (event, options) = match input.get("event") {
        Some(event) => (event, Options::read(input).map_err(Refusal::Request)?),
        None => (input, Options::default()),
    };
    let filter = Filter::read(options.filter).map_err(Refusal::Filter)?;
    let event = s3::read(event).map_err(Refusal::Event)?;
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
    Ok(Decision {
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
    fn read(input: &'a Value) -> Result<Self, Mistakes> {
        input::read(input, "input", |input| {
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
