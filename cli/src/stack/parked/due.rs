//! What a schedule was to start, of the message that Scheduler parks.
//!
//! "Configuring a schedule's dead-letter queue" in its User Guide shows what it parks for a queue: the request that it
//! made, and the API action in place of the target's ARN. For a state machine it shows nothing, so that the target and
//! its bare input are taken as well.

use std::collections::BTreeMap;

use pipeline::spec::Pipeline;
use serde_json::Value;

use super::must_be;

/// What the API action's ARN ends with, in each partition.
const START: &str = ":scheduler:::aws-sdk:sfn:startExecution";

/// The input of the run, with the moment at which it was due.
///
/// # Errors
/// Why it cannot be started: the machine would refuse it once the message is gone, or it is another machine's.
pub(super) fn input(
    body: &Value,
    attributes: &BTreeMap<String, String>,
    machine: &str,
) -> Result<Value, String> {
    let told = |name: &str| attributes.get(name).map_or("", String::as_str);
    if told("IS_PAYLOAD_TRUNCATED").eq_ignore_ascii_case("true") {
        return Err("Scheduler has cut its input: start it with `crawler-sync run`".to_owned());
    }
    let target = told("TARGET_ARN");
    if !target.ends_with(START) {
        must_be(target, machine)?;
    }
    let input = match member(body, "StateMachineArn") {
        None => body.clone(),
        Some(asked) => {
            must_be(asked.as_str().unwrap_or_default(), machine)?;
            let input = member(body, "Input").and_then(Value::as_str);
            serde_json::from_str(input.unwrap_or_default())
                .map_err(|_| "the input of its request is no JSON".to_owned())?
        }
    };
    let input = at_its_moment(input, attributes.get("SCHEDULED_TIME"));
    match Pipeline::read(&input) {
        Ok(_) => Ok(input),
        Err(mistakes) => Err(format!("its input is no pipeline: {mistakes}")),
    }
}

/// APIs begin the names of members with a capital, or, as that of Step Functions does, without.
fn member<'a>(request: &'a Value, name: &str) -> Option<&'a Value> {
    let own = format!("{}{}", name[..1].to_ascii_lowercase(), &name[1..]);
    request.get(name).or_else(|| request.get(own))
}

/// Whether Scheduler fills the moment in before it parks a message, AWS does not say; the message tells it in any case.
fn at_its_moment(mut input: Value, due: Option<&String>) -> Value {
    let told = input.get("scheduledTime").and_then(Value::as_str);
    if told.is_none_or(|told| told.starts_with('<'))
        && let (Some(fields), Some(due)) = (input.as_object_mut(), due)
    {
        fields.insert("scheduledTime".to_owned(), due.as_str().into());
    }
    input
}
