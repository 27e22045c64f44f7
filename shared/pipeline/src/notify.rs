//! Who is told how a run ended.

use input::Node;
use schemars::JsonSchema;
use serde::Serialize;

/// Without those of SNS FIFO, which take more than a message.
///
/// <https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html>
const TOPIC: &str = "^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$";

/// SNS topics, by how the run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Notify {
    /// The ARN of the topic that is told of runs that failed, took too long or were refused, and of optional steps
    /// that failed.
    #[schemars(regex(pattern = TOPIC))]
    pub failed: Option<String>,
    /// The ARN of the topic that is told of runs that succeeded.
    #[schemars(regex(pattern = TOPIC))]
    pub succeeded: Option<String>,
}

impl Notify {
    /// Reads who is told.
    pub(crate) fn read(node: &Node<'_>) -> Option<Self> {
        let mut fields = node.fields()?;
        let topic = |node: &Node<'_>| {
            node.matching(
                TOPIC,
                "must be the ARN of an SNS topic, and not of a FIFO one",
            )
            .map(str::to_owned)
        };
        let notify = Self {
            failed: fields.optional("failed", topic),
            succeeded: fields.optional("succeeded", topic),
        };
        fields.finish();
        Some(notify)
    }
}
