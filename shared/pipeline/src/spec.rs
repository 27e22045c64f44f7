//! The form of a pipeline, and its rules. Field by field, an absent one and one that is `null` are the same.

use std::collections::BTreeMap;

use input::{Mistakes, Node};
use schemars::{JsonSchema, Schema};
use serde_json::{Number, Value, json};
use time::OffsetDateTime;

use crate::notify::Notify;
use crate::text::{Template, Text};
use crate::trigger::{Schedule, Trigger};
use crate::window::{Moment, Window};

/// In characters. The names of executions begin with a pipeline's name.
const LONGEST_NAME: usize = 80;
/// In characters, of jobs and crawlers.
///
/// <https://docs.aws.amazon.com/glue/latest/webapi/API_StartJobRun.html>
const LONGEST_GLUE_NAME: usize = 255;
/// In seconds: two days, as long as Glue itself lets a job run unless told otherwise.
const LONGEST_TIMEOUT: u64 = 172_800;
/// With pauses that grow to an hour, more would only wait for the deadline.
const MOST_RETRIES: u64 = 20;
/// A name, or a name and an alias or version.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
const FUNCTION: &str = "^[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9$_-]{1,128})?$";
/// A name, or a name and an alias or version.
///
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html>
const MACHINE: &str = "^[A-Za-z0-9_-]{1,80}(:[A-Za-z0-9_.-]{1,80})?$";
/// In characters.
///
/// <https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html>
const LONGEST_QUERY: usize = 262_144;
/// In characters.
const LONGEST_DATABASE: usize = 255;
const WORKGROUP: &str = "^[A-Za-z0-9._-]{1,128}$";
/// The kinds of work, each with the fields that are there for it alone.
const WORKS: [(&str, &[&str]); 4] = [
    ("job", &["arguments"]),
    ("function", &["payload"]),
    ("query", &["parameters", "database", "workgroup"]),
    ("machine", &["input"]),
];
/// Fields that nothing depends on: an editor's, and the one that links a nested execution to its parent.
const IGNORED: [&str; 2] = ["$schema", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"];

/// Arguments of a job, by name.
pub type Arguments = BTreeMap<String, Text>;

/// A pipeline: Glue jobs, crawlers and other work in stages. The input of the pipeline state machine.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields, transform = allow_ignored)]
pub struct Pipeline {
    /// Begins the names of the pipeline's executions; other characters than letters, digits, - and _ become -.
    #[schemars(length(min = 1, max = LONGEST_NAME))]
    pub name: String,
    /// The objects that start it; crawler-sync template makes a rule of it.
    pub trigger: Option<Trigger>,
    /// When it starts by the clock; crawler-sync template makes a schedule of it.
    pub schedule: Option<Schedule>,
    /// Who is told how a run ended.
    pub notify: Option<Notify>,
    /// Run in order: a stage starts when every step of the one before has ended well.
    #[schemars(length(min = 1))]
    pub stages: Vec<Stage>,
    /// How long a run may take, in seconds, counted from when its stages begin; 86400 unless set.
    #[schemars(range(min = 1, max = LONGEST_TIMEOUT))]
    pub timeout_seconds: Option<u64>,
    /// Arguments for every job of the run; those of a step win. --date is the day of the run (UTC) unless set.
    #[schemars(extend("propertyNames" = argument_names()))]
    pub arguments: Option<Arguments>,
    /// Nothing runs before this moment. The trigger sets it to a moment after the window's end.
    #[schemars(with = "Option<Moment>")]
    pub start_after: Option<OffsetDateTime>,
    /// Set by the schedule: when the run is due, however late it starts. The day of the run (UTC) is then this one's.
    #[schemars(with = "Option<Moment>")]
    pub scheduled_time: Option<OffsetDateTime>,
    /// Set by the trigger where the objects of a window share a run.
    pub window: Option<Window>,
    /// Set by the trigger where each object has a run of its own.
    pub object: Option<Object>,
}

/// Steps that run side by side.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// For error messages and results.
    #[schemars(length(max = LONGEST_NAME))]
    pub name: Option<String>,
    /// At most 40 at once; one that fails stops the others.
    #[schemars(length(min = 1))]
    pub steps: Vec<Step>,
}

