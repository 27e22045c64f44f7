//! The resources that a stack of pipelines has, and the limits of AWS that they must keep.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{File, Finding};

/// In characters, of a rule's input template.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html>
const LONGEST_INPUT_TEMPLATE: usize = 8_192;
/// Of a template.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const MOST_RESOURCES: usize = 500;

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
        !["$schema", "trigger", "schedule"].contains(&name.as_str()) && !value.is_null()
    });
    fields.into()
}

/// What the rule of a trigger hands to the trigger machine, if the file has one.
pub(crate) fn input_template(file: &File) -> Option<String> {
    const EVENT: &str = "<aws.events.event.json>";
    let trigger = file.pipeline.trigger.as_ref()?;
    let mut fields = Map::from_iter([
        ("event".to_owned(), EVENT.into()),
        ("pipeline".to_owned(), input(file)),
    ]);
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
    let value = Value::Object(fields);
    let readable = printable(&format!("{value:#}"));
    let text = if readable.chars().count() <= LONGEST_INPUT_TEMPLATE {
        readable
    } else {
        printable(&value.to_string())
    };
    // The event is put in for the only pair of brackets there is.
    Some(text.replace(&printable(&json!(EVENT).to_string()), EVENT))
}

/// JSON that says the same: EventBridge reads `<` and `>` as a variable, and has no way to escape them; YAML takes some
/// characters for the end of a line.
pub(crate) fn printable(json: &str) -> String {
    json.chars()
        .map(|character| match character {
            '\n' => character.to_string(),
            '<' | '>' | '\u{2028}' | '\u{2029}' | '\u{feff}' => escaped(character),
            _ if character.is_control() => escaped(character),
            _ => character.to_string(),
        })
        .collect()
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
        let length = input_template(file).map_or(0, |text| text.chars().count());
        if length > LONGEST_INPUT_TEMPLATE {
            let rule = format!(
                "the pipeline makes {length} characters in its rule, which may have {LONGEST_INPUT_TEMPLATE}: \
                 move what is long into the work that needs it"
            );
            found.push(file.wrong("/trigger", rule));
        }
        if resources > MOST_RESOURCES {
            let rule =
                format!("is one rule or schedule too many: a stack has at most {MOST_RESOURCES}");
            found.push(file.wrong("", rule));
        }
    }
    found
}
