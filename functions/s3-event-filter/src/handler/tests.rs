mod events;
mod speed;
mod window;

use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;
use std::ffi::OsString;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/events");

/// Sample, source, bucket, key, version, size, and why it does not match.
const ANSWERED: &str = r#"[
    ["cloudtrail-completemultipartupload.json", "cloudtrail", "example-landing", "landing/orders/dt=2026-01-01/big file+1.parquet", null, null, null],
    ["cloudtrail-copyobject.json", "cloudtrail", "example-landing", "landing/orders/copied file.csv", null, null, null],
    ["cloudtrail-createbucket-no-key.json", "cloudtrail", "bucket-test-iad", null, null, null, "CreateBucket does not write an object"],
    ["cloudtrail-putobject-access-denied.json", "cloudtrail", "example-landing", "landing/orders/dt=2026-01-01/part-0001.parquet", null, null, "PutObject failed with \"AccessDenied\""],
    ["cloudtrail-putobject-assumed-role.json", "cloudtrail", "example-landing", "landing/orders/dt=2026-01-01/part-0001.parquet", null, null, null],
    ["cloudtrail-putobject-console.json", "cloudtrail", "username-sfn-tutorial", "test.png", null, null, null],
    ["native-object-created-copyobject.json", "s3", "example-landing", "landing/orders/orders.csv", null, 466, null],
    ["native-object-created-cross-account-requester.json", "s3", "example-landing", "landing/orders/dt=2026-01-01/part-0001.parquet", null, 4096, null],
    ["native-object-created-event-version.json", "s3", "example-landing", "landing/orders/dt=2026-01-01/part-0002.parquet", null, 4096, null],
    ["native-object-created-folder-marker.json", "s3", "example-landing", "landing/new-folder/", null, 0, "the key ends in \"/\": a folder marker"],
    ["native-object-created-multipart.json", "s3", "example-landing", "landing/health-check/2026-01-01T14:03:40.532432.zip", "EXAMPLEversionId0000000000000002", 198524144, null],
    ["native-object-created-partitioned-key.json", "s3", "example-landing", "landing/events/app=app1/year=2026/month=01/day=15/part-00000.snappy.parquet", "EXAMPLEversionId0000000000000003", 8912078, null],
    ["native-object-created-putobject.json", "s3", "DOC-EXAMPLE-BUCKET1", "example-key", "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", 5, null],
    ["native-object-created-short-sequencer.json", "s3", "example-landing", "landing/orders/dt=2026-01-01/part-0001.parquet", null, 4096, null],
    ["native-object-created-special-characters.json", "s3", "example-landing", "landing/orders/a+b %25 ü&x=1/big file.csv", null, 12, null],
    ["native-object-created-success-marker.json", "s3", "example-landing", "landing/orders/dt=2026-01-01/_SUCCESS", null, 0, "the file is a job's commit marker"],
    ["native-object-created-temporary-file.json", "s3", "example-landing", "landing/orders/_temporary/0/task_0000/part-0000.parquet", null, 10, "the file lies in a job's staging folder"],
    ["native-object-created-unversioned.json", "s3", "example-landing", "landing/images/IMG_0001.jpg", null, 184662, null],
    ["native-object-deleted-deleteobject.json", "s3", "DOC-EXAMPLE-BUCKET1", "example-key", "1QW9g1Z99LUNbvaaYVpW9xDlOLU.qxgF", null, "the event is \"Object Deleted\", not \"Object Created\""],
    ["native-object-deleted-lifecycle.json", "s3", "DOC-EXAMPLE-BUCKET1", "example-key", "mtB0cV.jejK63XkRNceanNMC.qXPWLeK", null, "the event is \"Object Deleted\", not \"Object Created\""],
    ["native-object-restore-completed.json", "s3", "DOC-EXAMPLE-BUCKET1", "example-key", "KKsjUC1.6gIjqtvhfg5AdMI0eCePIiT3", 5, "the event is \"Object Restore Completed\", not \"Object Created\""],
    ["wrapped-cloudtrail.json", "cloudtrail", "example-landing", "landing/customers/customers.csv", "EXAMPLEversionId", null, null],
    ["wrapped-native.json", "s3", "example-landing", "landing/customers/customers.csv", null, 2048, null]
]"#;

