//! What every plan promises, whatever the pipeline.

use pipeline::notify::Home;
use pipeline::plan::{Execution, Plan, plan};
use pipeline::spec::Pipeline;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

fn at(second: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(second).expect("a moment")
}

/// 2026-01-31T23:59:59Z.
const BEGUN: i64 = 1_769_903_999;

fn execution(name: &str) -> Execution {
    Execution {
        name: name.to_owned(),
        start_time: at(BEGUN),
        home: Home::of("arn:aws:states:eu-west-1:123456789012:execution:pipeline:run"),
    }
}

fn planned(value: &Value, name: &str) -> Plan {
    let pipeline = Pipeline::read(value).expect("a good pipeline");
    plan(pipeline, &execution(name)).expect("a plan")
}

/// The arguments of the first job.
fn arguments(value: &Value, name: &str) -> Value {
    let plan = serde_json::to_value(planned(value, name)).expect("JSON");
    plan["stages"][0]["steps"][0]["arguments"].clone()
}

fn one_job(fields: &Value) -> Value {
    let mut pipeline = json!({"name": "p", "stages": [{"steps": [{"job": "j"}]}]});
    for (name, value) in fields.as_object().expect("fields") {
        pipeline[name] = value.clone();
    }
    pipeline
}

/// What a job is told decides what it loads: the narrower the scope of an argument, the more it counts.
#[test]
fn arguments_go_from_the_day_to_the_trigger_to_the_run_to_the_step() {
    let window =
        json!({"queue": "p-", "start": "2026-01-30T23:59:00Z", "end": "2026-01-31T00:00:00Z"});
    let object = json!({"bucket": "b", "key": "k"});
    for (fields, told) in [
        (json!({}), json!({"--date": "2026-01-31"})),
        (
            json!({"window": window, "object": object, "startAfter": "2026-01-31T00:00:05Z"}),
            json!({
                "--date": "2026-01-30",
                "--window_start": "2026-01-30T23:59:00Z", "--window_end": "2026-01-31T00:00:00Z",
            }),
        ),
        (
            json!({"object": object, "startAfter": "2026-02-01T00:00:00.5+01:00"}),
            json!({"--date": "2026-01-31", "--trigger_bucket": "b", "--trigger_key": "k"}),
        ),
        // However late it starts, a scheduled run is about the day on which it was due.
        (
            json!({"scheduledTime": "2026-01-29T23:30:00Z"}),
            json!({"--date": "2026-01-29"}),
        ),
        (
            json!({"scheduledTime": "2026-01-30T00:30:00+01:00", "startAfter": "2026-02-02T00:00:00Z"}),
            json!({"--date": "2026-01-29"}),
        ),
        (
            json!({"scheduledTime": "2026-01-29T23:30:00Z", "arguments": {"--date": "2020-02-02"}}),
            json!({"--date": "2020-02-02"}),
        ),
        (
            json!({"arguments": {"--date": "2020-02-02", "--window_end": "x", "--env": "prod"}, "window": window}),
            json!({
                "--date": "2020-02-02", "--env": "prod",
                "--window_start": "2026-01-30T23:59:00Z", "--window_end": "x",
            }),
        ),
        (
            json!({
                "arguments": {"--env": "prod", "--date": "2020-02-02"},
                "stages": [{"steps": [{"job": "j", "arguments": {"--env": "test"}}]}],
            }),
            json!({"--date": "2020-02-02", "--env": "test"}),
        ),
    ] {
        assert_eq!(arguments(&one_job(&fields), "by-hand"), told, "{fields}");
    }
}

/// A person who runs a day again says so in one place, and means every text; a text that is itself filled in cannot say it.
#[test]
fn a_date_of_the_run_is_the_date_of_every_text() {
    for (date, told) in [
        (json!({"--date": "2020-02-02"}), "2020-02-02 2020-02-02"),
        (json!({"--date": "on {date}"}), "on 2026-01-31 2026-01-31"),
        (json!({}), "2026-01-31 2026-01-31"),
    ] {
        let pipeline = one_job(&json!({
            "arguments": date,
            "stages": [{"steps": [{"job": "j", "arguments": {"--out": "{date}"}}]}],
        }));
        let arguments = arguments(&pipeline, "by-hand");
        let both = format!("{} {}", arguments["--date"], arguments["--out"]).replace('"', "");
        assert_eq!(both, told);
    }
}

