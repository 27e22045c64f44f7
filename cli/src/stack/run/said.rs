//! What a cause says: that of a task is JSON of what failed.

use serde_json::Value;

/// The words of a service, out of the cause of a task that failed. AWS cuts what is long: that stays as it is.
pub(super) fn said(error: &str, cause: &str) -> String {
    if error == "States.Timeout" && cause.is_empty() {
        return "its time was up".to_owned();
    }
    let Ok(told @ Value::Object(_)) = serde_json::from_str(cause) else {
        return cause.to_owned();
    };
    let field = |name| find(&told, name).filter(|text| !text.is_empty());
    let words = ["errorMessage", "ErrorMessage", "StateChangeReason", "Cause"];
    let ends = ["JobRunState", "Status", "State"];
    words
        .into_iter()
        .find_map(field)
        .map(str::to_owned)
        .or_else(|| {
            let end = ends.into_iter().find_map(field)?;
            Some(format!("it ended as {end}"))
        })
        .unwrap_or_else(|| cause.to_owned())
}

/// The error of a nested execution, if the cause tells of one.
pub(super) fn nested(error: &str, cause: &str) -> String {
    serde_json::from_str(cause)
        .ok()
        .as_ref()
        .and_then(|told| find(told, "Error"))
        .unwrap_or(error)
        .to_owned()
}

/// Where a job that failed wrote its logs, if the cause tells.
pub(super) fn log_group(cause: &str) -> Option<String> {
    let told = serde_json::from_str(cause).ok()?;
    find(&told, "LogGroupName").map(str::to_owned)
}

/// The text of that name, wherever it stands.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    let Value::Object(fields) = value else {
        return None;
    };
    let own = fields.get(name).and_then(Value::as_str);
    own.or_else(|| fields.values().find_map(|inner| find(inner, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each service tells its failure in a field of its own; people read the words, not the JSON around them.
    #[test]
    fn a_cause_is_read_down_to_the_words_of_the_service() {
        for (cause, words) in [
            (
                r#"{"JobRunState": "FAILED", "ErrorMessage": "no space"}"#,
                "no space",
            ),
            (r#"{"errorType": "KeyError", "errorMessage": "x"}"#, "x"),
            (
                r#"{"QueryExecution": {"Status": {"State": "FAILED", "StateChangeReason": "TABLE_NOT_FOUND"}}}"#,
                "TABLE_NOT_FOUND",
            ),
            (r#"{"JobRunState": "TIMEOUT"}"#, "it ended as TIMEOUT"),
            (
                r#"{"Status": "FAILED", "Error": "CrawlFailed", "Cause": "crawler a: b"}"#,
                "crawler a: b",
            ),
            ("Rate exceeded", "Rate exceeded"),
            (r#"{"cut": "of"#, r#"{"cut": "of"#),
            ("", ""),
        ] {
            assert_eq!(said("States.TaskFailed", cause), words);
        }
        assert_eq!(said("States.Timeout", ""), "its time was up");
    }
}
