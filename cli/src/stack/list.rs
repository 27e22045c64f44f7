//! Runs of a stack, from the lists of Step Functions: a call a thousand runs, and one more for each whose name does
//! not tell enough.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus};
use aws_smithy_types::DateTime;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use regex_lite::Regex;
use serde::Serialize;
use serde_json::Value;

mod absorbed;

use super::names::Named;
use super::run::{Problem, Start, Status};
use super::{Failure, Machine, Stack, moments};

/// The characters of a run's name that all of AWS's tools take.
const NAME: &str = "^[0-9A-Za-z_-]{1,80}$";
/// Calls side by side.
const CALLS: usize = 20;

/// A run, as far as a table tells of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    /// As far as the name of the run can hold it, where that tells it.
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
    let client = Client::new(&stack.config);
    let statuses = if which.failed {
        [
            ExecutionStatus::Failed,
            ExecutionStatus::TimedOut,
            ExecutionStatus::Aborted,
        ]
        .map(Some)
        .to_vec()
    } else {
        vec![None]
    };
    let mut listed = Vec::new();
    for status in statuses {
        listed.extend(list(stack, &client, which, status).await?);
    }
    listed.sort_by_key(|item| std::cmp::Reverse(*item.start_date()));
    let absorbed = absorbed::perhaps(&listed);
    let rows = stream::iter(listed.iter().zip(absorbed)).map(|(item, absorbed)| {
        let client = &client;
        async move {
            let named = Named::of(item.name());
            let bad = !matches!(
                item.status(),
                ExecutionStatus::Running | ExecutionStatus::Succeeded
            );
            let told = if bad || absorbed || named.pipeline().is_none() {
                Some(describe(stack, client, item.execution_arn()).await?)
            } else {
                None
            };
            Ok::<_, Failure>(row(item, &named, told.as_ref()))
        }
    });
    let mut rows: Vec<_> = rows.buffered(CALLS).try_collect().await?;
    rows.retain(|row| {
        which.pipeline.is_none_or(|pipeline| {
            row.pipeline == pipeline || Named::of(&row.name).pipeline() == Some(&row.pipeline)
        })
    });
    Ok(rows)
}

async fn list(
    stack: &Stack,
    client: &Client,
    which: &Which<'_>,
    status: Option<ExecutionStatus>,
) -> Result<Vec<ExecutionListItem>, Failure> {
    let machine = stack.home.machine(Machine::Pipeline);
    let mut items = client
        .list_executions()
        .state_machine_arn(&machine)
        .set_status_filter(status)
        .max_results(1_000)
        .into_paginator()
        .items()
        .send();
    let mut found = Vec::new();
    while let Some(item) = items.next().await {
        let item =
            item.map_err(|error| stack.failure("states:ListExecutions", &machine, &error))?;
        // The newest come first.
        if moments::read(item.start_date()) < which.since {
            break;
        }
        if which
            .pipeline
            .is_none_or(|name| Named::of(item.name()).may_be_of(name))
        {
            found.push(item);
        }
    }
    Ok(found)
}

/// The ARN of the run that is meant: by its ARN, its name or the name of its pipeline; the newest of all by nothing.
pub(crate) async fn find(stack: &Stack, run: Option<&str>) -> Result<String, Failure> {
    let client = Client::new(&stack.config);
    let machine = stack.home.machine(Machine::Pipeline);
    if let Some(arn) = run.filter(|run| run.starts_with("arn:")) {
        return Ok(arn.to_owned());
    }
    if let Some(name) = run.filter(|run| Regex::new(NAME).is_ok_and(|name| name.is_match(run))) {
        let arn = stack.home.execution(Machine::Pipeline, name);
        match describe(stack, &client, &arn).await {
            Err(Failure::NoRun(..)) => (),
            described => return described.map(|described| described.execution_arn),
        }
    }
    let mut items = client
        .list_executions()
        .state_machine_arn(&machine)
        .into_paginator()
        .items()
        .send();
    while let Some(item) = items.next().await {
        let item =
            item.map_err(|error| stack.failure("states:ListExecutions", &machine, &error))?;
        let Some(pipeline) = run else {
            return Ok(item.execution_arn);
        };
        let named = Named::of(item.name());
        if !named.may_be_of(pipeline) {
            continue;
        }
        if named.pipeline().is_some() {
            return Ok(item.execution_arn);
        }
        let told = describe(stack, &client, item.execution_arn()).await?;
        if row(&item, &named, Some(&told)).pipeline == pipeline {
            return Ok(item.execution_arn);
        }
    }
    Err(match run {
        Some(run) => stack.no_run(run),
        None => Failure::Impossible(format!(
            "there is no run yet in the {}: start one (crawler-sync run --help)",
            stack.home
        )),
    })
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

fn row(item: &ExecutionListItem, named: &Named, told: Option<&DescribeExecutionOutput>) -> Row {
    let began = moments::read(item.start_date());
    let input = told.and_then(|told| json(told.input())).unwrap_or_default();
    let name = text(&input, "name");
    let pipeline = name
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

fn json(text: Option<&str>) -> Option<Value> {
    serde_json::from_str(text?).ok()
}

fn text(value: &Value, field: &str) -> Option<String> {
    value.get(field).and_then(Value::as_str).map(str::to_owned)
}
