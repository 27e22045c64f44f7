//! Who is told how a run ended.

use input::{Mistake, Node};
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

/// Where a machine runs. What it may call by name or ARN is there too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    partition: String,
    region: String,
    account: String,
}

impl Home {
    /// The home of what the ARN names; none if that is no ARN.
    #[must_use]
    pub fn of(arn: &str) -> Option<Self> {
        let parts: Vec<_> = arn.splitn(6, ':').collect();
        let ["arn", partition, _, region, account, _] = parts[..] else {
            return None;
        };
        Some(Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
        })
    }
}

impl Notify {
    /// The topics that a machine cannot tell: SNS answers in its own Region alone, and the role of the machine names
    /// its account.
    pub(crate) fn out_of_reach(&self, home: &Home) -> impl Iterator<Item = Mistake> {
        let topics = [("failed", &self.failed), ("succeeded", &self.succeeded)];
        topics.into_iter().filter_map(move |(field, topic)| {
            let elsewhere = Home::of(topic.as_ref()?).as_ref() != Some(home);
            elsewhere.then(|| Mistake {
                place: format!("notify.{field}"),
                pointer: format!("/notify/{field}"),
                rule: format!(
                    "must be a topic of {} in the account {}, where the pipeline runs",
                    home.region, home.account
                ),
            })
        })
    }

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
