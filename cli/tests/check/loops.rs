//! Pipelines that start themselves.

use serde_json::json;

use super::{doing, found, writing};

const SELF: &str = "orders.json:5: trigger.prefix: the pipeline starts itself: what is written there starts the next run";

/// A pipeline whose jobs write where it starts runs for ever, at Glue's prices.
#[test]
fn a_pipeline_that_starts_itself_is_found() {
    for location in [
        "s3://lake/landing/",
        "s3://lake/landing",
        "s3a://lake/landing/a/b.csv",
        "s3://lake/landing/{date}/",
        "s3://lake/{date}/",
        "s3://{bucket}/landing/",
        "s3://{bucket}/{key}.parquet",
        "s3://lake/lan{file}",
        "s3://lake/raw/, s3://lake/landing/x",
        "--conf out=s3://lake/landing/",
        "s3://lake/landing/with spaces/x",
    ] {
        let pipeline = writing("orders", "landing/", &json!({"--target": location}));
        assert_eq!(
            found("own", &[("orders.json", pipeline)]),
            [SELF],
            "{location}"
        );
    }
    for step in [
        json!({"job": "load", "arguments": {"--resource_dir": "s3://lake/landing/"}}),
        json!({"query": "UNLOAD (SELECT 1)\nTO 's3://lake/landing/x' WITH (format = 'ORC')"}),
        json!({"query": "CREATE TABLE a WITH (external_location='s3://lake/landing/x') AS SELECT 1"}),
        json!({"function": "f", "payload": [{"result": "s3://lake/landing/"}]}),
        json!({"machine": "m", "input": {"target": "s3://lake/landing/"}}),
    ] {
        assert_eq!(
            found("step", &[("orders.json", doing(&step))]),
            [SELF],
            "{step}"
        );
    }
}

/// A false alarm stops a deployment that is right.
#[test]
fn a_pipeline_that_only_reads_where_it_starts_is_good() {
    for location in [
        "s3://other/landing/",
        "s3://lake/raw/",
        "s3://lake/raw/{date}/",
        "s3://lake/landing-zone/",
        "s3://lake/landing zone/",
        "s3://lake",
        "s3://{bucket}/{key}",
        "s3://lake/{key}",
        "s3://archive/{key}",
        "landing/",
    ] {
        let arguments = json!({"--target": location, "--source": "s3://lake/landing/"});
        let pipeline = writing("orders", "landing/", &arguments);
        assert_eq!(
            found("reads", &[("orders.json", pipeline)]),
            [""; 0],
            "{location}"
        );
    }
    let read = "s3://lake/landing/";
    for step in [
        json!({"job": "load", "arguments": {"--input-paths": read, "--dataSource": read, "--SOURCE": read}}),
        json!({"function": "f", "payload": {"source": read, "input": [read], "object": "s3://{bucket}/{key}"}}),
        json!({"machine": "m", "input": {"sourcePath": {"a": read}}}),
        json!({"query": "SELECT ? FROM t WHERE \"$path\" LIKE 's3://lake/landing/%'", "parameters": [read]}),
    ] {
        assert_eq!(
            found("reading", &[("orders.json", doing(&step))]),
            [""; 0],
            "{step}"
        );
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
    let [told] = &found("open", &[("a.json", open)])[..] else {
        panic!("one finding");
    };
    assert!(
        told.ends_with("; if that is another bucket, name the trigger's own"),
        "{told}"
    );
}
