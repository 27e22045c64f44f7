//! What the events of Step Functions say.

use aws_sdk_sfn::types::HistoryEvent;
use jiff::Timestamp;
use serde_json::Value;

use super::super::{Crawled, Problem, Status};

/// What has been started is called by its service.
pub(super) fn id(answer: &Value) -> Option<String> {
    ["JobRunId", "QueryExecutionId", "ExecutionArn"]
        .into_iter()
        .find_map(|name| answer.get(name)?.as_str())
        .map(str::to_owned)
}

/// The crawl machine's output, which is JSON, or a text of it.
pub(super) fn crawled(output: &Value) -> Option<Crawled> {
    match output {
        Value::String(text) => serde_json::from_str(text).ok(),
        other => serde_json::from_value(other.clone()).ok(),
    }
}

/// What start-crawler or get-crawler-state answered, in words.
pub(super) fn answered(output: &Value) -> Option<String> {
    let answer = output.get("Payload")?;
    let text = |pointer| answer.pointer(pointer).and_then(Value::as_str);
    let pause = answer.get("pollSeconds").and_then(Value::as_u64);
    let again = |word, pause: Option<u64>| match pause {
        Some(seconds) if seconds > 0 => format!("{word}, look again in {seconds} s"),
        _ => word,
    };
    match (text("/outcome"), text("/crawl/status")) {
        (Some("BUSY"), _) => Some("an older crawl is under way".to_owned()),
        (Some(outcome), _) => Some(again(outcome.to_owned(), pause)),
        (None, Some(status @ ("RUNNING" | "PENDING"))) => Some(again(status.to_owned(), pause)),
        // Of its end the execution's own tells more.
        (None, _) => None,
    }
}

/// How the execution ended, if the event is its end.
pub(super) fn ending(event: &HistoryEvent, ended: Timestamp) -> Option<Status> {
    let problem = |error: Option<&str>, cause: Option<&str>| Problem {
        error: error.unwrap_or_default().to_owned(),
        cause: cause.unwrap_or_default().to_owned(),
    };
    let kind = event.r#type().as_str();
    if kind == "ExecutionSucceeded" {
        let details = event.execution_succeeded_event_details();
        let output = details.and_then(|details| json(details.output()));
        let by = output.as_ref().and_then(|output| output.get("absorbedBy"));
        return Some(match by.and_then(Value::as_str) {
            Some(by) => Status::Absorbed {
                ended,
                absorbed_by: by.to_owned(),
            },
            None => Status::Succeeded { ended },
        });
    }
    if kind == "ExecutionFailed" {
        let details = event.execution_failed_event_details();
        let problem = details.map(|details| problem(details.error(), details.cause()));
        return Some(Status::Failed {
            ended,
            problem: problem.unwrap_or_default(),
        });
    }
    if kind == "ExecutionTimedOut" {
        let details = event.execution_timed_out_event_details();
        let problem = details.map(|details| problem(details.error(), details.cause()));
        return Some(Status::TimedOut {
            ended,
            problem: problem.unwrap_or_default(),
        });
    }
    if kind == "ExecutionAborted" {
        let details = event.execution_aborted_event_details();
        let problem = details.map(|details| problem(details.error(), details.cause()));
        return Some(Status::Aborted {
            ended,
            problem: problem.unwrap_or_default(),
        });
    }
    None
}

/// Which topics could not be told how the run ended, and why.
pub(super) fn untold(output: &Value) -> Vec<String> {
    let told = output.get("untold").and_then(Value::as_array);
    let told = told.into_iter().flatten().filter_map(Value::as_str);
    told.map(str::to_owned).collect()
}

/// Error and cause of a task that failed.
pub(super) fn failure(event: &HistoryEvent) -> Option<(&str, &str)> {
    let (error, cause) = if let Some(details) = event.task_failed_event_details() {
        (details.error(), details.cause())
    } else if let Some(details) = event.task_timed_out_event_details() {
        (details.error(), details.cause())
    } else if let Some(details) = event.task_submit_failed_event_details() {
        (details.error(), details.cause())
    } else {
        let details = event.task_start_failed_event_details()?;
        (details.error(), details.cause())
    };
    Some((error.unwrap_or_default(), cause.unwrap_or_default()))
}

pub(super) fn json(text: Option<&str>) -> Option<Value> {
    serde_json::from_str(text?).ok()
}
