//! Pipelines as they are deployed: the targets of the stack's rules and schedules hold them.

use std::collections::BTreeSet;

use aws_sdk_scheduler::types::ScheduleSummary;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::{CALLS, Failure, Machine, Stack, rules};

/// A pipeline, and what starts it.
#[derive(Debug)]
struct Deployed {
    by: String,
    pipeline: Value,
}

impl Deployed {
    fn name(&self) -> Option<&str> {
        self.pipeline.get("name")?.as_str()
    }
}

/// The pipeline of this name, as its next run by a rule or a schedule gets it.
pub(crate) async fn pipeline(stack: &Stack, name: &str) -> Result<Value, Failure> {
    let mut deployed = of_rules(stack).await?;
    deployed.extend(of_schedules(stack).await?);
    if let Some(pipeline) = only(&deployed, name)? {
        return Ok(pipeline.clone());
    }
    let others: BTreeSet<_> = deployed.iter().filter_map(Deployed::name).collect();
    let home = &stack.home;
    let there = if others.is_empty() {
        "none has been deployed".to_owned()
    } else {
        format!("there are {}", Vec::from_iter(others).join(", "))
    };
    let by_file = stack.commands.own(["run", &format!("{name}.json")]);
    Err(Failure::Impossible(format!(
        "no rule and no schedule starts a pipeline {name} on the {home}; {there}. A file can be run, too: {by_file}"
    )))
}

/// The one pipeline of this name. Several rules may start it; which of two that differ is meant, nobody can tell.
fn only<'a>(deployed: &'a [Deployed], name: &str) -> Result<Option<&'a Value>, Failure> {
    let mut named = deployed.iter().filter(|each| each.name() == Some(name));
    let Some(first) = named.next() else {
        return Ok(None);
    };
    match named.find(|other| other.pipeline != first.pipeline) {
        None => Ok(Some(&first.pipeline)),
        Some(other) => Err(Failure::Impossible(format!(
            "{} and {} start two pipelines that are both named {name}: rename one, or run its file",
            first.by, other.by
        ))),
    }
}

async fn of_rules(stack: &Stack) -> Result<Vec<Deployed>, Failure> {
    let client = aws_sdk_eventbridge::Client::new(&stack.config);
    let targets = rules::targets_of_trigger(&client, &stack.home).await?;
    let read = targets.iter().filter_map(|(rule, target)| {
        let mut input = rules::transformed(target, &Value::Null).ok()?;
        Some(Deployed {
            by: format!("rule {rule}"),
            pipeline: input.get_mut("pipeline")?.take(),
        })
    });
    Ok(read.collect())
}

async fn of_schedules(stack: &Stack) -> Result<Vec<Deployed>, Failure> {
    let client = aws_sdk_scheduler::Client::new(&stack.config);
    let machine = stack.home.machine(Machine::Pipeline);
    let mut listed = client.list_schedules().into_paginator().items().send();
    let mut schedules = Vec::new();
    while let Some(schedule) = listed.next().await {
        let schedule = schedule.map_err(|error| {
            Failure::of_call("scheduler:ListSchedules", "the account's schedules", &error)
        })?;
        let target = schedule.target.as_ref();
        if target.is_some_and(|target| rules::is_of(&target.arn, &machine)) {
            schedules.push(schedule);
        }
    }
    let inputs = stream::iter(schedules).map(|schedule| input(&client, schedule));
    let inputs: Vec<_> = inputs.buffered(CALLS).try_collect().await?;
    let read = inputs.into_iter().filter_map(|(schedule, input)| {
        let mut pipeline: Value = serde_json::from_str(&input?).ok()?;
        // The moment is that of a run of the schedule.
        pipeline.as_object_mut()?.remove("scheduledTime");
        Some(Deployed {
            by: format!("schedule {schedule}"),
            pipeline,
        })
    });
    Ok(read.collect())
}

/// The name of a schedule, and what it gives its target.
async fn input(
    client: &aws_sdk_scheduler::Client,
    schedule: ScheduleSummary,
) -> Result<(String, Option<String>), Failure> {
    let name = schedule.name.unwrap_or_default();
    let described = client
        .get_schedule()
        .name(&name)
        .set_group_name(schedule.group_name)
        .send()
        .await
        .map_err(|error| Failure::of_call("scheduler:GetSchedule", &name, &error))?;
    Ok((name, described.target.and_then(|target| target.input)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployed(by: &str, name: &str, job: &str) -> Deployed {
        Deployed {
            by: by.to_owned(),
            pipeline: json!({"name": name, "stages": [{"steps": [{"job": job}]}]}),
        }
    }

    /// Two rules may start one pipeline; of two that share a name, the one that is not meant must not run.
    #[test]
    fn a_name_means_one_pipeline() {
        let deployed = [
            deployed("rule a", "orders", "load"),
            deployed("schedule b", "orders", "load"),
            deployed("rule c", "stock", "load"),
            deployed("schedule d", "stock", "count"),
        ];
        let orders = only(&deployed, "orders").expect("it is one");
        assert_eq!(orders, Some(&deployed[0].pipeline));
        assert_eq!(only(&deployed, "other").expect("nothing is unclear"), None);
        let refused = only(&deployed, "stock").expect_err("they are two");
        let said = refused.to_string();
        assert!(
            said.contains("rule c") && said.contains("schedule d"),
            "{said}"
        );
    }
}