/// All steps of a stage together ask for a turn every three minutes: a history holds two days of that, and a step
/// that waits starves beside nobody. `tests/static/test_pipelines.py` has the sum.
#[test]
fn the_more_steps_a_stage_has_the_longer_each_pauses() {
    for (steps, longest) in [(1, 180), (2, 360), (40, 7_200), (41, 7_200)] {
        let stages =
            json!([{"steps": vec![json!({"crawler": "c"}); steps]}, {"steps": [{"job": "j"}]}]);
        let plan = planned(&one_job(&json!({"stages": stages})), "by-hand");
        let pauses = |stage: usize| {
            plan.stages[stage]
                .steps
                .iter()
                .map(|step| step.longest_pause)
        };
        assert!(pauses(0).all(|pause| pause == longest), "{steps}");
        assert_eq!(pauses(1).collect::<Vec<_>>(), [180]);
    }
}

/// What an execution cannot hold ends it after hours, without a message.
#[test]
fn what_no_execution_can_hold_is_refused() {
    let retried =
        |count: usize| json!(vec![json!({"steps": [{"job": "j", "retries": 20}]}); count]);
    let steps = |count: usize| json!([{"steps": vec![json!({"job": "j"}); count]}]);
    for (fields, told) in [
        (json!({"startAfter": "2026-02-02T23:59:59Z"}), None),
        (
            json!({"startAfter": "2026-02-02T23:59:59.001Z"}),
            Some("startAfter: must be at most two days after the start of the run"),
        ),
        (json!({"stages": steps(300)}), None),
        (
            json!({"stages": steps(301)}),
            Some("stages: at most 300 steps fit into the output of a run, and these are 301"),
        ),
        (json!({"stages": retried(40)}), None),
        (
            json!({"stages": retried(41)}),
            Some("stages: at most 800 retries fit into the history of a run, and these are 820"),
        ),
    ] {
        let pipeline = Pipeline::read(&one_job(&fields)).expect("a good pipeline");
        let refused = plan(pipeline, &execution("by-hand")).err();
        assert_eq!(
            refused.map(|mistakes| mistakes.to_string()).as_deref(),
            told
        );
    }
}

fn one_step(step: &Value, fields: &Value) -> Value {
    let mut stages = fields.clone();
    stages["stages"] = json!([{"steps": [step]}]);
    one_job(&stages)
}

fn work(step: &Value, fields: &Value) -> Value {
    let plan = serde_json::to_value(planned(&one_step(step, fields), "run")).expect("JSON");
    plan["stages"][0]["steps"][0].clone()
}

/// A key is whatever its uploader likes: in a query it must stay a string, whatever quotes it has.
#[test]
fn parameters_of_a_query_are_literals() {
    let object = json!({"object": {"bucket": "b", "key": "x'; DROP TABLE t; --{date}\\"}});
    let step = json!({
        "query": "SELECT '{key}' FROM t WHERE k = ? AND n > ? AND new = ?", "parameters": ["{key}", -1.5, true],
        "database": "lake",
    });
    assert_eq!(
        work(&step, &object)["request"],
        json!({
            "QueryString": "SELECT '{key}' FROM t WHERE k = ? AND n > ? AND new = ?",
            "WorkGroup": "primary",
            "QueryExecutionContext": {"Database": "lake"},
            "ExecutionParameters": ["'x''; DROP TABLE t; --{date}\\'", "-1.5", "true"],
        })
    );
    let plain = work(&json!({"query": "q", "workgroup": "etl"}), &json!({}));
    assert_eq!(
        plain["request"],
        json!({"QueryString": "q", "WorkGroup": "etl"})
    );
    let long = one_step(
        &json!({"query": "q", "parameters": ["'".repeat(512)]}),
        &json!({}),
    );
    assert_eq!(
        refused(&long),
        ["stage 1, step 1: parameters[0]: has more than 1024 characters"]
    );
}

