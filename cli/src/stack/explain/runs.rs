//! The runs of a pipeline that may have an object.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::ExecutionStatus;
use event::decision::Decision;
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use jiff::Timestamp;
use pipeline::window::Window;
use serde::Serialize;
use serde_json::Value;

use super::days::{date, day};
use super::object::{Url, Written};
use super::wanted::{Doubt, Wanted};
use crate::stack::list::executions;
use crate::stack::{CALLS, Failure, Machine, Stack, list, moments};

/// Executions that are looked into, of those that only their input tells apart.
const MOST: usize = 500;
/// Runs that leave their objects to another run leave them to the newest: a few in a row at most.
const MOST_ABSORBED: usize = 20;

/// A run, as far as it tells whether it has the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) began: Timestamp,
    pub(crate) ended: Option<Timestamp>,
    /// The day that it is for, where neither a window nor an object started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) date: Option<String>,
    #[serde(flatten)]
    pub(crate) standing: Standing,
    /// The runs that have left their objects to it.
    pub(crate) instead_of: Vec<String>,
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub(crate) enum Standing {
    /// Its window is open, or has just closed.
    WaitsForWindow {
        until: Timestamp,
    },
    /// It is in this state, if one tells.
    Runs {
        state: Option<String>,
    },
    Succeeded,
    /// In words where and why.
    Failed {
        why: String,
    },
}

/// The runs that begin to work after the object was written, and may have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The first is the run of the object's window, if there is one; the last has succeeded, if any has.
    pub(crate) runs: Vec<Run>,
    /// One that has succeeded for another day: whether it has the object, only its jobs know.
    pub(crate) other_day: Option<Run>,
    /// Whether there are more that were not looked into.
    pub(crate) has_more: bool,
}

/// What an execution's input and output say.
struct Described {
    run: Run,
    pipeline: Value,
    object: Value,
    absorbed_by: Option<String>,
}

/// Looks for runs of a pipeline that have the object.
pub(crate) struct Search<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) client: &'a Client,
    pub(crate) pipeline: &'a str,
    pub(crate) url: &'a Url,
    pub(crate) written: &'a Written,
    pub(crate) decision: &'a Decision,
}