/// One kind of work, a crawler, or work and then its crawler.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields, extend("allOf" = step_rules()))]
pub struct Step {
    /// For error messages and results.
    #[schemars(length(max = LONGEST_NAME))]
    pub name: Option<String>,
    /// The Glue job to run to its end.
    #[schemars(length(min = 1, max = LONGEST_GLUE_NAME))]
    pub job: Option<String>,
    /// The job's arguments, as Glue takes them: {"--layout": "wide"}.
    #[schemars(extend("propertyNames" = argument_names()))]
    pub arguments: Option<Arguments>,
    /// The Lambda function to invoke: its name, or name:alias. An error fails the step.
    #[schemars(regex(pattern = FUNCTION))]
    pub function: Option<String>,
    /// What the function gets; an object of all that is known of the run unless set.
    pub payload: Option<Template>,
    /// The Athena query to run to its end. No values of the run are filled in: those are parameters.
    #[schemars(length(min = 1, max = LONGEST_QUERY))]
    pub query: Option<String>,
    /// What the ? of the query stand for, in their order.
    #[schemars(length(min = 1))]
    pub parameters: Option<Vec<Parameter>>,
    /// The database of the tables that the query names without one.
    #[schemars(length(min = 1, max = LONGEST_DATABASE))]
    pub database: Option<String>,
    /// The workgroup of the query, which says where its result goes; primary unless set.
    #[schemars(regex(pattern = WORKGROUP))]
    pub workgroup: Option<String>,
    /// The STANDARD state machine to run to its end: its name, or name:alias. An EXPRESS one cannot be waited for.
    #[schemars(regex(pattern = MACHINE))]
    pub machine: Option<String>,
    /// The machine's input; an object of all that is known of the run unless set.
    pub input: Option<BTreeMap<String, Template>>,
    /// The Glue crawler to run, after the work if there is any.
    #[schemars(length(min = 1, max = LONGEST_GLUE_NAME))]
    pub crawler: Option<String>,
    /// false: start the crawl and go on without waiting for it.
    pub r#await: Option<bool>,
    /// How many times the work is started again after it failed; 0 unless set.
    #[schemars(range(max = MOST_RETRIES))]
    pub retries: Option<u64>,
    /// How long all of the step may take, in seconds; unless set, what is left of the run.
    #[schemars(range(min = 1, max = LONGEST_TIMEOUT))]
    pub timeout_seconds: Option<u64>,
    /// true: its failure is told, and does not end the run.
    pub optional: Option<bool>,
}

/// What a ? of a query stands for.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum Parameter {
    /// A string.
    Text(Text),
    /// A number.
    Number(Number),
    /// A truth value.
    Flag(bool),
}

/// An object in S3; the trigger sets it.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Object {
    /// The bucket's name.
    #[schemars(length(min = 1))]
    pub bucket: String,
    /// The key, not encoded.
    #[schemars(length(min = 1))]
    pub key: String,
}

/// The JSON Schema of a pipeline (draft 2020-12).
#[must_use]
pub fn schema() -> Schema {
    schemars::schema_for!(Pipeline)
}

fn argument_names() -> Value {
    json!({"pattern": "^--"})
}

fn allow_ignored(schema: &mut Schema) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties
            .extend(IGNORED.map(|name| (name.to_owned(), json!({"type": ["string", "null"]}))));
    }
}