/// Without a payload or an input of its own, work is told all there is to know.
#[test]
fn functions_and_machines_are_told_what_is_known() {
    let window = json!({"window": {"queue": "p-", "start": "2026-01-30T23:59:00Z", "end": "2026-01-31T00:00:00Z"}});
    let object = json!({"object": {"bucket": "b", "key": "in/a.csv"}});
    let of_window = json!({
        "date": "2026-01-30", "pipeline": "p", "execution": "run",
        "window_start": "2026-01-30T23:59:00Z", "window_end": "2026-01-31T00:00:00Z",
    });
    let of_object = json!({
        "date": "2026-01-31", "pipeline": "p", "execution": "run",
        "bucket": "b", "key": "in/a.csv", "file": "a.csv",
    });
    for (fields, told) in [(window, of_window), (object, of_object)] {
        assert_eq!(work(&json!({"function": "f"}), &fields)["payload"], told);
        assert_eq!(work(&json!({"machine": "m"}), &fields)["input"], told);
    }
    let own = json!({"machine": "m", "input": {"{x}": [{"day": "{date}"}], "n": 1}});
    let fields = json!({});
    assert_eq!(
        work(&own, &fields)["input"],
        json!({"{x}": [{"day": "2026-01-31"}], "n": 1})
    );
    let own = json!({"function": "f", "payload": ["{pipeline}", null]});
    assert_eq!(work(&own, &fields)["payload"], json!(["p", null]));
}

fn refused(value: &Value) -> Vec<String> {
    let pipeline = Pipeline::read(value).expect("a good pipeline");
    let mistakes = plan(pipeline, &execution("run")).expect_err("no plan");
    mistakes.all().iter().map(ToString::to_string).collect()
}

/// A job must not be told an empty place to write to: what a run does not have is refused, each text of it.
#[test]
fn facts_that_a_run_does_not_have_are_refused() {
    let object = "only runs of a trigger with coalesceSeconds 0 have an object";
    let window = "only runs of a trigger with other coalesceSeconds than 0 have a window";
    let pipeline = json!({
        "name": "p", "arguments": {"--from": "{window_start}"},
        "stages": [{"name": "raw", "steps": [
            {"job": "j", "arguments": {"--key": "{file}{bucket}"}},
            {"function": "f", "payload": {"a": ["{date}", "{key}"]}},
            {"machine": "m", "input": {"a": {"b": "{window_end}"}}},
            {"query": "q", "parameters": [1, "{key}"]},
        ]}],
    });
    assert_eq!(
        refused(&pipeline),
        [
            format!("arguments.--from: asks for {{window_start}}: {window}"),
            format!("stage 1 (raw), step 1: arguments.--key: asks for {{bucket}}: {object}"),
            format!("stage 1 (raw), step 1: arguments.--key: asks for {{file}}: {object}"),
            format!("stage 1 (raw), step 2: payload.a[1]: asks for {{key}}: {object}"),
            format!("stage 1 (raw), step 3: input.a.b: asks for {{window_end}}: {window}"),
            format!("stage 1 (raw), step 4: parameters[1]: asks for {{key}}: {object}"),
        ]
    );
}

/// Only the run of the window waits for its turn; the same input under another name waits for nobody.
#[test]
fn a_window_counts_under_its_own_name_only() {
    let window =
        json!({"queue": "p-1-", "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:01:00Z"});
    let pipeline = one_job(&json!({"window": window}));
    assert!(planned(&pipeline, "p-1-1767225660").window.is_some());
    for other in ["p-1-1767225600", "p-1-", "by-hand"] {
        assert_eq!(planned(&pipeline, other).window, None, "{other}");
    }
}