impl Search<'_> {
    /// All that may have it, up to the first that succeeded.
    pub(crate) async fn run(&self) -> Result<Found, Failure> {
        if let Some(run) = self.likely().await? {
            return Ok(Found {
                runs: vec![run],
                ..Found::default()
            });
        }
        let names = self.candidates().await?;
        let own = names.partition_point(|(doubt, _)| *doubt < Doubt::OtherDay);
        let mut found = Found {
            has_more: own > MOST,
            ..Found::default()
        };
        let day = day(self.decision, self.written).to_string();
        let mut described =
            stream::iter(names.into_iter().take(MOST))
                .map(|(doubt, name)| async move {
                    Ok::<_, Failure>((doubt, self.describe(&name).await?))
                })
                .buffered(CALLS);
        while let Some((doubt, described)) = described.try_next().await? {
            if doubt == Doubt::OtherDay && found.other_day.is_some() {
                break;
            }
            let Some(described) = described.filter(|described| self.has_object(described)) else {
                continue;
            };
            let Some(run) = self.last(described).await? else {
                continue;
            };
            let has_succeeded = run.standing == Standing::Succeeded;
            if run.date.as_ref().is_some_and(|date| *date != day) {
                found.other_day = found.other_day.or(has_succeeded.then_some(run));
                continue;
            }
            found.runs.push(run);
            if has_succeeded {
                found.has_more = false;
                return Ok(found);
            }
        }
        Ok(found)
    }

    /// The run of its window, or of the next one if handling took so long, if it has succeeded. Most often it has: then
    /// a call or two are enough, however many executions there are.
    async fn likely(&self) -> Result<Option<Run>, Failure> {
        let Some(window) = &self.decision.window else {
            return Ok(None);
        };
        let next = Window {
            queue: window.queue.clone(),
            start: window.end,
            end: window.end + (window.end - window.start),
        };
        for window in [window, &next] {
            let Some(described) = self.describe(&window.execution_name()).await? else {
                continue;
            };
            let run = self.last(described).await?;
            return Ok(run.filter(|run| run.standing == Standing::Succeeded));
        }
        Ok(None)
    }

    /// The names of executions that may have the object, the surest and oldest first.
    async fn candidates(&self) -> Result<Vec<(Doubt, String)>, Failure> {
        let window = self.decision.window.as_ref();
        let wanted = Wanted {
            pipeline: self.pipeline,
            queue: window.map(|window| window.queue.as_str()),
            written: self.written.at,
            day: day(self.decision, self.written),
        };
        let progress = ProgressBar::hidden();
        let listed =
            executions::since(self.stack, self.client, None, wanted.since(), &progress).await?;
        let mut found: Vec<_> = (listed.iter())
            .filter_map(|each| {
                Some((
                    wanted.order(&each.name, executions::began(each))?,
                    each.name.clone(),
                ))
            })
            .collect();
        found.sort();
        let names = found.into_iter();
        Ok(names.map(|((doubt, ..), name)| (doubt, name)).collect())
    }

    /// Whether the run is of this pipeline, and not of another object alone.
    fn has_object(&self, described: &Described) -> bool {
        let Described {
            pipeline, object, ..
        } = described;
        let Url { bucket, key } = self.url;
        *pipeline == self.pipeline
            && (object.is_null()
                || object["bucket"] == bucket.as_str() && object["key"] == key.as_str())
    }

    /// The run that has its objects in the end; none if that is forgotten.
    async fn last(&self, mut described: Described) -> Result<Option<Run>, Failure> {
        let mut instead_of = Vec::new();
        while let Some(name) = described.absorbed_by.take() {
            let Some(newer) = self.describe(&name).await? else {
                return Ok(None);
            };
            instead_of.push(described.run.name);
            if instead_of.len() > MOST_ABSORBED {
                return Ok(None);
            }
            described = newer;
        }
        let run = described.run;
        Ok(Some(Run { instead_of, ..run }))
    }

    async fn describe(&self, name: &str) -> Result<Option<Described>, Failure> {
        let arn = self.stack.home.execution(Machine::Pipeline, name);
        let told = match list::describe(self.stack, self.client, &arn).await {
            Err(Failure::NoRun(..)) => return Ok(None),
            told => told?,
        };
        let given = list::json(told.input()).unwrap_or_default();
        let output = list::json(told.output()).unwrap_or_default();
        let standing = self.standing(&told, &given).await?;
        let began = moments::read(&told.start_date);
        Ok(Some(Described {
            pipeline: given["name"].clone(),
            object: given["object"].clone(),
            absorbed_by: output["absorbedBy"].as_str().map(str::to_owned),
            run: Run {
                name: told.name.unwrap_or_default(),
                arn,
                began,
                ended: told.stop_date.as_ref().map(moments::read),
                date: date(name, &given, began),
                standing,
                instead_of: Vec::new(),
            },
        }))
    }

    async fn standing(
        &self,
        told: &DescribeExecutionOutput,
        given: &Value,
    ) -> Result<Standing, Failure> {
        match &told.status {
            ExecutionStatus::Succeeded => Ok(Standing::Succeeded),
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive => {
                let until = given["startAfter"].as_str();
                let until = until.and_then(|text| text.parse::<Timestamp>().ok());
                match until {
                    Some(until) if until > Timestamp::now() => {
                        Ok(Standing::WaitsForWindow { until })
                    }
                    _ => Ok(Standing::Runs {
                        state: self.state(&told.execution_arn).await?,
                    }),
                }
            }
            status => {
                let said = [told.error(), told.cause()].into_iter().flatten();
                let said: Vec<_> = said.collect();
                Ok(Standing::Failed {
                    why: if said.is_empty() {
                        status.to_string()
                    } else {
                        said.join(": ")
                    },
                })
            }
        }
    }

    /// The state that a run has entered last.
    async fn state(&self, arn: &str) -> Result<Option<String>, Failure> {
        let told = (self.client.get_execution_history().execution_arn(arn))
            .reverse_order(true)
            .include_execution_data(false)
            .max_results(50)
            .send()
            .await
            .map_err(|error| Failure::of_call("states:GetExecutionHistory", arn, &error))?;
        let entered = (told.events.into_iter()).find_map(|event| event.state_entered_event_details);
        Ok(entered.map(|entered| entered.name))
    }
}

#[cfg(test)]
mod tests;
