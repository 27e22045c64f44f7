//! The run that somebody means.

use std::sync::LazyLock;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::ExecutionListItem;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use regex_lite::Regex;

use super::super::names::Named;
use super::super::progress::spinner;
use super::super::{CALLS, Failure, Machine, Stack};
use super::{describe, executions, row};

/// The characters of a run's name that all of AWS's tools take.
static NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^[0-9A-Za-z_-]{1,80}$").expect("it is a pattern"));

/// The ARN of the run that is meant: by its ARN, its name or the name of its pipeline; the newest of all by nothing.
pub(crate) async fn find(stack: &Stack, run: Option<&str>) -> Result<String, Failure> {
    let client = stack.states();
    if let Some(arn) = run.filter(|run| run.starts_with("arn:")) {
        return Ok(arn.to_owned());
    }
    if let Some(name) = run.filter(|run| NAME.is_match(run)) {
        let arn = stack.home.execution(Machine::Pipeline, name);
        match describe(stack, &client, &arn).await {
            Err(Failure::NoRun(..)) => (),
            described => return described.map(|described| described.execution_arn),
        }
    }
    let progress = spinner("looks for the run");
    let newest = newest(stack, &client, run).await;
    progress.finish_and_clear();
    newest?.ok_or_else(|| match run {
        Some(run) => stack.no_run(run),
        None => Failure::Impossible(format!(
            "there is no run yet in the {}: start one (crawler-sync run --help)",
            stack.home
        )),
    })
}

/// The run that began last, of this pipeline or of all.
pub(super) async fn newest(
    stack: &Stack,
    client: &Client,
    pipeline: Option<&str>,
) -> Result<Option<String>, Failure> {
    let mut newest: Option<(Timestamp, String)> = None;
    let mut pages = executions::paginator(stack, client, None).send();
    while let Some(listed) = pages.next().await {
        let mut listed = listed.map_err(|error| executions::refused(stack, &error))?;
        let found = newest.as_ref().map(|(began, _)| *began);
        let last = listed.executions.last().map(executions::place);
        let executions = &mut listed.executions;
        executions.retain(|item| found.is_none_or(|found| executions::began(item) > found));
        executions.sort_by_key(|item| std::cmp::Reverse(executions::began(item)));
        let meant = stream::iter(executions.iter())
            .map(|item| async move {
                let is_meant = is_of(stack, client, item, pipeline).await?;
                Ok::<_, Failure>(is_meant.then_some(item))
            })
            .buffered(CALLS)
            .try_filter_map(async |item| Ok(item));
        if let Some(item) = std::pin::pin!(meant).try_next().await? {
            newest = Some((executions::began(item), item.execution_arn().to_owned()));
        }
        // What follows in the list began before that.
        let found = newest.as_ref().map(|(began, _)| *began);
        if found.is_some() && last <= found {
            break;
        }
    }
    Ok(newest.map(|(_, arn)| arn))
}

/// Whether the run is one of the pipeline, if one is asked for; the name of the run may not tell.
async fn is_of(
    stack: &Stack,
    client: &Client,
    item: &ExecutionListItem,
    pipeline: Option<&str>,
) -> Result<bool, Failure> {
    let named = Named::of(item.name());
    match pipeline {
        None => Ok(true),
        Some(pipeline) if !named.may_be_of(pipeline) => Ok(false),
        Some(_) if named.whole().is_some() => Ok(true),
        Some(pipeline) => {
            let told = describe(stack, client, item.execution_arn()).await?;
            Ok(row(item, &named, Some(&told)).pipeline == pipeline)
        }
    }
}