/// Nobody would hear of a topic's wrong Region before the night on which it matters.
#[test]
fn topics_that_the_machine_cannot_reach_are_refused() {
    let notify = |failed: &str, succeeded: &str| {
        one_job(&json!({"notify": {"failed": failed, "succeeded": succeeded}}))
    };
    let here = "arn:aws:sns:eu-west-1:123456789012:on-call";
    planned(&notify(here, here), "run");
    let rule = "must be a topic of eu-west-1 in the account 123456789012, where the pipeline runs";
    for elsewhere in [
        "arn:aws:sns:us-east-1:123456789012:on-call",
        "arn:aws:sns:eu-west-1:210987654321:on-call",
        "arn:aws-cn:sns:eu-west-1:123456789012:on-call",
    ] {
        let [failed, succeeded] =
            ["failed", "succeeded"].map(|field| format!("notify.{field}: {rule}"));
        assert_eq!(refused(&notify(elsewhere, here)), [failed]);
        assert_eq!(refused(&notify(here, elsewhere)), [succeeded]);
    }
}

/// A plan that does not fit into a variable would end the execution past every catcher.
#[test]
fn a_plan_that_would_not_fit_is_refused() {
    let step = json!({"job": "j", "arguments": {"--sql": "x".repeat(1_000)}});
    let steps = |count| json!({"name": "p", "stages": [{"steps": vec![step.clone(); count]}]});
    assert_eq!(planned(&steps(190), "run").stages[0].steps.len(), 190);
    let pipeline = Pipeline::read(&steps(230)).expect("a good pipeline");
    let error = plan(pipeline, &execution("run")).expect_err("too large");
    assert!(
        error
            .to_string()
            .starts_with("the pipeline: its plan has 2"),
        "{error}"
    );
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}", "[^{\\PC]{1,20}", Just("null".to_owned())]
}

fn any_arguments() -> impl Strategy<Value = Value> {
    let name = prop_oneof![Just("--date".to_owned()), "--[a-z]{0,3}"];
    btree_map(name, text(), 0..4).prop_map(|fields| json!(fields))
}

fn any_work() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({})),
        (text(), option::of(any_arguments()))
            .prop_map(|(job, arguments)| json!({"job": job, "arguments": arguments})),
        option::of(text()).prop_map(|payload| json!({"function": "f", "payload": payload})),
        (text(), option::of(vec(text(), 1..3)), option::of(text())).prop_map(
            |(query, parameters, database)| {
                json!({"query": query, "parameters": parameters, "database": database})
            }
        ),
        option::of(any_arguments()).prop_map(|input| json!({"machine": "m", "input": input})),
    ]
}

fn any_step() -> impl Strategy<Value = Value> {
    (
        any_work(),
        option::of((text(), option::of(any::<bool>()))),
        option::of(text()),
        option::of(1..=172_800_u32),
        option::of(any::<bool>()),
        option::of(0..=20_u32),
    )
        .prop_map(|(work, crawl, name, seconds, optional, retries)| {
            let mut step = work;
            let rests = step.as_object().is_some_and(Map::is_empty);
            if let Some((crawler, wait)) = crawl.or(rests.then(|| ("c".to_owned(), None))) {
                step["crawler"] = json!(crawler);
                step["await"] = json!(wait);
            }
            step["name"] = json!(name);
            step["timeoutSeconds"] = json!(seconds);
            step["optional"] = json!(optional);
            step["retries"] = if rests { Value::Null } else { json!(retries) };
            step
        })
}

