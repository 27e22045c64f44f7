//! `crawler-sync template`: the CloudFormation template that starts pipelines.

use std::fs;
use std::path::PathBuf;

use askama::Template;
use pipeline::trigger::BUCKET;
use serde_json::json;

use crate::output::{Outcome, say};
use crate::stack::Failure;

use super::resources::{input_template, logical_id, printable, schedule_input};
use super::{File, read};

/// In bytes.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const LONGEST_TEMPLATE: usize = 1_048_576;
/// What a trigger without a bucket leaves to the deployment.
const ANY_BUCKET: &str = "!Ref SourceBucketName";

/// Write the CloudFormation template of pipelines: a rule for each trigger, a schedule for each schedule.
///
/// The pipelines are checked first. Ends with 1 if there is a mistake in one, and writes nothing.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: crawler-sync template pipelines/ --output pipelines/template.yaml"
)]
pub(crate) struct Arguments {
    /// Pipeline files, and folders of them.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    paths: Vec<PathBuf>,
    /// The stack that runs the pipelines, unless a deployment says otherwise.
    #[arg(
        long,
        value_name = "NAME",
        env = "CRAWLER_SYNC_STACK",
        default_value = "crawler-sync"
    )]
    stack: String,
    /// Where to write it; to the standard output unless said.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes the template, or what is wrong.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let (files, found) = read(&arguments.paths);
    if !found.is_empty() {
        for each in found {
            eprintln!("{each}");
        }
        return Ok(Outcome::Failed);
    }
    let text = rendered(&files, &arguments.stack)
        .map_err(|error| Failure::Unexpected(format!("the template cannot be made: {error}")))?;
    if text.len() > LONGEST_TEMPLATE {
        return Err(Failure::Impossible(format!(
            "the template has {} bytes, and one may have {LONGEST_TEMPLATE}: spread the pipelines over stacks",
            text.len()
        )));
    }
    match &arguments.output {
        None => say(&text)?,
        Some(output) => fs::write(output, text).map_err(|error| {
            Failure::Impossible(format!("{}: cannot be written: {error}", output.display()))
        })?,
    }
    Ok(Outcome::Fine)
}

fn rendered(files: &[File], stack: &str) -> askama::Result<String> {
    let mut pipelines: Vec<_> = files.iter().filter_map(Part::of).collect();
    pipelines.sort_by(|one, other| one.id.cmp(&other.id));
    let text = Stack {
        machinery: quoted(stack),
        bucket_pattern: quoted(BUCKET),
        asks_for_bucket: (pipelines.iter())
            .filter_map(|part| part.rule.as_ref())
            .any(|rule| rule.bucket == ANY_BUCKET),
        pipelines,
    }
    .render()?;
    Ok(text + "\n")
}

/// The whole template.
#[derive(Template)]
#[template(path = "pipelines.yaml", escape = "none")]
struct Stack {
    /// The stack that runs the pipelines.
    machinery: String,
    /// What a bucket's name looks like.
    bucket_pattern: String,
    /// Whether a trigger leaves its bucket to the deployment.
    asks_for_bucket: bool,
    pipelines: Vec<Part>,
}

/// What starts a pipeline. Texts of the pipeline are JSON already, which is YAML.
struct Part {
    id: String,
    file: String,
    /// What it is, for the console.
    description: String,
    rule: Option<Rule>,
    schedule: Option<Clock>,
}

struct Rule {
    bucket: String,
    prefix: String,
    input_template: String,
}

struct Clock {
    expression: String,
    timezone: Option<String>,
    input: String,
}

impl Part {
    /// Of a file that something starts.
    fn of(file: &File) -> Option<Self> {
        let pipeline = &file.pipeline;
        let rule =
            pipeline
                .trigger
                .as_ref()
                .zip(input_template(file))
                .map(|(trigger, template)| Rule {
                    bucket: trigger
                        .bucket
                        .as_deref()
                        .map_or_else(|| ANY_BUCKET.to_owned(), quoted),
                    prefix: quoted(&trigger.prefix),
                    input_template: indented(&template, 14),
                });
        let schedule = pipeline.schedule.as_ref().map(|schedule| Clock {
            expression: quoted(&schedule.expression),
            timezone: schedule.timezone.as_deref().map(quoted),
            input: indented(&schedule_input(file), 10),
        });
        (rule.is_some() || schedule.is_some()).then(|| Self {
            id: logical_id(&pipeline.name),
            file: quoted(&file.name()).trim_matches('"').to_owned(),
            description: quoted(&format!(
                "Starts the pipeline {} ({})",
                pipeline.name,
                file.name()
            )),
            rule,
            schedule,
        })
    }
}

fn quoted(text: &str) -> String {
    printable(&json!(text).to_string())
}

/// A text in a block of YAML.
fn indented(text: &str, columns: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(columns)))
}
