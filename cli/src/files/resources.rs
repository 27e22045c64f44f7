//! The resources that a stack of pipelines has, and the limits of AWS that they must keep.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{File, Finding};

/// In characters, of a rule's input template.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html>
const LONGEST_INPUT_TEMPLATE: usize = 8_192;
/// In bytes, of a schedule's input.
///
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html>
const LONGEST_INPUT: usize = 262_144;
/// In bytes, of a rule's pattern, unless the account's quota was raised.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const LONGEST_PATTERN: usize = 2_048;
/// In bytes: what the pattern in `templates/pipelines.yaml` has beside its buckets and prefixes, and some room.
const PATTERN_FRAME: usize = 512;
/// In bytes.
const LONGEST_BUCKET: usize = 63;
/// Of a template.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const MOST_RESOURCES: usize = 500;
/// Fields that whatever starts a run sets. In a file they would tell every run of one and the same day or object.
pub(super) const OF_ONE_RUN: [&str; 5] = [
    "startAfter",
    "scheduledTime",
    "window",
    "object",
    "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID",
];

/// What names the resources of a pipeline: its letters and digits, each word with a capital.
pub(crate) fn logical_id(name: &str) -> String {
    name.split(|character: char| !character.is_ascii_alphanumeric())
        .flat_map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            [first.to_uppercase(), rest.to_owned()]
        })
        .collect()
}

/// A pipeline as its runs get it: the machine takes no notice of what started them.
pub(crate) fn input(file: &File) -> Value {
    let mut fields = file.value.as_object().cloned().unwrap_or_default();
    fields.retain(|name, value| {
        !["$schema", "trigger", "schedule"].contains(&name.as_str())
            && !OF_ONE_RUN.contains(&name.as_str())
            && !value.is_null()
    });
    fields.into()
}

/// What the rule of a trigger hands to the trigger machine, if the file has one.
pub(crate) fn input_template(file: &File) -> Option<String> {
    let trigger = file.pipeline.trigger.as_ref()?;
    let mut fields = Map::from_iter([("pipeline".to_owned(), input(file))]);
    if let Some(seconds) = trigger.coalesce_seconds {
        fields.insert("coalesceSeconds".to_owned(), seconds.into());
    }
    let selection = json!(trigger.selection);
    if selection
        .as_object()
        .is_some_and(|selection| !selection.is_empty())
    {
        fields.insert("filter".to_owned(), selection);
    }
    let event = r#""event": <aws.events.event.json>"#;
    Some(fitting(event, &fields.into(), LONGEST_INPUT_TEMPLATE))
}

/// What a schedule hands to the pipeline machine: the pipeline, and when its run was due.
pub(crate) fn schedule_input(file: &File) -> String {
    let due = r#""scheduledTime": "<aws.scheduler.scheduled-time>""#;
    fitting(due, &input(file), LONGEST_INPUT)
}

/// An object of a field that AWS fills in, and of other fields; readable where there is room, else dense.
fn fitting(filled_in: &str, others: &Value, bytes: usize) -> String {
    let [readable, dense] = [format!("{others:#}"), others.to_string()].map(|others| {
        let others = printable(&others);
        format!("{{\n  {filled_in},{}", others.trim_start_matches('{'))
    });
    if readable.len() <= bytes {
        readable
    } else {
        dense
    }
}

/// JSON that says the same: EventBridge reads `<` and `>` as a variable, and has no way to escape them; CloudFormation
/// reads `{{` as a reference to a secret; YAML takes some characters for the end of a line.
pub(crate) fn printable(json: &str) -> String {
    let escape = |character: char| match character {
        '\n' => character.to_string(),
        '<' | '>' | '\u{2028}' | '\u{2029}' | '\u{feff}' => escaped(character),
        _ if character.is_control() => escaped(character),
        _ => character.to_string(),
    };
    // Two in a row stand in strings alone.
    let braces = format!("{{{}", escaped('{'));
    json.chars()
        .map(escape)
        .collect::<String>()
        .replace("{{", &braces)
}

fn escaped(character: char) -> String {
    format!("\\u{:04x}", u32::from(character))
}

/// Names that clash, and what is too long for AWS.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut names = BTreeMap::new();
    let mut ids = BTreeMap::new();
    let mut resources = 0;
    for file in files {
        let name = &file.pipeline.name;
        if let Some(other) = names.insert(name, file) {
            let rule = format!(
                "is the name of the pipeline in {} too",
                other.path.display()
            );
            found.push(file.wrong("/name", rule));
            continue;
        }
        let starts = usize::from(file.pipeline.trigger.is_some())
            + usize::from(file.pipeline.schedule.is_some());
        if starts == 0 {
            continue;
        }
        resources += starts;
        let id = logical_id(name);
        if id.is_empty() {
            found.push(file.wrong(
                "/name",
                "needs a letter or digit of ASCII, for the names of its rule and schedule",
            ));
        } else if let Some(other) = ids.insert(id, file) {
            let rule = format!(
                "is too much like the name in {}: their rules would have one name",
                other.path.display()
            );
            found.push(file.wrong("/name", rule));
        }
        found.extend(too_long(file));
    }
    if let Some(last) = files.last().filter(|_| resources > MOST_RESOURCES) {
        let rule = format!(
            "is one of pipelines with {resources} rules and schedules together: a stack has at most {MOST_RESOURCES}"
        );
        found.push(last.wrong("", rule));
    }
    found
}

/// What is too long for EventBridge.
fn too_long(file: &File) -> Option<Finding> {
    let pipeline = &file.pipeline;
    let prefix = pipeline
        .trigger
        .as_ref()
        .map_or(0, |trigger| trigger.prefix.len());
    let bucket = pipeline
        .trigger
        .as_ref()
        .and_then(|trigger| trigger.bucket.as_ref());
    let pattern = PATTERN_FRAME + 2 * (prefix + bucket.map_or(LONGEST_BUCKET, String::len));
    let template = input_template(file).map_or(0, |text| text.chars().count());
    let input = pipeline
        .schedule
        .as_ref()
        .map_or(0, |_| schedule_input(file).len());
    if prefix > 0 && pattern > LONGEST_PATTERN {
        let rule = format!(
            "makes {pattern} bytes of its rule's pattern, which may have {LONGEST_PATTERN}"
        );
        return Some(file.wrong("/trigger/prefix", rule));
    }
    [
        ("/trigger", "characters in its rule", template, LONGEST_INPUT_TEMPLATE),
        ("/schedule", "bytes in its schedule", input, LONGEST_INPUT),
    ]
    .into_iter()
    .find(|(_, _, length, longest)| length > longest)
    .map(|(place, what, length, longest)| {
        let rule = format!(
            "the pipeline makes {length} {what}, which may have {longest}: move what is long into the work that needs it"
        );
        file.wrong(place, rule)
    })
}
