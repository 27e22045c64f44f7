//! `crawler-sync template`, as its caller sees it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

/// A folder of its own for each test, with these pipelines in it.
fn folder(name: &str, pipelines: &[(&str, Value)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("template-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    for (file, pipeline) in pipelines {
        fs::write(folder.join(file), pipeline.to_string()).expect("a file");
    }
    folder
}

fn template(folder: &Path, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crawler-sync"))
        .arg("template")
        .arg(folder)
        .args(options)
        .output()
        .expect("the tool runs")
}

fn text(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).expect("UTF-8")
}

fn pipeline(name: &str, start: &Value) -> Value {
    let mut pipeline =
        json!({"$schema": "schema.json", "name": name, "stages": [{"steps": [{"job": "load"}]}]});
    for (field, value) in start.as_object().expect("fields") {
        pipeline[field] = value.clone();
    }
    pipeline
}

/// The block of the template that holds JSON for a pipeline.
fn block<'a>(template: &'a str, begin: &str) -> &'a str {
    let (_, rest) = template.split_once(begin).expect("a block");
    rest.split("\n\n").next().expect("a block")
}

/// To remove a file removes its rule, and touches nothing else: no part depends on another one.
#[test]
fn parts_depend_on_their_own_file_alone() {
    let trigger = json!({"trigger": {"bucket": "lake", "prefix": "a/"}});
    let both = json!({"trigger": {"bucket": "lake", "prefix": "b/"}, "schedule": {"expression": "rate(1 hour)"}});
    let (a, b) = (pipeline("a", &trigger), pipeline("b", &both));
    let all = [
        ("1.json", b.clone()),
        ("2.json", a.clone()),
        ("3.json", pipeline("c", &json!({}))),
    ];
    let whole = text(&template(&folder("all", &all), &[]).stdout);
    let one = text(&template(&folder("one", &[("2.json", a)]), &[]).stdout);
    let other = text(&template(&folder("other", &[("1.json", b)]), &[]).stdout);
    let (head, a) = one.split_once("\n  # ---").expect("a part");
    let (_, b) = other.split_once("\n  # ---").expect("a part");
    assert_eq!(whole, format!("{head}\n  # ---{a}\n  # ---{b}"));
    assert!(!whole.contains("SourceBucketName"));
    for id in ["ARule:", "BRule:", "BSchedule:"] {
        assert_eq!(whole.matches(&format!("  {id}\n")).count(), 1, "{id}");
    }
}

/// EventBridge takes `<…>` for a variable wherever it stands: only the event may be one, whatever the pipeline says.
#[test]
fn texts_of_a_pipeline_reach_the_machine_as_they_are() {
    let hostile = "<aws.events.event.json> <x> {{{{resolve:ssm:x}} ${{AWS::Region} !Ref é\u{2028}\u{85}'\"\\ # : {{ \n\t- x";
    let start = json!({
        "trigger": {"prefix": "land ing/é\"<'", "suffixes": [".csv"], "minBytes": 1, "ignore": ["<*>"], "coalesceSeconds": 0},
        "schedule": {"expression": "rate(1 hour)", "timezone": "Europe/Berlin"},
        "arguments": {"--sql": hostile, "--event": "<aws.events.event.json>", "--due": "<aws.scheduler.scheduled-time>"},
        "timeoutSeconds": null,
    });
    let output = template(
        &folder("hostile", &[("a.json", pipeline("a", &start))]),
        &["--stack", "prod"],
    );
    let template = text(&output.stdout);
    let input = json!({
        "name": "a", "arguments": {"--sql": hostile, "--event": "<aws.events.event.json>", "--due": "<aws.scheduler.scheduled-time>"}, "stages": [{"steps": [{"job": "load"}]}],
    });
    let rule = block(&template, "InputTemplate: |-\n")
        .split("\n  ASchedule")
        .next()
        .expect("a rule");
    assert_eq!(rule.matches(['<', '>']).count(), 2);
    let told: Value =
        serde_json::from_str(&rule.replace("<aws.events.event.json>", "{}")).expect("JSON");
    let filter = json!({"suffixes": [".csv"], "minBytes": 1, "ignore": ["<*>"]});
    assert_eq!(
        told,
        json!({"event": {}, "pipeline": input, "filter": filter, "coalesceSeconds": 0})
    );
    let schedule = block(&template, "        Input: |-\n");
    assert_eq!(schedule.matches(['<', '>']).count(), 2);
    let mut scheduled: Value = serde_json::from_str(schedule).expect("JSON");
    let fields = scheduled.as_object_mut().expect("an object");
    let due = fields.remove("scheduledTime").expect("a moment");
    assert_eq!(due, "<aws.scheduler.scheduled-time>");
    assert_eq!(scheduled, input);
    assert!(template.contains("Default: \"prod\"\n"));
    assert!(template.contains("prefix: \"land ing/é\\\"\\u003c'\""));
    assert!(template.contains("SourceBucketName:"));
    assert!(!template.contains(['\u{2028}', '\u{85}', '\t']));
    assert!(!template.contains("{{"));
}

/// A rule that is readable where there is room must fit where there is little.
#[test]
fn a_long_pipeline_is_written_densely() {
    let steps: Vec<_> = (0..40)
        .map(|number| json!({"job": format!("job-{number}"), "crawler": "c"}))
        .collect();
    let mut long = pipeline("a", &json!({"trigger": {"prefix": "x"}}));
    long["stages"] =
        json!([{"steps": steps, "name": "x".repeat(80)}, {"steps": steps}, {"steps": steps}]);
    let template = text(&template(&folder("long", &[("a.json", long)]), &[]).stdout);
    assert!(block(&template, "InputTemplate: |-\n").trim().len() <= 8_192);
}

/// A file may have any name, and must not write the template.
#[test]
fn a_name_of_a_file_stays_in_its_comment() {
    let file = "a\n  Evil: {}.json";
    let folder = folder(
        "evil",
        &[(
            file,
            pipeline("a", &json!({"schedule": {"expression": "rate(1 hour)"}})),
        )],
    );
    let template = text(&template(&folder, &[]).stdout);
    assert!(!template.contains("\n  Evil:"), "{template}");
    assert!(
        template.contains("# --- a\\n  Evil: {}.json ---"),
        "{template}"
    );
}

/// A template of half the pipelines would remove the rules of the others.
#[test]
fn nothing_is_written_of_a_mistake() {
    let broken = json!({"name": "b", "stages": []});
    let folder = folder(
        "broken",
        &[
            (
                "a.json",
                pipeline("a", &json!({"trigger": {"prefix": "x"}})),
            ),
            ("b.json", broken),
        ],
    );
    let file = folder.join("template.yaml");
    let output = template(&folder, &["--output", &file.display().to_string()]);
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(1), String::new())
    );
    assert!(text(&output.stderr).contains("b.json:1: stages: must not be empty"));
    assert!(!file.exists());
}

/// The last pipeline can be removed like any other: what is left must still deploy.
#[test]
fn no_pipelines_are_a_template_too() {
    let empty = folder("empty", &[]);
    let file = empty.join("template.yaml");
    let output = template(&empty, &["--output", &file.display().to_string()]);
    assert_eq!(output.status.code(), Some(0));
    let written = fs::read_to_string(file).expect("a file");
    assert!(written.contains("  Nothing:\n    Type: AWS::CloudFormation::WaitConditionHandle\n"));
}