/// Which fields of a step need which other one.
fn step_rules() -> Value {
    let stated =
        |field: &str| json!({"required": [field], "properties": {field: {"type": "string"}}});
    let absent = |field: &str| json!({"properties": {field: {"type": "null"}}});
    let kinds = WORKS.map(|(kind, _)| kind);
    let any_work_or = |other: Value| {
        let mut ways = vec![other];
        ways.extend(kinds.map(stated));
        json!({"anyOf": ways})
    };
    let mut rules = vec![
        any_work_or(stated("crawler")),
        any_work_or(absent("retries")),
        json!({"anyOf": [absent("await"), stated("crawler")]}),
    ];
    for (index, (kind, fields)) in WORKS.iter().enumerate() {
        let needs = |field: &&str| json!({"anyOf": [absent(field), stated(kind)]});
        rules.extend(fields.iter().map(needs));
        let excludes = |other: &&str| json!({"anyOf": [absent(kind), absent(other)]});
        rules.extend(kinds[index + 1..].iter().map(excludes));
    }
    rules.into()
}

impl Pipeline {
    /// Reads a pipeline.
    ///
    /// # Errors
    /// [`Mistakes`], all of them, in the words of a reader: "stage 2 (silver), step 1: job: must be a string".
    pub fn read(value: &Value) -> Result<Self, Mistakes> {
        input::read(value, "the pipeline", |node| {
            let mut fields = node.fields()?;
            for ignored in IGNORED {
                fields.optional(ignored, Node::text);
            }
            let name = fields.required("name", |node| node.text_of(1..=LONGEST_NAME));
            let trigger = fields.optional("trigger", Trigger::read);
            let schedule = fields.optional("schedule", Schedule::read);
            let notify = fields.optional("notify", Notify::read);
            let stages = fields.required("stages", |node| each(node, Stage::read));
            let timeout_seconds = fields.optional("timeoutSeconds", timeout);
            let arguments = fields.optional("arguments", arguments);
            let start_after = fields.optional("startAfter", Node::moment);
            let scheduled_time = fields.optional("scheduledTime", Node::moment);
            let window = fields.optional("window", Window::read);
            let object = fields.optional("object", Object::read);
            fields.finish();
            Some(Self {
                name: name?.to_owned(),
                trigger,
                schedule,
                notify,
                stages: stages?,
                timeout_seconds,
                arguments,
                start_after,
                scheduled_time,
                window,
                object,
            })
        })
    }
}

impl Stage {
    fn read(node: Node<'_>, number: usize) -> Option<Self> {
        let place = place("stage", number, given_name(&node));
        let node = node.at(place.clone(), ": ");
        let mut fields = node.fields()?;
        let name = fields.optional("name", name);
        let steps = fields.required("steps", |node| {
            each(node, |node, number| Step::read(node, &place, number))
        });
        fields.finish();
        Some(Self {
            name,
            steps: steps?,
        })
    }
}

impl Step {
    fn read(node: Node<'_>, stage: &str, number: usize) -> Option<Self> {
        let place = place("step", number, given_name(&node));
        let node = node.at(format!("{stage}, {place}"), ": ");
        let mut fields = node.fields()?;
        let step = Self {
            name: fields.optional("name", name),
            job: fields.optional("job", glue_name),
            arguments: fields.optional("arguments", arguments),
            function: fields.optional("function", |node| {
                let rule = "must be the name of a function, or name:alias";
                node.matching(FUNCTION, rule).map(str::to_owned)
            }),
            payload: fields.optional("payload", Template::read),
            query: fields.optional("query", |node| {
                node.text_of(1..=LONGEST_QUERY).map(str::to_owned)
            }),
            parameters: fields.optional("parameters", |node| {
                each(node, |node, _| Parameter::read(&node))
            }),
            database: fields.optional("database", |node| {
                node.text_of(1..=LONGEST_DATABASE).map(str::to_owned)
            }),
            workgroup: fields.optional("workgroup", |node| {
                node.matching(WORKGROUP, "must be the name of a workgroup")
                    .map(str::to_owned)
            }),
            machine: fields.optional("machine", |node| {
                let rule = "must be the name of a state machine, or name:alias";
                node.matching(MACHINE, rule).map(str::to_owned)
            }),
            input: fields.optional("input", input_of_machine),
            crawler: fields.optional("crawler", glue_name),
            r#await: fields.optional("await", Node::flag),
            retries: fields.optional("retries", |node| node.whole(0..=MOST_RETRIES)),
            timeout_seconds: fields.optional("timeoutSeconds", timeout),
            optional: fields.optional("optional", Node::flag),
        };
        fields.finish();
        check_work(&node);
        Some(step)
    }
}

