//! `crawler-sync explain`: the chain from an object to the run that has it.

use jiff::Timestamp;
use serde_json::json;

mod chain;
mod concern;
mod days;
mod facts;
mod object;
mod report;
mod runs;
mod wanted;

use facts::Facts;
use object::Url;
use report::Verdict;

use super::progress::spinner;
use super::{Failure, Format, Options, Outcome, Stack};
use crate::output::say;

/// Tell whether a run has an object, and why not.
///
/// Looks at each link from the object to its run: bucket, rule, filter, window, run, dead-letter queue. What may not be
/// looked at is said, and the rest is looked at all the same. Ends with 0 if a run that began after the object was
/// written has succeeded or is on its way, else with 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  crawler-sync explain s3://landing/orders/2026-01-31.csv
  crawler-sync explain s3://landing/orders/2026-01-31.csv --format json | jq .verdict

It needs s3:GetBucketNotification, s3:ListBucket, s3:ListBucketVersions, events:ListRuleNamesByTarget,
events:DescribeRule, events:ListTargetsByRule, events:TestEventPattern, states:DescribeStateMachine,
states:ListExecutions, states:DescribeExecution, states:GetExecutionHistory, sqs:GetQueueUrl,
sqs:GetQueueAttributes, sqs:ReceiveMessage and sqs:ChangeMessageVisibility.")]
pub(crate) struct Arguments {
    /// The object, its key exactly as S3 has it.
    #[arg(value_name = "s3://BUCKET/KEY")]
    object: Url,
    /// As of when, in RFC 3339. For tests.
    #[arg(long, hide = true)]
    now: Option<Timestamp>,
    #[command(flatten)]
    options: Options,
}

/// Looks, and prints the answer.
pub(crate) async fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let stack = Stack::connect(&arguments.options).await?;
    let now = arguments.now.unwrap_or_else(Timestamp::now);
    let progress = spinner("looks for the object");
    let facts = Box::pin(Facts::gather(&stack, &arguments.object, now, &progress)).await;
    progress.finish_and_clear();
    let facts = facts?;
    let report = chain::report(&facts, &stack.commands);
    let text = match arguments.options.format {
        Format::Text => report.to_string(),
        Format::Json => json!(report).to_string(),
    };
    say(&format!("{text}\n"))?;
    Ok(match report.verdict {
        Verdict::Covered | Verdict::Coming => Outcome::Fine,
        _ => Outcome::Failed,
    })
}
