//! `crawler-sync check`, as its caller sees it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
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
    let rows = table(include_str!("../../shared/pipeline/tests/bad.json"));
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
        place(3, "timeout: is none of the fields "),
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

/// Whoever runs it in CI wants to hear nothing but mistakes; the schema beside the pipelines is none.
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
    assert_eq!(check(&[&one, &one]).status.code(), Some(0));
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
    format!(
        r#"{{
  "name": "{name}",
  "trigger": {{
    "bucket": "lake",
    "prefix": "{prefix}"
  }},
  "stages": [{{ "steps": [{{ "job": "load", "arguments": {arguments} }}] }}]
}}"#
    )
}

/// A pipeline whose jobs write where it starts runs for ever, at Glue's prices; one that reads there does not.
#[test]
fn a_pipeline_that_starts_itself_is_found() {
    for (location, is_loop) in [
        ("s3://lake/landing/", true),
        ("s3://lake/landing", true),
        ("s3a://lake/landing/a/b.csv", true),
        ("s3://lake/landing/{date}/", true),
        ("s3://lake/{date}/", true),
        ("s3://{bucket}/landing/", true),
        ("s3://lake/lan{file}", true),
        ("UNLOAD (SELECT 1) TO 's3://lake/landing/x'", true),
        ("s3://other/landing/", false),
        ("s3://lake/raw/", false),
        ("s3://lake/raw/{date}/", false),
        ("s3://lake/landing-zone/", false),
        ("s3://lake", false),
        ("landing/", false),
    ] {
        let pipeline = writing(
            "orders",
            "landing/",
            &json!({"--target": location, "--source": "s3://lake/landing/"}),
        );
        let told = found("own", &[("orders.json", pipeline)]);
        let rule = "orders.json:5: trigger.prefix: the pipeline starts itself: what is written there starts the next run";
        let wanted = if is_loop { vec![rule] } else { vec![] };
        assert_eq!(told, wanted, "{location}");
    }
}

/// What one pipeline writes may start another, which writes where the first one starts.
#[test]
fn a_circle_of_pipelines_is_found() {
    let circle = [
        (
            "a.json",
            writing("a", "landing/", &json!({"--out": "s3://lake/raw/"})),
        ),
        (
            "b.json",
            writing("b", "raw/", &json!({"--out": "s3://lake/clean/"})),
        ),
        (
            "c.json",
            writing("c", "clean/", &json!({"--out": "s3://lake/landing/again/"})),
        ),
    ];
    let [told] = &found("circle", &circle)[..] else {
        panic!("one circle");
    };
    assert!(
        told.starts_with("a.json:") && told.contains("the pipeline starts itself through "),
        "{told}"
    );
    assert_eq!(found("chain", &circle[..2]), [""; 0]);
    // A bucket that the deployment names may be any.
    let open = writing("a", "raw/", &json!({"--out": "s3://lake/raw/"}))
        .replace("\"bucket\": \"lake\",", "");
    assert_eq!(found("open", &[("a.json", open)]).len(), 1);
}

/// What AWS refuses only when it is deployed undoes the whole deployment.
#[test]
fn limits_of_aws_are_kept() {
    let long = "x".repeat(9_000);
    let starting = |fields: Value| {
        let mut pipeline = json!({"name": "orders", "stages": [{"steps": [{"job": "load"}]}]});
        for (name, value) in fields.as_object().expect("fields") {
            pipeline[name] = value.clone();
        }
        vec![("orders.json", pipeline)]
    };
    let trigger = json!({"prefix": "landing/"});
    for (fields, rule) in [
        (
            json!({"trigger": trigger, "arguments": {"--sql": long}}),
            "characters in its rule, which may have 8192",
        ),
        (
            json!({"trigger": trigger, "name": "売上"}),
            "name: needs a letter or digit of ASCII",
        ),
        (
            json!({"schedule": {"expression": "cron(0 25 * * ? *)"}}),
            "schedule.expression: ",
        ),
        (
            json!({"schedule": {"expression": "rate(1 hour)", "timezone": "Mars/Olympus"}}),
            "schedule.timezone: Mars/Olympus is no",
        ),
        (
            json!({"schedule": {"expression": "rate(1 hour)"}, "arguments": {"--key": "{key}"}}),
            "arguments.--key: asks for {key}: only runs of a trigger with coalesceSeconds 0 have an object",
        ),
        (
            json!({"trigger": {"prefix": "x", "coalesceSeconds": 60}, "arguments": {"--key": "{file}"}}),
            "asks for {file}",
        ),
        (
            json!({"trigger": {"prefix": "x", "coalesceSeconds": 0}, "arguments": {"--from": "{window_start}"}}),
            "asks for {window_start}",
        ),
    ] {
        let told = found("limits", &starting(fields.clone()));
        assert_eq!(told.len(), 1, "{fields} {told:?}");
        assert!(told[0].contains(rule), "{fields} {told:?}");
    }
    for fields in [
        json!({"arguments": {"--sql": long}}),
        json!({"trigger": trigger, "arguments": {"--key": "{key}", "--from": "{window_start}"}}),
        json!({"trigger": {"prefix": "x", "coalesceSeconds": 0}, "arguments": {"--key": "{key}"}}),
    ] {
        assert_eq!(found("fine", &starting(fields)), [""; 0]);
    }
    let alike = |name: &str| json!({"name": name, "trigger": trigger, "stages": [{"steps": [{"job": "load"}]}]});
    let told = found(
        "alike",
        &[
            ("a.json", alike("my-orders")),
            ("b.json", alike("my orders")),
        ],
    );
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("b.json:2: name: is too much like the name in a.json"),
        "{told:?}"
    );
}

/// Wrong use is no mistake in a file: CI must be able to tell.
#[test]
fn wrong_use_ends_with_2_and_says_how() {
    let output = check(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("Usage: crawler-sync check"));
}