fn any_pipeline() -> impl Strategy<Value = Value> {
    let stage = (option::of(text()), vec(any_step(), 1..4))
        .prop_map(|(name, steps)| json!({"name": name, "steps": steps}));
    let until = |last: i64| {
        (0..=last).prop_map(|second| {
            let text = at(second).format(&time::format_description::well_known::Rfc3339);
            json!(text.expect("a year of four digits"))
        })
    };
    let moment = until(253_402_300_798);
    let window = (text(), moment.clone(), moment.clone())
        .prop_map(|(queue, start, end)| json!({"queue": queue, "start": start, "end": end}));
    let object = (text(), text()).prop_map(|(bucket, key)| json!({"bucket": bucket, "key": key}));
    (
        text(),
        vec(stage, 1..4),
        option::of(any_arguments()),
        option::of(1..=172_800_u32),
        option::of(until(BEGUN + 172_800)),
        option::of(window),
        option::of(object),
    )
        .prop_map(|(name, stages, arguments, seconds, start_after, window, object)| {
            json!({
                "name": name, "stages": stages, "arguments": arguments, "timeoutSeconds": seconds,
                "startAfter": start_after, "window": window, "object": object,
            })
        })
}

/// The keys of an object, for comparison.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A field that the machine reads and that is not there would end the execution past every catcher.
    #[test]
    fn a_plan_has_every_field_that_the_machine_reads(pipeline in any_pipeline()) {
        let plan = serde_json::to_value(planned(&pipeline, "run")).expect("JSON");
        prop_assert_eq!(keys(&plan), ["name", "notify", "stages", "startAfter", "timeoutSeconds", "window"]);
        prop_assert!(plan["name"].is_string() && plan["timeoutSeconds"].is_u64());
        prop_assert_eq!(keys(&plan["notify"]), ["failed", "succeeded"]);
        let stages = plan["stages"].as_array().expect("stages");
        prop_assert_eq!(stages.len(), pipeline["stages"].as_array().map_or(0, Vec::len));
        for stage in stages {
            prop_assert_eq!(keys(stage), ["name", "steps"]);
            for step in stage["steps"].as_array().expect("steps") {
                prop_assert!(step["place"].is_string() && step["await"].is_boolean());
                prop_assert!(step["retries"].is_u64() && step["optional"].is_boolean());
                let task = |task: &Value| {
                    keys(task) == ["failure", "kind", "subject"]
                        && task.as_object().is_some_and(|fields| fields.values().all(Value::is_string))
                };
                prop_assert!(step["work"].is_null() || task(&step["work"]));
                let crawls = if step["crawler"].is_null() { step["crawl"].is_null() } else { task(&step["crawl"]) };
                prop_assert!(crawls);
                let of_work: &[&str] = match step["work"]["kind"].as_str() {
                    Some("job") => {
                        let arguments = step["arguments"].as_object().expect("arguments");
                        prop_assert!(arguments.values().all(Value::is_string));
                        prop_assert!(arguments.contains_key("--date"));
                        &["job", "arguments"]
                    }
                    Some("function") => &["function", "payload"],
                    Some("query") => {
                        prop_assert!(step["request"]["QueryString"].is_string());
                        prop_assert!(step["request"]["WorkGroup"].is_string());
                        &["request"]
                    }
                    Some("machine") => {
                        prop_assert!(step["input"].is_object());
                        &["machine", "input"]
                    }
                    None => {
                        prop_assert!(step["crawler"].is_string());
                        &[]
                    }
                    other => return Err(TestCaseError::fail(format!("{other:?}"))),
                };
                let common = [
                    "await", "crawl", "crawler", "longestPause", "optional", "place", "retries", "timeoutSeconds", "work",
                ];
                let mut wanted = [&common, of_work].concat();
                wanted.sort_unstable();
                prop_assert_eq!(keys(step), wanted);
            }
        }
    }

    /// Merging is idempotent: a run whose arguments are those of its plan already is told the same.
    #[test]
    fn planned_arguments_stay_what_they_are(pipeline in any_pipeline()) {
        let first = planned(&pipeline, "run");
        let plan = serde_json::to_value(&first).expect("JSON");
        let mut again = pipeline.clone();
        for (index, stage) in plan["stages"].as_array().expect("stages").iter().enumerate() {
            for (number, step) in stage["steps"].as_array().expect("steps").iter().enumerate() {
                if step["work"]["kind"] == "job" {
                    again["stages"][index]["steps"][number]["arguments"] = step["arguments"].clone();
                }
            }
        }
        prop_assert_eq!(planned(&again, "run"), first);
    }
}
