//! Executions as Step Functions lists them: those that run by when they began, the others by when they ended.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::SdkError;
use aws_sdk_sfn::operation::list_executions::paginator::ListExecutionsPaginator;
use aws_sdk_sfn::operation::list_executions::{ListExecutionsError, ListExecutionsOutput};
use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus};
use indicatif::ProgressBar;
use jiff::Timestamp;

use super::super::{Failure, Machine, Stack, moments};

/// When an execution began.
pub(crate) fn began(item: &ExecutionListItem) -> Timestamp {
    moments::read(item.start_date())
}

/// By what a list is sorted, the latest first. No execution further down began after that.
pub(super) fn place(item: &ExecutionListItem) -> Timestamp {
    let place = item.stop_date().or(item.redrive_date());
    moments::read(place.unwrap_or(item.start_date()))
}

/// The executions of pipelines that began since, in the order of the list; what ends late stands far up in it, however
/// early it began.
pub(crate) async fn since(
    stack: &Stack,
    client: &Client,
    status: Option<ExecutionStatus>,
    since: Timestamp,
    progress: &ProgressBar,
) -> Result<Vec<ExecutionListItem>, Failure> {
    let mut pages = paginator(stack, client, status).send();
    let mut found = Vec::new();
    while let Some(listed) = pages.next().await {
        let listed = listed.map_err(|error| refused(stack, &error))?;
        let is_last = is_past(&listed, since);
        let executions = listed.executions.into_iter();
        found.extend(executions.filter(|item| began(item) >= since));
        if is_last {
            break;
        }
        progress.set_message(format!("looks for runs: {} so far", found.len()));
    }
    Ok(found)
}

/// Whether all that comes after the page began before then.
pub(super) fn is_past(page: &ListExecutionsOutput, then: Timestamp) -> bool {
    (page.executions.last()).is_some_and(|item| place(item) < then)
}

/// A list that was not given.
pub(super) fn refused(stack: &Stack, error: &SdkError<ListExecutionsError>) -> Failure {
    let machine = stack.home.machine(Machine::Pipeline);
    stack.failure("states:ListExecutions", &machine, error)
}

/// Pages as long as they can be: Step Functions serves few lists a second.
pub(super) fn paginator(
    stack: &Stack,
    client: &Client,
    status: Option<ExecutionStatus>,
) -> ListExecutionsPaginator {
    client
        .list_executions()
        .state_machine_arn(stack.home.machine(Machine::Pipeline))
        .set_status_filter(status)
        .max_results(1_000)
        .into_paginator()
}
