//! The span of time whose objects share a run.

use input::Node;
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

/// The window whose objects share the run; the trigger sets it. What is handled from its start on and before its end
/// is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Window {
    /// What the names of the executions of all windows of one pipeline begin with.
    #[schemars(length(min = 1))]
    pub queue: String,
    /// When it begins.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Moment")]
    pub start: OffsetDateTime,
    /// When it ends. Its run begins later.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Moment")]
    pub end: OffsetDateTime,
}

/// A moment in RFC 3339, with T and Z in capitals.
#[derive(JsonSchema)]
#[schemars(extend("format" = "date-time"))]
#[expect(dead_code, reason = "a form, for the schema alone")]
pub(crate) struct Moment(
    #[schemars(regex(
        pattern = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$"
    ))]
    String,
);

impl Window {
    /// The name of the execution that serves it: the queue, and the end in seconds since 1970. Names of one queue
    /// sort by their ends, which have ten digits until the year 2286.
    #[must_use]
    pub fn execution_name(&self) -> String {
        format!("{}{}", self.queue, self.end.unix_timestamp())
    }

    /// Reads what [`Serialize`] writes.
    pub(crate) fn read(node: &Node<'_>) -> Option<Self> {
        let mut fields = node.fields()?;
        let queue = fields.required("queue", Node::filled);
        let start = fields.required("start", Node::moment);
        let end = fields.required("end", Node::moment);
        fields.finish();
        Some(Self {
            queue: queue?.to_owned(),
            start: start?,
            end: end?,
        })
    }
}