/// Sample, error type, and how the message begins.
const REFUSED: [(&str, &str, &str); 4] = [
    (
        "classic-notification-percent20.json",
        "InvalidEvent",
        "Records: ",
    ),
    (
        "classic-notification-plus.json",
        "InvalidEvent",
        "Records: ",
    ),
    ("glue-crawler-succeeded.json", "InvalidEvent", "source: "),
    (
        "wrapped-misspelt-filter.json",
        "InvalidFilter",
        "filter.sufixes: ",
    ),
];

/// The JSON in a file of `events/`.
fn sample(name: &str) -> Value {
    let text = std::fs::read_to_string(format!("{FOLDER}/{name}")).expect(name);
    serde_json::from_str(&text).expect(name)
}

fn event() -> Value {
    sample("native-object-created-putobject.json")
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_767_225_630).expect("a moment of 2026")
}

/// The answer as Step Functions sees it, or error type and message.
type Answer = Result<Value, (String, String)>;

fn answer(payload: &Value) -> Answer {
    answer_at(now(), payload)
}

fn answer_at(now: OffsetDateTime, payload: &Value) -> Answer {
    match handle(payload, now) {
        Ok(response) => Ok(serde_json::to_value(response).expect("an answer is JSON")),
        Err(error) => {
            let diagnostic = lambda_runtime::Diagnostic::from(error);
            Err((diagnostic.error_type, diagnostic.error_message))
        }
    }
}

fn answered() -> Vec<Value> {
    serde_json::from_str(ANSWERED).expect("the table is JSON")
}

/// Every published shape of event gets the answer it should, with the object's fields untouched.
#[test]
fn every_sample_event_is_judged_as_it_should() {
    for row in answered() {
        let name = row[0].as_str().expect("a row begins with a name");
        let answer = answer(&sample(name)).expect(name);
        let fields = ["source", "bucket", "key", "versionId", "size", "reason"];
        let found: Value = [json!(name)]
            .into_iter()
            .chain(fields.map(|field| answer[field].clone()))
            .collect();
        assert_eq!(found, row);
        assert_eq!(answer["matched"], row[6].is_null(), "{name}");
    }
}

/// What cannot be handled must fail under the name that a `Catch` waits for.
#[test]
fn every_sample_that_cannot_be_judged_is_refused() {
    for (name, error_type, start) in REFUSED {
        let (found, message) = answer(&sample(name)).expect_err(name);
        assert_eq!(found, error_type, "{name}");
        assert!(message.starts_with(start), "{name}: {message}");
    }
}

/// A sample that no test reads protects nothing.
#[test]
fn every_sample_is_tested() {
    let present: BTreeSet<_> = std::fs::read_dir(FOLDER)
        .expect("the samples are there")
        .map(|entry| entry.expect("the folder can be listed").file_name())
        .collect();
    let answered = answered();
    let answered = answered.iter().filter_map(|row| row[0].as_str());
    let tested = answered.chain(REFUSED.map(|(name, ..)| name));
    assert_eq!(present, tested.map(OsString::from).collect());
}

/// The answer's fields are a contract with the state machine: each is there, and none else.
#[test]
fn a_match_has_exactly_the_fields_of_the_contract() {
    let answer = answer(&event()).expect("the event is valid");
    assert_eq!(
        answer,
        json!({
            "matched": true,
            "reason": null,
            "source": "s3",
            "bucket": "DOC-EXAMPLE-BUCKET1",
            "key": "example-key",
            "size": 5,
            "versionId": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
            "eventName": "PutObject",
            "eventTime": "2021-11-12T00:00:00Z",
            "eventId": "17793124-05d4-b198-2fde-7ededc63b103",
            "executionName": answer["executionName"],
            "startAfter": "2026-01-01T00:01:05Z",
            "window": {
                "queue": answer["window"]["queue"],
                "start": "2026-01-01T00:00:00Z",
                "end": "2026-01-01T00:01:00Z",
            },
        })
    );
}

