//! `crawler-sync check`, as its caller sees it.

mod limits;
mod loops;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{fmt, fs};

use serde_json::{Value, json};

/// A folder of its own for each test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn check(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crawler-sync"))
        .arg("check")
        .args(arguments)
        .output()
        .expect("the tool runs")
}

fn text(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).expect("UTF-8")
}

fn table(text: &str) -> Vec<Value> {
    serde_json::from_str(text).expect("a list of JSON")
}

/// What plan-pipeline refuses, the tool refuses before it is deployed, in the same words, all of it at once.
#[test]
fn each_mistake_of_each_bad_file_is_found() {
    let rows = table(include_str!("../../../shared/pipeline/tests/bad.json"));
    let folder = folder("bad");
    for (number, row) in rows.iter().enumerate() {
        let pretty = serde_json::to_string_pretty(&row["pipeline"]).expect("JSON");
        fs::write(folder.join(format!("{number:03}.json")), pretty).expect("a file");
    }
    let output = check(&[&folder, Path::new("--format"), Path::new("json")]);
    assert_eq!(output.status.code(), Some(1));
    let found = table(&text(&output.stdout));
    for (number, row) in rows.iter().enumerate() {
        let file = folder.join(format!("{number:03}.json"));
        let told: Value = found
            .iter()
            .filter(|each| each["file"] == file.display().to_string())
            .map(|each| {
                format!(
                    "{}: {}",
                    each["place"].as_str().unwrap_or(""),
                    each["rule"].as_str().unwrap_or("")
                )
            })
            .collect();
        assert_eq!(told, row["mistakes"], "{}", row["pipeline"]);
    }
    assert!(found.len() >= rows.len());
}

/// An editor jumps to `file:line`: it has to be the line of the mistake.
#[test]
fn a_mistake_has_its_line() {
    let folder = folder("lines");
    let file = folder.join("orders.json");
    let broken = r#"{
  "name": "orders",
  "timeout": 60,
  "stages": [
    {
      "name": "bronze",
      "steps": [
        { "job": "load",
          "arguments": { "day": "x" } },
        { "await": false }
      ]
    },
    {}
  ]
}"#;
    fs::write(&file, broken).expect("a file");
    let output = check(&[&file]);
    let place = |line, rest: &str| format!("{}:{line}: {rest}\n", file.display());
    let told = [
        place(
            9,
            "stage 1 (bronze), step 1: arguments.day: the name of an argument must begin with --",
        ),
        place(
            10,
            "stage 1 (bronze), step 2: needs a job, a function, a query, a machine or a crawler",
        ),
        place(13, "stage 2: steps: is missing"),
        place(3, "timeout: is not one of the fields "),
    ];
    let printed = text(&output.stdout);
    for line in &told {
        assert!(printed.contains(line.trim_end()), "{line}{printed}");
    }
    assert_eq!(
        (output.status.code(), printed.lines().count()),
        (Some(1), told.len())
    );
}

/// What is set when a run starts would, in a file, tell every run of the same day or object.
#[test]
fn what_belongs_to_one_run_is_refused_in_a_file() {
    let window =
        json!({"queue": "q-", "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:01:00Z"});
    let belongs = "belongs to one run; a file must not have it";
    for (field, value) in [
        ("startAfter", json!("2026-01-31T00:00:00Z")),
        ("scheduledTime", json!("2026-01-31T00:00:00Z")),
        ("window", window),
        ("object", json!({"bucket": "b", "key": "k"})),
        ("AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID", json!("arn")),
    ] {
        let schedule = r#""schedule": {"expression": "rate(1 day)"}"#;
        let stages = r#""stages": [{"steps": [{"job": "j"}]}]"#;
        let file =
            |value| format!("{{\"name\": \"p\", {schedule}, {stages},\n\"{field}\": {value}}}");
        let told = found("one-run", &[("p.json", file(value))]);
        assert_eq!(told, [format!("p.json:2: {field}: {belongs}")]);
        let none = found("one-run", &[("p.json", file(Value::Null))]);
        assert_eq!(none, Vec::<String>::new());
    }
}

