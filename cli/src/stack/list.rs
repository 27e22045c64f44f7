//! Runs of a stack, from the lists of Step Functions: a call a thousand runs, and one more for each whose name does
//! not tell enough.

use std::collections::{HashMap, HashSet};

use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus};
use aws_smithy_types::DateTime;
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

mod absorbed;
pub(crate) mod executions;
mod find;

pub(crate) use find::find;

use super::names::Named;
use super::progress::spinner;
use super::run::{Problem, Start, Status};
use super::{CALLS, Failure, Stack, moments};

/// Longer than a run lives that leaves its window to a newer one: its window, and two days for the run before.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(3 * 24);

/// A run, as far as a table tells of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    /// As its input has it, unless that has none.
    pub(crate) pipeline: String,
    pub(crate) name: String,
    pub(crate) arn: String,
    /// The end of the window that it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) window_end: Option<Timestamp>,
    /// The day that it is for, where it serves no window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) date: Option<String>,
    pub(crate) began: Timestamp,
    #[serde(flatten)]
    pub(crate) status: Status,
}

/// Which runs to list.
#[derive(Debug, Clone)]
pub(crate) struct Which<'a> {
    /// Of this pipeline only.
    pub(crate) pipeline: Option<&'a str>,
    /// Only those that did not succeed.
    pub(crate) failed: bool,
    /// Only those that have begun since.
    pub(crate) since: Timestamp,
}

/// The runs, the newest first.
pub(crate) async fn runs(stack: &Stack, which: &Which<'_>) -> Result<Vec<Row>, Failure> {
    let client = stack.states();
    let progress = spinner("looks for runs");
    let (statuses, since) = if which.failed {
        let bad = [
            ExecutionStatus::Failed,
            ExecutionStatus::TimedOut,
            ExecutionStatus::Aborted,
        ];
        (bad.map(Some).to_vec(), which.since)
    } else {
        // What left its window to another is told by runs that began before.
        (vec![None], earlier(which.since))
    };
    let mut listed = Vec::new();
    for status in statuses {
        listed.extend(executions::since(stack, &client, status, since, &progress).await?);
    }
    listed.retain(|item| {
        let may_be_of = |pipeline| Named::of(item.name()).may_be_of(pipeline);
        which.pipeline.is_none_or(may_be_of)
    });
    let mut rows = rows(stack, &client, listed, which.since, &progress).await?;
    rows.retain(|row| {
        which
            .pipeline
            .is_none_or(|pipeline| row.pipeline == pipeline)
    });
    progress.finish_and_clear();
    Ok(rows)
}

/// The runs of a queue that may have left their windows to one that ran between these moments, the newest first.
pub(crate) async fn of_queue(
    stack: &Stack,
    queue: &str,
    began: Timestamp,
    ended: Timestamp,
) -> Result<Vec<Row>, Failure> {
    let client = stack.states();
    let progress = spinner("looks for the runs before");
    let since = earlier(began);
    let mut listed = executions::since(stack, &client, None, since, &progress).await?;
    listed.retain(|item| {
        let is_its =
            matches!(Named::of(item.name()), Named::Window { queue: own, .. } if own == queue);
        is_its && executions::began(item) <= ended
    });
    let rows = rows(stack, &client, listed, since, &progress).await?;
    progress.finish_and_clear();
    Ok(rows)
}

/// So long before that no run that began earlier waits or is waited for.
fn earlier(at: Timestamp) -> Timestamp {
    at.saturating_sub(LONGEST_WAIT).unwrap_or(Timestamp::MIN)
}

