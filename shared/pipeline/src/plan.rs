//! What a run of a pipeline does, with nothing left to decide.

use std::collections::BTreeMap;

use input::{Mistake, Mistakes};
use serde::Serialize;
use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;
use time::{Date, Duration, OffsetDateTime, UtcOffset};

use crate::notify::{Home, Notify};
use crate::spec::{self, Parameter, Pipeline};
use crate::text::{Fact, Facts, Place, Runs, Template, Text};
use crate::window::Window;
use crate::work::{QueryContext, QueryRequest, Request, Task};

/// In seconds: a day.
const DEFAULT_TIMEOUT: u64 = 86_400;
/// The workgroup that every account has.
const DEFAULT_WORKGROUP: &str = "primary";
/// In bytes. What a state assigns may have 262,144; the rest is left for what comes with the answer.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html>
const LONGEST_PLAN: usize = 240_000;
/// In characters, of a query's parameter.
///
/// <https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html>
const LONGEST_PARAMETER: usize = 1_024;
/// In seconds, what the state machine's own timeout leaves before the stages: two days.
const LONGEST_WAIT: i64 = 172_800;
/// The output of a run has 256 KiB, which hold about so many steps with job and crawl.
const MOST_STEPS: usize = 300;
/// An attempt has 16 events of the 25,000 of an execution, and as many steps as fit have 22 each without any.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
const MOST_RETRIES: u64 = 800;
/// In seconds, between two attempts at a start by any of a stage's steps. Two days of them leave half of a history.
const PAUSE: usize = 180;
/// How many steps of a stage run at once: as many as Step Functions runs of a Map.
const AT_ONCE: usize = 40;

/// The execution that runs a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Its name.
    pub name: String,
    /// When it began.
    pub start_time: OffsetDateTime,
    /// Where it runs, if that is known: none before anything is deployed.
    pub home: Option<Home>,
}

/// All that the state machine has to know: no field is missing, and no default left to fill in.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    /// Who is told how the run ended.
    pub notify: Notify,
    /// Run in order.
    pub stages: Vec<Stage>,
}

/// Steps that run side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// For the output.
    pub name: Option<String>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// Work, and then the crawl that follows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Where the step is, in words: "stage 2 (silver), step 1".
    pub place: String,
    /// What is started first; none where the step is its crawl.
    pub work: Option<Task>,
    /// What the work is started with.
    #[serde(flatten)]
    pub request: Option<Request>,
    /// How many times the work is started again after it failed.
    pub retries: u64,
    /// In seconds, between two attempts at a start that is throttled.
    pub longest_pause: usize,
    /// What is started then.
    pub crawl: Option<Task>,
    /// Its crawler.
    pub crawler: Option<String>,
    /// Whether the step ends when the crawl does.
    pub r#await: bool,
    /// How long all of the step may take, in seconds; else what is left of the run.
    pub timeout_seconds: Option<u64>,
    /// Whether the run goes on when the step has failed.
    pub optional: bool,
}

