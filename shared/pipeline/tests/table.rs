//! Good and bad pipelines. `tests/static/test_pipelines.py` holds the schema to the same tables.

use pipeline::spec::Pipeline;
use serde_json::Value;

fn table(text: &str) -> Vec<Value> {
    serde_json::from_str(text).expect("a list of JSON")
}

/// The author of a pipeline gets all of its mistakes at once, each with its place and rule.
#[test]
fn each_bad_pipeline_is_refused_with_every_mistake() {
    let rows = table(include_str!("bad.json"));
    assert!(rows.len() >= 60);
    for row in rows {
        let mistakes = Pipeline::read(&row["pipeline"]).expect_err("a bad pipeline");
        let told: Value = mistakes.all().iter().map(ToString::to_string).collect();
        assert_eq!(told, row["mistakes"], "{}", row["pipeline"]);
    }
}

/// A pipeline that follows the rules must not be refused.
#[test]
fn each_good_pipeline_is_read() {
    for row in table(include_str!("good.json")) {
        assert!(Pipeline::read(&row).is_ok(), "{row}");
    }
}
