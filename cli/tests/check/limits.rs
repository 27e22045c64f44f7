//! What AWS refuses only when it is deployed.

use serde_json::{Value, json};

use super::{found, starting};

/// What AWS refuses only when it is deployed undoes the whole deployment.
#[test]
fn limits_of_aws_are_kept() {
    let long = "x".repeat(9_000);
    let with = |fields: Value| {
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
        (
            json!({"trigger": trigger, "arguments": {"--from": "{window_start}", "--key": "{key}"}}),
            "asks for {key}",
        ),
        (
            json!({"stages": [{"steps": [{"query": "SELECT ?", "parameters": ["x".repeat(1_023)]}]}]}),
            "has more than 1024 characters",
        ),
        (
            json!({"arguments": {"--sql": "x".repeat(240_000)}}),
            "its plan has ",
        ),
        (
            json!({"trigger": {"prefix": "é".repeat(500), "bucket": "lake"}}),
            "trigger.prefix: makes 2520 bytes of its rule's pattern, which may have 2048",
        ),
    ] {
        let told = found("limits", &with(fields.clone()));
        assert_eq!(told.len(), 1, "{fields} {told:?}");
        assert!(told[0].contains(rule), "{fields} {told:?}");
    }
    for fields in [
        json!({"arguments": {"--sql": long}}),
        json!({"trigger": trigger, "arguments": {"--key": "{key}"}}),
        json!({"trigger": trigger, "arguments": {"--from": "{window_start}"}}),
        json!({"arguments": {"--key": "{key}"}}),
        json!({"trigger": {"prefix": "x".repeat(700)}}),
        json!({"trigger": {"prefix": "x", "coalesceSeconds": 0}, "arguments": {"--key": "{key}"}}),
    ] {
        assert_eq!(found("fine", &with(fields)), [""; 0]);
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

/// A stack that is too large is told once, and not by every pipeline from the 501st on.
#[test]
fn a_stack_has_at_most_500_rules_and_schedules() {
    let pipelines: Vec<_> = (0..502)
        .map(|number| {
            let name = format!("p{number:03}");
            (
                format!("{name}.json"),
                starting(&name, &format!("{name}/"), &json!({"job": "load"})),
            )
        })
        .collect();
    let files: Vec<_> = pipelines
        .iter()
        .map(|(file, text)| (file.as_str(), text))
        .collect();
    assert_eq!(found("five-hundred", &files[..500]), [""; 0]);
    assert_eq!(found("too-many", &files).len(), 1);
}