/// Plans the run of a pipeline by an execution.
///
/// # Errors
/// [`Mistakes`] where a text asks for what the run does not have, or if the run would not fit into an execution.
pub fn plan(pipeline: Pipeline, execution: &Execution) -> Result<Plan, Mistakes> {
    let mut filler = Filler {
        facts: facts(&pipeline, execution),
        mistakes: Vec::new(),
    };
    let mut arguments = told_to_jobs(&filler.facts);
    arguments.extend(filler.arguments(&Place::default(), pipeline.arguments));
    filler.fits(&pipeline.stages, pipeline.start_after, execution.start_time);
    let stages = (pipeline.stages.into_iter().enumerate())
        .map(|(index, stage)| filler.stage(stage, index, &arguments))
        .collect();
    let notify = pipeline.notify.unwrap_or_default();
    if let Some(home) = &execution.home {
        filler.mistakes.extend(notify.out_of_reach(home));
    }
    if let Some(mistakes) = Mistakes::of(filler.mistakes) {
        return Err(mistakes);
    }
    let plan = Plan {
        name: pipeline.name,
        start_after: pipeline.start_after,
        timeout_seconds: pipeline.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT),
        // The same input, started by hand under another name, waits for nobody.
        window: pipeline
            .window
            .filter(|window| window.execution_name() == execution.name),
        notify,
        stages,
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

/// What is known of a run.
fn facts(pipeline: &Pipeline, execution: &Execution) -> Facts {
    let mut facts = Facts::new();
    let mut day = execution.start_time;
    if let Some(window) = &pipeline.window {
        day = window.start;
        facts.insert(Fact::WindowStart, rfc3339(window.start));
        facts.insert(Fact::WindowEnd, rfc3339(window.end));
    } else if let Some(object) = &pipeline.object {
        day = pipeline.start_after.unwrap_or(day);
        let file = object.key.rsplit('/').next().unwrap_or_default();
        facts.insert(Fact::File, file.to_owned());
        facts.insert(Fact::Bucket, object.bucket.clone());
        facts.insert(Fact::Key, object.key.clone());
    } else if let Some(due) = pipeline.scheduled_time {
        day = due;
    }
    // A person who runs a day again says so in one place, and means every text.
    let said = (pipeline.arguments.as_ref())
        .and_then(|arguments| arguments.get("--date")?.filled(&Facts::new()).ok());
    facts.insert(
        Fact::Date,
        said.unwrap_or_else(|| utc_date(day).to_string()),
    );
    facts.insert(Fact::Pipeline, pipeline.name.clone());
    facts.insert(Fact::Execution, execution.name.clone());
    facts
}

/// The arguments that every job gets.
fn told_to_jobs(facts: &Facts) -> BTreeMap<String, String> {
    [
        ("--date", Fact::Date),
        ("--window_start", Fact::WindowStart),
        ("--window_end", Fact::WindowEnd),
        ("--trigger_bucket", Fact::Bucket),
        ("--trigger_key", Fact::Key),
    ]
    .into_iter()
    .filter_map(|(name, fact)| Some((name.to_owned(), facts.get(&fact)?.clone())))
    .collect()
}

/// Fills the facts of a run into texts, and notes where one asks for what the run does not have.
struct Filler {
    facts: Facts,
    mistakes: Vec<Mistake>,
}

impl Filler {
    fn fill(&mut self, place: &Place, text: &Text) -> String {
        let unknown = match text.filled(&self.facts) {
            Ok(text) => return text,
            Err(unknown) => unknown,
        };
        for fact in unknown {
            let who = fact.only_in().map_or("no run has it", Runs::rule);
            self.wrong(place, format!("asks for {{{}}}: {who}", fact.name()));
        }
        String::new()
    }

    fn wrong(&mut self, place: &Place, rule: String) {
        self.mistakes.push(Mistake {
            place: place.words.clone(),
            pointer: place.pointer.clone(),
            rule,
        });
    }

    /// Notes what an execution cannot hold.
    fn fits(
        &mut self,
        stages: &[spec::Stage],
        start_after: Option<OffsetDateTime>,
        start_time: OffsetDateTime,
    ) {
        let latest = start_time.saturating_add(Duration::seconds(LONGEST_WAIT));
        if start_after.is_some_and(|moment| moment > latest) {
            let rule = "must be at most two days after the start of the run".to_owned();
            self.wrong(&Place::default().field("startAfter"), rule);
        }
        let steps = || stages.iter().flat_map(|stage| &stage.steps);
        let (count, retries) = (
            steps().count(),
            steps().filter_map(|step| step.retries).sum::<u64>(),
        );
        let place = Place::default().field("stages");
        if count > MOST_STEPS {
            let rule = format!(
                "at most {MOST_STEPS} steps fit into the output of a run, and these are {count}"
            );
            self.wrong(&place, rule);
        }
        if retries > MOST_RETRIES {
            let rule = format!(
                "at most {MOST_RETRIES} retries fit into the history of a run, and these are {retries}"
            );
            self.wrong(&place, rule);
        }
    }

    /// The arguments of a job.
    fn arguments(
        &mut self,
        scope: &Place,
        arguments: Option<spec::Arguments>,
    ) -> BTreeMap<String, String> {
        let place = scope.field("arguments");
        (arguments.unwrap_or_default().into_iter())
            .map(|(name, text)| {
                let filled = self.fill(&place.field(&name), &text);
                (name, filled)
            })
            .collect()
    }

    fn stage(
        &mut self,
        stage: spec::Stage,
        index: usize,
        arguments: &BTreeMap<String, String>,
    ) -> Stage {
        let place = spec::place("stage", index + 1, stage.name.as_deref());
        let longest_pause = PAUSE * stage.steps.len().min(AT_ONCE);
        let steps = (stage.steps.into_iter().enumerate())
            .map(|(number, step)| {
                let step_place = spec::place("step", number + 1, step.name.as_deref());
                let place = Place {
                    words: format!("{place}, {step_place}"),
                    pointer: format!("/stages/{index}/steps/{number}"),
                    separator: ": ",
                };
                self.step(step, &place, arguments, longest_pause)
            })
            .collect();
        Stage {
            name: stage.name,
            steps,
        }
    }

    fn step(
        &mut self,
        mut step: spec::Step,
        place: &Place,
        arguments: &BTreeMap<String, String>,
        longest_pause: usize,
    ) -> Step {
        let request = self.request(&mut step, place, arguments);
        Step {
            place: place.words.clone(),
            work: request.as_ref().map(Request::task),
            request,
            retries: step.retries.unwrap_or(0),
            longest_pause,
            crawl: step.crawler.as_deref().map(Task::crawl),
            crawler: step.crawler,
            r#await: step.r#await.unwrap_or(true),
            timeout_seconds: step.timeout_seconds,
            optional: step.optional.unwrap_or(false),
        }
    }

    fn request(
        &mut self,
        step: &mut spec::Step,
        place: &Place,
        arguments: &BTreeMap<String, String>,
    ) -> Option<Request> {
        if let Some(job) = step.job.take() {
            let mut arguments = arguments.clone();
            arguments.extend(self.arguments(place, step.arguments.take()));
            Some(Request::Job { job, arguments })
        } else if let Some(function) = step.function.take() {
            let payload = match step.payload.take() {
                None => self.all().into(),
                Some(payload) => self.json(&place.field("payload"), &payload),
            };
            Some(Request::Function { function, payload })
        } else if let Some(machine) = step.machine.take() {
            let place = place.field("input");
            let input = match step.input.take() {
                None => self.all(),
                Some(input) => (input.into_iter())
                    .map(|(name, field)| {
                        let filled = self.json(&place.field(&name), &field);
                        (name, filled)
                    })
                    .collect(),
            };
            Some(Request::Machine { machine, input })
        } else if let Some(query) = step.query.take() {
            let place = place.field("parameters");
            let parameters = step.parameters.take().map(|parameters| {
                (parameters.iter().enumerate())
                    .map(|(index, parameter)| self.sql(&place.item(index), parameter))
                    .collect()
            });
            let workgroup = step.workgroup.take();
            let request = QueryRequest {
                query_string: query,
                work_group: workgroup.unwrap_or_else(|| DEFAULT_WORKGROUP.to_owned()),
                query_execution_context: (step.database.take())
                    .map(|database| QueryContext { database }),
                execution_parameters: parameters,
            };
            Some(Request::Query { request })
        } else {
            None
        }
    }

    fn json(&mut self, place: &Place, template: &Template) -> Value {
        template.filled(place, &mut |place, text| self.fill(place, text))
    }

    /// A parameter as Athena reads it: as SQL, in which the uploader of a key could otherwise write anything.
    fn sql(&mut self, place: &Place, parameter: &Parameter) -> String {
        let sql = match parameter {
            Parameter::Text(text) => format!("'{}'", self.fill(place, text).replace('\'', "''")),
            Parameter::Number(number) => number.to_string(),
            Parameter::Flag(flag) => flag.to_string(),
        };
        if sql.chars().count() > LONGEST_PARAMETER {
            self.wrong(
                place,
                format!("has more than {LONGEST_PARAMETER} characters"),
            );
        }
        sql
    }

    /// All that is known of the run, by the names that texts use.
    fn all(&self) -> Map<String, Value> {
        (self.facts.iter())
            .map(|(fact, value)| (fact.name().to_owned(), value.as_str().into()))
            .collect()
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
