//! The input of a run by hand.

use jiff::Timestamp;
use jiff::civil::Date;
use pipeline::notify;
use pipeline::plan::{Execution, plan};
use pipeline::spec::Pipeline;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::super::{Failure, Home, Machine};

/// The argument that has the day.
const DATE: &str = "--date";

/// Reads NAME=VALUE. Glue's arguments begin with --, which need not be written.
pub(super) fn argument(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim_start_matches('-').is_empty() => {
            let name = format!("--{}", name.trim_start_matches('-'));
            Ok((name, value.to_owned()))
        }
        _ => Err("must be NAME=VALUE, such as layout=wide".to_owned()),
    }
}

/// The pipeline with these arguments for all of its jobs, before its own.
pub(super) fn with_arguments(mut pipeline: Value, arguments: &[(String, String)]) -> Value {
    if let Value::Object(fields) = &mut pipeline
        && !arguments.is_empty()
    {
        let own = fields.entry("arguments").or_insert(Value::Null);
        if !own.is_object() {
            *own = Map::new().into();
        }
        for (name, value) in arguments {
            own[name] = value.as_str().into();
        }
    }
    pipeline
}

/// The pipeline for a day.
pub(crate) fn for_day(pipeline: Value, date: Option<Date>) -> Value {
    let said = date.map(|date| (DATE.to_owned(), date.to_string()));
    with_arguments(pipeline, said.as_slice())
}

/// The day that the pipeline says, if it is one.
pub(super) fn date(pipeline: &Value) -> Option<Date> {
    pipeline.get("arguments")?.get(DATE)?.as_str()?.parse().ok()
}

/// What plan-pipeline would refuse once the run has been started.
pub(crate) fn check(
    pipeline: &Value,
    name: &str,
    now: Timestamp,
    home: &Home,
) -> Result<(), Failure> {
    let execution = Execution {
        name: name.to_owned(),
        start_time: OffsetDateTime::from_unix_timestamp_nanos(now.as_nanosecond())
            .unwrap_or(OffsetDateTime::UNIX_EPOCH),
        home: notify::Home::of(&home.machine(Machine::Pipeline)),
    };
    let planned = Pipeline::read(pipeline).and_then(|read| plan(read, &execution));
    planned.map(|_| ()).map_err(|mistakes| {
        let places = mistakes.all().iter();
        let told: Vec<_> = places
            .map(|mistake| format!("{}: {}", mistake.place, mistake.rule))
            .collect();
        Failure::Impossible(format!(
            "the pipeline cannot be run by hand:\n  {}",
            told.join("\n  ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is said by hand counts more than what the pipeline says.
    #[test]
    fn arguments_come_before_the_pipelines_own() {
        let pipeline = json!({"name": "a", "arguments": {"--layout": "slim", "--env": "prod"}});
        let said =
            ["layout=wide", "--path=raw/{date}/"].map(|text| argument(text).expect("it is one"));
        let input = for_day(with_arguments(pipeline, &said), "2026-01-31".parse().ok());
        let told = json!({
            "--layout": "wide", "--env": "prod", "--path": "raw/{date}/", "--date": "2026-01-31"
        });
        assert_eq!(input["arguments"], told);
        assert_eq!(
            date(&input).map(|date| date.to_string()).as_deref(),
            Some("2026-01-31")
        );
    }

    /// A slip of the pen is no argument.
    #[test]
    fn what_is_no_argument_is_refused() {
        for text in ["", "layout", "=wide", "--=x"] {
            assert!(argument(text).is_err(), "{text}");
        }
        assert_eq!(argument("a=b=c"), Ok(("--a".to_owned(), "b=c".to_owned())));
    }
}