/// Unknowns are null rather than missing, so that a state machine can refer to every field.
#[test]
fn what_is_unknown_is_null() {
    let sparse = json!({"source": "aws.s3", "detail-type": "Object Deleted"});
    assert_eq!(
        answer(&sparse),
        Ok(json!({
            "matched": false,
            "reason": "the event is \"Object Deleted\", not \"Object Created\"",
            "source": "s3",
            "bucket": null,
            "key": null,
            "size": null,
            "versionId": null,
            "eventName": null,
            "eventTime": null,
            "eventId": null,
            "executionName": null,
            "startAfter": null,
            "window": null,
        }))
    );
}

/// A bare event and one in a wrapper that says nothing else are the same, `null` being nothing.
#[test]
fn a_wrapper_that_adds_nothing_changes_nothing() {
    let bare = answer(&event());
    for wrapper in [
        json!({"event": event()}),
        json!({"event": event(), "filter": null, "coalesceSeconds": null, "pipeline": null}),
        json!({"event": event(), "filter": {}, "coalesceSeconds": 60, "pipeline": "pipeline"}),
    ] {
        assert_eq!(answer(&wrapper), bare, "{wrapper}");
    }
}

/// The input's filter reaches the decision, and an excluded object is an answer, not an error.
#[test]
fn the_filter_of_the_input_decides() {
    let answer = answer(&json!({"event": event(), "filter": {"suffixes": [".csv"]}}))
        .expect("the input is valid");
    assert_eq!(answer["matched"], false);
    assert_eq!(answer["reason"], "the key ends in none of [\".csv\"]");
    assert_eq!(answer["executionName"], Value::Null);
}

/// The run of a window knows its window by its name; a run of its own has none.
#[test]
fn the_window_names_the_run() {
    let shared = answer(&json!({"event": event(), "pipeline": "orders", "coalesceSeconds": 300}))
        .expect("the input is valid");
    assert_eq!(shared["startAfter"], "2026-01-01T00:05:05Z");
    let queue = shared["window"]["queue"].as_str().expect("a queue");
    assert!(queue.starts_with("orders-"), "{queue}");
    assert_eq!(shared["executionName"], format!("{queue}1767225900"));
    let alone =
        answer(&json!({"event": event(), "coalesceSeconds": 0})).expect("the input is valid");
    assert_eq!(alone["startAfter"], "2026-01-01T00:00:30Z");
    assert_eq!(alone["window"], Value::Null);
}

/// A misspelt or unusable field must not be passed over in silence: the run would be another one.
#[test]
fn an_unusable_input_is_refused_by_field() {
    let refusal = |field: &str, value: Value| {
        let mut input = json!({"event": event()});
        input[field] = value;
        answer(&input).expect_err(field)
    };
    let window = "coalesceSeconds: must be a whole number from 0 to 86400";
    for (field, value, error_type, message) in [
        (
            "filters",
            json!({}),
            "InvalidRequest",
            "filters: is not one of the fields event, filter, coalesceSeconds, pipeline",
        ),
        (
            "name",
            json!(null),
            "InvalidRequest",
            "name: is not one of the fields event, filter, coalesceSeconds, pipeline",
        ),
        ("coalesceSeconds", json!(-1), "InvalidRequest", window),
        ("coalesceSeconds", json!(0.5), "InvalidRequest", window),
        ("coalesceSeconds", json!(86_401), "InvalidRequest", window),
        (
            "coalesceSeconds",
            json!(4_294_967_296_u64),
            "InvalidRequest",
            window,
        ),
        ("coalesceSeconds", json!("60"), "InvalidRequest", window),
        (
            "pipeline",
            json!({"stages": []}),
            "InvalidRequest",
            "pipeline.name: is missing",
        ),
        (
            "filter",
            json!({"minBytes": -1}),
            "InvalidFilter",
            "filter.minBytes: must be a whole number from 0 to 54975581388800",
        ),
        (
            "event",
            json!(null),
            "InvalidEvent",
            "event: must be an EventBridge event, a JSON object",
        ),
    ] {
        assert_eq!(
            refusal(field, value),
            (error_type.to_owned(), message.to_owned())
        );
    }
}

