//! What a run of a pipeline does, with nothing left to decide.

use input::{Mistake, Mistakes};
use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, UtcOffset};

use crate::spec::{self, Arguments, Pipeline};
use crate::window::Window;

/// In seconds: a day.
const DEFAULT_TIMEOUT: u64 = 86_400;
/// In bytes. What a state assigns may have 262,144; the rest is left for what comes with the answer.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html>
const LONGEST_PLAN: usize = 240_000;

/// The execution that runs a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Its name.
    pub name: String,
    /// When it began.
    pub start_time: OffsetDateTime,
}

/// All that the state machine has to know: no field is missing, and no default left to fill in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The pipeline's name.
    pub name: String,
    /// Nothing runs before this moment.
    #[serde(with = "time::serde::rfc3339::option")]
    pub start_after: Option<OffsetDateTime>,
    /// How long the stages may take, in seconds.
    pub timeout_seconds: u64,
    /// The window that the execution serves: one run of its queue at a time. None where it waits for nobody.
    pub window: Option<Window>,
    /// Run in order.
    pub stages: Vec<Stage>,
}

/// Steps that run side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// For the output.
    pub name: Option<String>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// Work, and then the crawler that follows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Where the step is, in words: "stage 2 (silver), step 1".
    pub place: String,
    /// What is done first.
    #[serde(flatten)]
    pub work: Work,
    /// The crawler to run then.
    pub crawler: Option<String>,
    /// Whether the step ends when the crawl does.
    pub r#await: bool,
    /// How long all of the step may take, in seconds; else what is left of the run.
    pub timeout_seconds: Option<u64>,
}

/// The work of a step. `work` tells its kind, and with it which fields are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "work", rename_all = "lowercase")]
pub enum Work {
    /// Nothing: the step is its crawler.
    None,
    /// A Glue job.
    Job {
        /// Its name.
        job: String,
        /// All of its arguments.
        arguments: Arguments,
    },
}

/// Plans the run of a pipeline by an execution.
///
/// # Errors
/// [`Mistakes`] if the plan would not fit into the state machine.
pub fn plan(pipeline: Pipeline, execution: &Execution) -> Result<Plan, Mistakes> {
    let arguments = run_arguments(&pipeline, execution);
    let plan = Plan {
        name: pipeline.name,
        start_after: pipeline.start_after,
        timeout_seconds: pipeline.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT),
        // Whoever starts the same input by hand, under another name, waits for nobody.
        window: pipeline
            .window
            .filter(|window| window.execution_name() == execution.name),
        stages: pipeline
            .stages
            .into_iter()
            .zip(1..)
            .map(|(stage, number)| planned_stage(stage, number, &arguments))
            .collect(),
    };
    let length = serde_json::to_string(&plan).map_or(usize::MAX, |text| text.len());
    if length > LONGEST_PLAN {
        let rule = format!(
            "its plan has {length} bytes, with each step's arguments; at most {LONGEST_PLAN} fit"
        );
        return Err(Mistake::new("the pipeline", rule).into());
    }
    Ok(plan)
}

/// What every job of the run is told: the run's own arguments over what the trigger knows, over `--date`.
fn run_arguments(pipeline: &Pipeline, execution: &Execution) -> Arguments {
    let mut known = Arguments::new();
    let mut tell = |name: &str, value| known.insert(name.to_owned(), value);
    let mut day = execution.start_time;
    if let Some(window) = &pipeline.window {
        day = window.start;
        tell("--window_start", rfc3339(window.start));
        tell("--window_end", rfc3339(window.end));
    } else if let Some(object) = &pipeline.object {
        day = pipeline.start_after.unwrap_or(day);
        tell("--trigger_bucket", object.bucket.clone());
        tell("--trigger_key", object.key.clone());
    }
    tell("--date", utc_date(day).to_string());
    merged(&known, pipeline.arguments.clone())
}

/// The second over the first.
fn merged(base: &Arguments, over: Option<Arguments>) -> Arguments {
    let mut all = base.clone();
    all.extend(over.unwrap_or_default());
    all
}

fn planned_stage(stage: spec::Stage, number: usize, arguments: &Arguments) -> Stage {
    let place = spec::place("stage", number, stage.name.as_deref());
    Stage {
        steps: stage
            .steps
            .into_iter()
            .zip(1..)
            .map(|(step, number)| Step {
                place: format!(
                    "{place}, {}",
                    spec::place("step", number, step.name.as_deref())
                ),
                work: match step.job {
                    None => Work::None,
                    Some(job) => Work::Job {
                        job,
                        arguments: merged(arguments, step.arguments),
                    },
                },
                crawler: step.crawler,
                r#await: step.r#await.unwrap_or(true),
                timeout_seconds: step.timeout_seconds,
            })
            .collect(),
        name: stage.name,
    }
}

/// The day in UTC; where the calendar ends before that, the moment's own.
fn utc_date(moment: OffsetDateTime) -> Date {
    moment
        .checked_to_offset(UtcOffset::UTC)
        .unwrap_or(moment)
        .date()
}

/// A moment that was read as RFC 3339 can be written as such.
fn rfc3339(moment: OffsetDateTime) -> String {
    moment
        .format(&Rfc3339)
        .unwrap_or_else(|_| moment.to_string())
}