/// CI wants to hear of mistakes alone; the schema beside the pipelines is not one.
#[test]
fn good_files_are_passed_over_in_silence() {
    let pipelines = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines");
    assert!(pipelines.join("schema.json").exists());
    let output = check(&[&pipelines, &pipelines.join("examples")]);
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(0), String::new())
    );
    let nothing = check(&[&pipelines, Path::new("--format=json")]);
    assert_eq!(text(&nothing.stdout), "[]\n");
}

/// A file that is no JSON, or not there, is a mistake of its own and hides no other file's.
#[test]
fn what_cannot_be_read_is_told() {
    let folder = folder("unreadable");
    fs::write(folder.join("a.json"), "{\n  \"name\": \"a\",\n}").expect("a file");
    fs::write(folder.join("b.json"), json!({"name": "b"}).to_string()).expect("a file");
    let output = check(&[&folder, &folder.join("nowhere.json")]);
    let printed = text(&output.stdout);
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(
        (output.status.code(), lines.len()),
        (Some(1), 3),
        "{printed}"
    );
    assert!(
        lines[0].contains("a.json:3: the file: is no JSON: "),
        "{printed}"
    );
    assert!(
        lines[1].ends_with("b.json:1: stages: is missing"),
        "{printed}"
    );
    assert!(
        lines[2].contains("nowhere.json:1: the file: cannot be read: "),
        "{printed}"
    );
}

/// Two pipelines of one name would share windows, and take each other's runs for their own.
#[test]
fn a_name_belongs_to_one_file() {
    let folder = folder("names");
    let pipeline = json!({"name": "orders", "stages": [{"steps": [{"job": "load"}]}]});
    for file in ["one.json", "two.json"] {
        fs::write(folder.join(file), pipeline.to_string()).expect("a file");
    }
    let output = check(&[&folder]);
    let one = folder.join("one.json");
    let told = format!(
        "{}:1: name: is the name of the pipeline in {} too\n",
        folder.join("two.json").display(),
        one.display()
    );
    assert_eq!(text(&output.stdout), told);
    // Twice the same file is one pipeline.
    let roundabout = folder.join("../names/one.json");
    assert_eq!(check(&[&one, &roundabout]).status.code(), Some(0));
}

/// The mistakes in these files of a folder, without the folder's name.
fn found(name: &str, files: &[(&str, impl fmt::Display)]) -> Vec<String> {
    let folder = folder(name);
    for (file, pipeline) in files {
        fs::write(folder.join(file), format!("{pipeline:#}")).expect("a file");
    }
    let printed = text(&check(&[&folder]).stdout);
    let lines = printed.lines();
    lines
        .map(|line| line.replace(&format!("{}/", folder.display()), ""))
        .collect()
}

/// As text, because the lines of what `serde_json` prints depend on its features.
fn writing(name: &str, prefix: &str, arguments: &Value) -> String {
    starting(
        name,
        prefix,
        &json!({"job": "load", "arguments": arguments}),
    )
}

fn doing(step: &Value) -> String {
    starting("orders", "landing/", step)
}

fn starting(name: &str, prefix: &str, step: &Value) -> String {
    format!(
        r#"{{
  "name": "{name}",
  "trigger": {{
    "bucket": "lake",
    "prefix": "{prefix}"
  }},
  "stages": [{{ "steps": [{step}] }}]
}}"#
    )
}

/// `crawler-sync check pipelines | head -1` is no reason to panic.
#[test]
fn a_reader_may_have_seen_enough() {
    let rows = table(include_str!("../../../shared/pipeline/tests/bad.json"));
    let folder = folder("pipe");
    for (number, row) in rows.iter().enumerate() {
        fs::write(
            folder.join(format!("{number}.json")),
            row["pipeline"].to_string(),
        )
        .expect("a file");
    }
    let mut tool = Command::new(env!("CARGO_BIN_EXE_crawler-sync"))
        .arg("check")
        .arg(&folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool runs");
    drop(tool.stdout.take());
    let output = tool.wait_with_output().expect("it ends");
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(1), String::new())
    );
}

/// Wrong use is no mistake in a file: CI must be able to tell.
#[test]
fn wrong_use_ends_with_2_and_says_how() {
    let output = check(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("Usage: crawler-sync check"));
}