/// Which fields of a step need which other one, as [`step_rules`] says.
fn check_work(step: &Node<'_>) {
    let stated = |field: &&str| {
        step.value()
            .get(field)
            .is_some_and(|value| !value.is_null())
    };
    let kinds: Vec<_> = WORKS
        .iter()
        .map(|(kind, _)| *kind)
        .filter(|kind| stated(kind))
        .collect();
    if kinds.is_empty() && !stated(&"crawler") {
        step.wrong::<()>("needs a job, a function, a query, a machine or a crawler");
        return;
    }
    match kinds[..] {
        [] if stated(&"retries") => {
            step.wrong("retries without a job, a function, a query or a machine")
        }
        [first, second, ..] => step.wrong::<()>(format!(
            "has a {first} and a {second}: each needs a step of its own"
        )),
        _ => None,
    };
    let others = WORKS
        .iter()
        .flat_map(|(kind, fields)| fields.iter().map(move |field| (field, kind)));
    for (field, kind) in others.chain([(&"await", &"crawler")]) {
        if stated(field) && !stated(kind) {
            step.wrong::<()>(format!("{field} without a {kind}"));
        }
    }
}

impl Parameter {
    fn read(node: &Node<'_>) -> Option<Self> {
        match node.value() {
            Value::String(_) => Text::read(node).map(Self::Text),
            Value::Number(number) => Some(Self::Number(number.clone())),
            Value::Bool(flag) => Some(Self::Flag(*flag)),
            _ => node.wrong("must be a string, a number, true or false"),
        }
    }
}

impl Object {
    fn read(node: &Node<'_>) -> Option<Self> {
        let mut fields = node.fields()?;
        let bucket = fields.required("bucket", Node::filled);
        let key = fields.required("key", Node::filled);
        fields.finish();
        Some(Self {
            bucket: bucket?.to_owned(),
            key: key?.to_owned(),
        })
    }
}

/// Where a stage or a step is, in words.
pub(crate) fn place(kind: &str, number: usize, name: Option<&str>) -> String {
    match name {
        Some(name) if !name.is_empty() => format!("{kind} {number} ({name})"),
        _ => format!("{kind} {number}"),
    }
}

/// The name, whether or not the rest can be read.
fn given_name<'a>(node: &Node<'a>) -> Option<&'a str> {
    node.value().get("name")?.as_str()
}

/// The items of an array that is not empty, each read with its number.
fn each<'a, T>(node: &Node<'a>, reader: impl Fn(Node<'a>, usize) -> Option<T>) -> Option<Vec<T>> {
    let read: Vec<_> = node
        .items()?
        .zip(1..)
        .map(|(item, number)| reader(item, number))
        .collect();
    if read.is_empty() {
        return node.wrong("must not be empty");
    }
    read.into_iter().collect()
}

fn name(node: &Node<'_>) -> Option<String> {
    node.text_of(0..=LONGEST_NAME).map(str::to_owned)
}

fn glue_name(node: &Node<'_>) -> Option<String> {
    node.text_of(1..=LONGEST_GLUE_NAME).map(str::to_owned)
}

fn timeout(node: &Node<'_>) -> Option<u64> {
    node.whole(1..=LONGEST_TIMEOUT)
}

fn arguments(node: &Node<'_>) -> Option<Arguments> {
    let read: Vec<_> = node
        .fields()?
        .others()
        .map(|(name, node)| {
            if !name.starts_with("--") {
                return node.wrong("the name of an argument must begin with --");
            }
            Some((name.to_owned(), Text::read(&node)?))
        })
        .collect();
    read.into_iter().collect()
}

fn input_of_machine(node: &Node<'_>) -> Option<BTreeMap<String, Template>> {
    match Template::read(node)? {
        Template::Object(fields) => Some(fields),
        _ => node.wrong("must be an object"),
    }
}
