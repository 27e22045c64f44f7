//! The form of a pipeline, and its rules. Field by field, an absent one and one that is `null` are the same.

use std::collections::BTreeMap;

use input::{Mistakes, Node};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::window::{Moment, Window};

/// In characters. The names of executions begin with a pipeline's name.
const LONGEST_NAME: usize = 80;
/// In characters, of jobs and crawlers.
///
/// <https://docs.aws.amazon.com/glue/latest/webapi/API_StartJobRun.html>
const LONGEST_GLUE_NAME: usize = 255;
/// In seconds: two days, as long as Glue itself lets a job run unless told otherwise.
const LONGEST_TIMEOUT: u64 = 172_800;
/// Fields that nothing depends on: an editor's, and the one that links a nested execution to its parent.
const IGNORED: [&str; 2] = ["$schema", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"];

/// Arguments of a job, by name.
pub type Arguments = BTreeMap<String, String>;

/// A pipeline: Glue jobs and crawlers in stages. The input of the pipeline state machine.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields, transform = allow_ignored)]
pub struct Pipeline {
    /// Begins the names of the pipeline's executions; other characters than letters, digits, - and _ become -.
    #[schemars(length(min = 1, max = LONGEST_NAME))]
    pub name: String,
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
    /// Set by the trigger where the objects of a window share a run.
    pub window: Option<Window>,
    /// Set by the trigger where each object has a run of its own.
    pub object: Option<Object>,
}

/// Steps that run side by side.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// For error messages and results.
    #[schemars(length(max = LONGEST_NAME))]
    pub name: Option<String>,
    /// At most 40 at once; one that fails stops the others.
    #[schemars(length(min = 1))]
    pub steps: Vec<Step>,
}

/// A job, a crawler, or a job and then its crawler.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
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
    /// The Glue crawler to run, after the job if there is one.
    #[schemars(length(min = 1, max = LONGEST_GLUE_NAME))]
    pub crawler: Option<String>,
    /// false: start the crawl and go on without waiting for it.
    pub r#await: Option<bool>,
    /// How long all of the step may take, in seconds; unless set, what is left of the run.
    #[schemars(range(min = 1, max = LONGEST_TIMEOUT))]
    pub timeout_seconds: Option<u64>,
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
    json!([
        {"anyOf": [stated("job"), stated("crawler")]},
        {"anyOf": [absent("arguments"), stated("job")]},
        {"anyOf": [absent("await"), stated("crawler")]},
    ])
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
            let stages = fields.required("stages", |node| each(node, Stage::read));
            let timeout_seconds = fields.optional("timeoutSeconds", timeout);
            let arguments = fields.optional("arguments", arguments);
            let start_after = fields.optional("startAfter", Node::moment);
            let window = fields.optional("window", Window::read);
            let object = fields.optional("object", Object::read);
            fields.finish();
            Some(Self {
                name: name?.to_owned(),
                stages: stages?,
                timeout_seconds,
                arguments,
                start_after,
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
            crawler: fields.optional("crawler", glue_name),
            r#await: fields.optional("await", Node::flag),
            timeout_seconds: fields.optional("timeoutSeconds", timeout),
        };
        fields.finish();
        let stated = |field: &str| {
            node.value()
                .get(field)
                .is_some_and(|value| !value.is_null())
        };
        if !stated("job") && !stated("crawler") {
            return node.wrong("needs a job or a crawler");
        }
        for (field, other) in [("arguments", "job"), ("await", "crawler")] {
            if stated(field) && !stated(other) {
                node.wrong::<()>(format!("{field} without a {other}"));
            }
        }
        Some(step)
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
            Some((name.to_owned(), node.text()?.to_owned()))
        })
        .collect();
    read.into_iter().collect()
}
