//! What starts a pipeline: objects, or the clock. `crawler-sync template` makes rules and schedules of it; the state
//! machine takes no notice.

use input::{Fields, Node};
use schemars::JsonSchema;
use serde::Serialize;

/// In seconds: a day. Longer windows are a schedule's business.
const LONGEST_WINDOW: u64 = 86_400;
/// In bytes: 50 TB, as large as an object in S3 can be.
const LARGEST_OBJECT: u64 = 50 << 40;
/// In bytes, and so in characters at most.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const LONGEST_KEY: usize = 1_024;
/// What the name of a bucket looks like.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
pub const BUCKET: &str = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$";
/// Its longest by EventBridge Scheduler. What stands between the brackets is for `crawler-sync check`.
///
/// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html>
const EXPRESSION: &str = r"^(cron|rate|at)\([^)]{1,240}\)$";
const TIMEZONE: &str = "^[A-Za-z0-9_+/-]{1,50}$";

/// The objects that start the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trigger {
    /// Their bucket, which sends its events to EventBridge or is recorded by a trail; unless set, the parameter
    /// `SourceBucketName` of the pipelines' stack.
    #[schemars(regex(pattern = BUCKET))]
    pub bucket: Option<String>,
    /// What their keys begin with. The pipeline's jobs must not write there, or it starts itself.
    #[schemars(length(min = 1, max = LONGEST_KEY))]
    pub prefix: String,
    /// What else the objects are told by.
    #[schemars(flatten)]
    pub selection: Selection,
    /// All objects of one window of this length share a run; 0 runs the pipeline once for each object. Unless set, the
    /// parameter `CoalesceSeconds` of the machinery's stack.
    #[schemars(range(max = LONGEST_WINDOW))]
    pub coalesce_seconds: Option<u32>,
}

/// Which objects of a bucket matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename_all = "camelCase")]
pub struct Selection {
    /// One of them must end the key, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1)))]
    pub suffixes: Option<Vec<String>>,
    /// Smaller objects do not matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = LARGEST_OBJECT))]
    pub min_bytes: Option<u64>,
    /// Objects whose whole key fits one of these do not matter; * stands for any characters and ? for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1), regex(pattern = r"^[^\[{]*$")))]
    pub ignore: Option<Vec<String>>,
    /// false: markers of folders and the bookkeeping of jobs matter too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_defaults: Option<bool>,
}

/// When the pipeline starts by the clock.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Schedule {
    /// As EventBridge Scheduler takes it: cron(0 2 * * ? *), rate(1 hour) or at(2026-01-31T02:00:00).
    #[schemars(regex(pattern = EXPRESSION))]
    pub expression: String,
    /// Whose clock, such as Europe/Berlin; UTC unless set.
    #[schemars(regex(pattern = TIMEZONE))]
    pub timezone: Option<String>,
}

impl Trigger {
    /// Reads a trigger.
    pub(crate) fn read(node: &Node<'_>) -> Option<Self> {
        let mut fields = node.fields()?;
        let bucket = fields.optional("bucket", |node| {
            node.matching(BUCKET, "must be the name of a bucket")
        });
        let prefix = fields.required("prefix", |node| node.text_of(1..=LONGEST_KEY));
        let selection = Selection::read(&mut fields);
        let coalesce_seconds = fields.optional("coalesceSeconds", coalesce_seconds);
        fields.finish();
        Some(Self {
            bucket: bucket.map(str::to_owned),
            prefix: prefix?.to_owned(),
            selection,
            coalesce_seconds,
        })
    }
}

impl Selection {
    /// Reads its fields of an object that has others too.
    pub fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            suffixes: fields.optional("suffixes", Node::texts),
            min_bytes: fields.optional("minBytes", |node| node.whole(0..=LARGEST_OBJECT)),
            ignore: fields.optional("ignore", globs),
            ignore_defaults: fields.optional("ignoreDefaults", Node::flag),
        }
    }
}

impl Schedule {
    /// Reads a schedule.
    pub(crate) fn read(node: &Node<'_>) -> Option<Self> {
        let mut fields = node.fields()?;
        let expression = fields.required("expression", |node| {
            let rule = "must be cron(…), rate(…) or at(…), as EventBridge Scheduler takes them";
            node.matching(EXPRESSION, rule)
        });
        let timezone = fields.optional("timezone", |node| {
            node.matching(TIMEZONE, "must be a time zone such as Europe/Berlin")
        });
        fields.finish();
        Some(Self {
            expression: expression?.to_owned(),
            timezone: timezone.map(str::to_owned),
        })
    }
}

/// Reads `coalesceSeconds`: how many seconds of writes share a run.
#[must_use]
pub fn coalesce_seconds(node: &Node<'_>) -> Option<u32> {
    u32::try_from(node.whole(0..=LONGEST_WINDOW)?).ok()
}

fn globs(node: &Node<'_>) -> Option<Vec<String>> {
    let globs: Vec<_> = node.items()?.map(|item| glob(&item)).collect();
    globs.into_iter().collect()
}

/// A glob. What other tools read as a choice is refused: here it would fit nothing, and nobody would know.
fn glob(node: &Node<'_>) -> Option<String> {
    let glob = node.filled()?;
    if glob.contains(['[', '{']) {
        return node.wrong("must hold no [ and no {: * and ? are all the wildcards there are");
    }
    Some(glob.to_owned())
}