/// A broken filter must not wait for an object that it concerns before somebody hears of it.
#[test]
fn the_input_is_checked_even_for_events_that_do_not_count() {
    let event = sample("native-object-deleted-lifecycle.json");
    let input = json!({"event": event, "pipeline": ""});
    let (error_type, _) = answer(&input).expect_err("the input is not valid");
    assert_eq!(error_type, "InvalidRequest");
}

/// Any JSON, with the names that events and inputs are made of among its keys.
fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let name = prop_oneof![
        any::<String>(),
        prop::sample::select(vec![
            "event",
            "filter",
            "coalesceSeconds",
            "pipeline",
            "name",
            "source",
            "detail-type",
            "detail",
            "bucket",
            "object",
            "key",
            "prefix",
            "suffixes",
            "minBytes",
            "ignore",
            "ignoreDefaults",
        ])
        .prop_map(str::to_owned),
    ];
    scalar.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// A wrapped sample with one of the fields that are read replaced by anything.
fn any_mutilated_sample() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec!["wrapped-native.json", "wrapped-cloudtrail.json"]);
    let pointer = prop::sample::select(vec![
        "/event",
        "/event/id",
        "/event/time",
        "/event/source",
        "/event/detail-type",
        "/event/detail",
        "/event/detail/bucket",
        "/event/detail/bucket/name",
        "/event/detail/object",
        "/event/detail/object/key",
        "/event/detail/object/size",
        "/event/detail/object/sequencer",
        "/event/detail/request-id",
        "/event/detail/reason",
        "/event/detail/eventName",
        "/event/detail/eventSource",
        "/event/detail/requestParameters",
        "/event/detail/requestParameters/key",
        "/event/detail/responseElements",
        "/event/detail/requestID",
        "/filter",
        "/filter/prefix",
        "/filter/suffixes",
        "/filter/minBytes",
        "/coalesceSeconds",
        "/pipeline",
        "/pipeline/name",
    ]);
    (name, pointer, any_json()).prop_map(|(name, pointer, value)| {
        let mut sample = sample(name);
        if let Some(place) = sample.pointer_mut(pointer) {
            *place = value;
        }
        sample
    })
}

/// The number of cases follows `PROPTEST_CASES`. A failing one is printed and not kept in a file.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A match with a name that Step Functions takes, a reason, or an error that a `Catch` can name.
fn expect_an_outcome(answer: &Answer) -> Result<(), TestCaseError> {
    match answer {
        Ok(answer) => {
            prop_assert_eq!(answer.as_object().map(serde_json::Map::len), Some(13));
            let name = answer["executionName"].as_str();
            prop_assert_eq!(&answer["matched"], name.is_some());
            prop_assert_eq!(&answer["matched"], answer["reason"].is_null());
            prop_assert_eq!(&answer["matched"], answer["startAfter"].is_string());
            prop_assert!(name.is_none_or(is_legal), "{name:?}");
        }
        Err((error_type, message)) => {
            prop_assert!(matches!(
                error_type.as_str(),
                "InvalidEvent" | "InvalidFilter" | "InvalidRequest"
            ));
            prop_assert!(message.contains(": "), "{message}");
        }
    }
    Ok(())
}

fn is_legal(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=80).contains(&name.len()) && name.bytes().all(allowed)
}

proptest! {
    #![proptest_config(config())]

    /// Whatever comes in gets a match, a reason or a named error: a panic would say nothing.
    #[test]
    fn any_json_gets_an_answer_or_a_named_error(
        payload in prop_oneof![any_json(), any_mutilated_sample()],
    ) {
        expect_an_outcome(&answer(&payload))?;
    }
}
