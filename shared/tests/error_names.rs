//! The state machines and the functions agree on the names of errors.
//!
//! Nothing else would notice a misspelt name in `Retry` or `Catch`: it matches no error, silently.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use shared::error_name::{self, GLUE};

/// What Lambda and Step Functions send themselves when a function cannot.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html>,
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
const PLATFORM: [&str; 10] = [
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.ALL",
    "States.Timeout",
];

/// The names that a function can send.
fn names_of(function: &str) -> BTreeSet<&'static str> {
    let own: &[&str] = match function {
        "${StartCrawlerFunctionArn}" | "${GetCrawlerStateFunctionArn}" => {
            &[error_name::INVALID_REQUEST, error_name::GLUE_UNREACHABLE]
        }
        "${S3EventFilterFunctionArn}" => &[
            error_name::INVALID_EVENT,
            error_name::INVALID_FILTER,
            error_name::INVALID_REQUEST,
        ],
        other => panic!("{other} is none of the functions"),
    };
    let glue: &[&str] = if function.contains("Crawler") {
        &GLUE
    } else {
        &[]
    };
    [own, glue, &PLATFORM].concat().into_iter().collect()
}

/// Every state that invokes a function, with the function, wherever it is nested.
fn invocations(value: &Value) -> Vec<(&str, &Value)> {
    let nested = match value {
        Value::Object(fields) => fields.values().flat_map(invocations).collect(),
        Value::Array(items) => items.iter().flat_map(invocations).collect(),
        _ => Vec::new(),
    };
    let own = value["Arguments"]["FunctionName"].as_str();
    own.map(|function| (function, value))
        .into_iter()
        .chain(nested)
        .collect()
}

/// Each name that a machine retries or catches after an invocation is one that can arrive.
#[test]
fn every_error_name_after_an_invocation_can_be_sent() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../statemachine");
    let mut checked = 0;
    for file in ["crawl.asl.json", "trigger.asl.json"] {
        let text = fs::read_to_string(folder.join(file)).expect("a readable state machine");
        let machine: Value = serde_json::from_str(&text).expect("JSON");
        for (function, state) in invocations(&machine) {
            let known = names_of(function);
            for rule in ["Retry", "Catch"]
                .iter()
                .filter_map(|field| state[field].as_array())
                .flatten()
            {
                for name in rule["ErrorEquals"].as_array().into_iter().flatten() {
                    let name = name.as_str().expect("a name");
                    assert!(
                        known.contains(name),
                        "{file}: {function} never sends {name}"
                    );
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 20, "only {checked} names were found");
}
