//! Pipelines as they are deployed: the targets of the stack's rules and schedules hold them.

use std::collections::BTreeSet;

use aws_sdk_scheduler::types::ScheduleSummary;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::{Failure, Machine, Stack, rules};

/// Calls side by side.
const CALLS: usize = 10;

/// The pipeline of this name, as its next run by a rule or a schedule gets it.
pub(crate) async fn pipeline(stack: &Stack, name: &str) -> Result<Value, Failure> {
    let mut others = BTreeSet::new();
    for deployed in [of_rules(stack).await?, of_schedules(stack).await?] {
        for pipeline in deployed {
            match pipeline.get("name").and_then(Value::as_str) {
                Some(own) if own == name => return Ok(pipeline),
                own => others.extend(own.map(str::to_owned)),
            }
        }
    }
    let home = &stack.home;
    let others: Vec<_> = others.into_iter().collect();
    let there = if others.is_empty() {
        "none has been deployed".to_owned()
    } else {
        format!("there are {}", others.join(", "))
    };
    let by_file = stack.commands.own(["run", &format!("{name}.json")]);
    Err(Failure::Impossible(format!(
        "no rule and no schedule starts a pipeline {name} on the {home}; {there}. A file can be run, too: {by_file}"
    )))
}

async fn of_rules(stack: &Stack) -> Result<Vec<Value>, Failure> {
    let client = aws_sdk_eventbridge::Client::new(&stack.config);
    let targets = rules::targets_of_trigger(&client, &stack.home).await?;
    let inputs = targets
        .iter()
        .map(|target| rules::transformed(target, &Value::Null));
    Ok(inputs
        .filter_map(|input| Some(input.ok()?.get_mut("pipeline")?.take()))
        .collect())
}

async fn of_schedules(stack: &Stack) -> Result<Vec<Value>, Failure> {
    let client = aws_sdk_scheduler::Client::new(&stack.config);
    let machine = stack.home.alias(Machine::Pipeline);
    let mut listed = client.list_schedules().into_paginator().items().send();
    let mut schedules = Vec::new();
    while let Some(schedule) = listed.next().await {
        let schedule = schedule.map_err(|error| {
            Failure::of_call("scheduler:ListSchedules", "the account's schedules", &error)
        })?;
        let target = schedule.target.as_ref();
        if target.is_some_and(|target| target.arn == machine) {
            schedules.push(schedule);
        }
    }
    let inputs = stream::iter(schedules).map(|schedule| input(&client, schedule));
    let inputs: Vec<_> = inputs.buffered(CALLS).try_collect().await?;
    let read = inputs.into_iter().flatten().filter_map(|input| {
        let mut pipeline: Value = serde_json::from_str(&input).ok()?;
        // The moment is that of a run of the schedule.
        pipeline.as_object_mut()?.remove("scheduledTime");
        Some(pipeline)
    });
    Ok(read.collect())
}

async fn input(
    client: &aws_sdk_scheduler::Client,
    schedule: ScheduleSummary,
) -> Result<Option<String>, Failure> {
    let name = schedule.name.unwrap_or_default();
    let described = client
        .get_schedule()
        .name(&name)
        .set_group_name(schedule.group_name)
        .send()
        .await
        .map_err(|error| Failure::of_call("scheduler:GetSchedule", &name, &error))?;
    Ok(described.target.and_then(|target| target.input))
}