/// The rows of what began since, of executions from further back.
async fn rows(
    stack: &Stack,
    client: &Client,
    mut listed: Vec<ExecutionListItem>,
    since: Timestamp,
    progress: &ProgressBar,
) -> Result<Vec<Row>, Failure> {
    listed.sort_by_key(|item| std::cmp::Reverse(executions::began(item)));
    let absorbed = absorbed::perhaps(&listed);
    let wanted: Vec<_> = (listed.iter().zip(absorbed))
        .filter(|(item, _)| executions::began(item) >= since)
        .map(|(item, absorbed)| (item, Named::of(item.name()), absorbed))
        .collect();
    let mut telling: Vec<_> = wanted
        .iter()
        .map(|(item, named, absorbed)| {
            let is_bad = !matches!(
                item.status(),
                ExecutionStatus::Running | ExecutionStatus::Succeeded
            );
            is_bad || *absorbed || named.pipeline().is_none()
        })
        .collect();
    // One run of a queue tells the name of the pipeline of all.
    let kin = |named: &Named| match named {
        _ if named.whole().is_some() => None,
        Named::Window { queue, .. } => Some(queue.clone()),
        _ => named.pipeline().map(str::to_owned),
    };
    let mut told: HashSet<_> = (wanted.iter().zip(&telling))
        .filter(|(_, told)| **told)
        .filter_map(|((_, named, _), _)| kin(named))
        .collect();
    for ((_, named, _), telling) in wanted.iter().zip(&mut telling) {
        *telling |= kin(named).is_some_and(|kin| told.insert(kin));
    }
    let count = telling.iter().filter(|telling| **telling).count();
    let mut read = 0;
    let described =
        stream::iter(wanted.iter().zip(telling)).map(|((item, ..), telling)| async move {
            if !telling {
                return Ok::<_, Failure>(None);
            }
            describe(stack, client, item.execution_arn())
                .await
                .map(Some)
        });
    let described = described.buffered(CALLS).inspect_ok(|described| {
        read += usize::from(described.is_some());
        progress.set_message(format!("reads runs: {read} of {count}"));
    });
    let described: Vec<_> = described.try_collect().await?;
    let names: HashMap<_, _> = (wanted.iter().zip(&described))
        .filter_map(|((_, named, _), told)| Some((kin(named)?, name(told.as_ref()?)?)))
        .collect();
    let rows = wanted
        .iter()
        .zip(&described)
        .map(|((item, named, _), told)| {
            let row = row(item, named, told.as_ref());
            match kin(named).and_then(|kin| names.get(&kin)) {
                Some(name) if told.is_none() => Row {
                    pipeline: name.clone(),
                    ..row
                },
                _ => row,
            }
        });
    Ok(rows.collect())
}

/// Describes a run.
pub(crate) async fn describe(
    stack: &Stack,
    client: &Client,
    arn: &str,
) -> Result<DescribeExecutionOutput, Failure> {
    let described = client.describe_execution().execution_arn(arn).send().await;
    described.map_err(|error| stack.failure("states:DescribeExecution", arn, &error))
}

/// The name of the pipeline in the input of a run.
fn name(told: &DescribeExecutionOutput) -> Option<String> {
    text(&json(told.input())?, "name")
}

fn row(item: &ExecutionListItem, named: &Named, told: Option<&DescribeExecutionOutput>) -> Row {
    let began = moments::read(item.start_date());
    let input = told.and_then(|told| json(told.input())).unwrap_or_default();
    let pipeline = text(&input, "name")
        .or_else(|| named.pipeline().map(str::to_owned))
        .unwrap_or_default();
    let (window_end, date) = match named {
        Named::Window { end, .. } => (Some(*end), None),
        Named::Day { date, .. } => (None, Some(date.to_string())),
        Named::Object { .. } | Named::Other => match Start::of(&input) {
            Start::Window { end, .. } => (Some(end), None),
            start => (None, Some(start.date(&input, began))),
        },
    };
    Row {
        pipeline,
        name: item.name().to_owned(),
        arn: item.execution_arn().to_owned(),
        window_end,
        date,
        began,
        status: standing(item.status(), item.stop_date(), told),
    }
}

/// How an execution stands; of one that is not described its end is all that is known.
fn standing(
    status: &ExecutionStatus,
    ended: Option<&DateTime>,
    told: Option<&DescribeExecutionOutput>,
) -> Status {
    let Some(ended) = ended.map(moments::read) else {
        return Status::Running;
    };
    let problem = Problem {
        error: told
            .and_then(|told| told.error())
            .unwrap_or_default()
            .to_owned(),
        cause: told
            .and_then(|told| told.cause())
            .unwrap_or_default()
            .to_owned(),
    };
    match status {
        ExecutionStatus::Succeeded => {
            let output = told.and_then(|told| json(told.output()));
            match output
                .as_ref()
                .and_then(|output| text(output, "absorbedBy"))
            {
                Some(absorbed_by) => Status::Absorbed { ended, absorbed_by },
                None => Status::Succeeded { ended },
            }
        }
        ExecutionStatus::Failed => Status::Failed { ended, problem },
        ExecutionStatus::TimedOut => Status::TimedOut { ended, problem },
        ExecutionStatus::Aborted => Status::Aborted { ended, problem },
        // One that is to be redriven waits to run, too.
        _ => Status::Running,
    }
}

/// What an execution was given, or has left.
pub(crate) fn json(text: Option<&str>) -> Option<Value> {
    serde_json::from_str(text?).ok()
}

fn text(value: &Value, field: &str) -> Option<String> {
    value.get(field).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests;
