//! `CrawlerHistory.Summary`: what a crawl changed, as JSON whose values are JSON again, in strings:
//! `{"TABLE": {"ADD": "{\"Count\": 1, …}"}, "PARTITION": {…}}`.
//!
//! Its form is undocumented. Public samples show `ADD`; the other words here are those that the
//! console and public code suggest. Unknown words are ignored. A known one whose count cannot be read
//! leaves nothing to be said: 0 would be a lie.

use serde::Serialize;
use serde_json::{Map, Value};

/// How many tables or partitions a crawl created, updated and deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Changes {
    pub(crate) created: u64,
    pub(crate) updated: u64,
    pub(crate) deleted: u64,
}

/// The changes of tables and of partitions; None where they cannot be read. What the summary doesn't
/// mention did not change.
pub(crate) fn changes(summary: &str) -> (Option<Changes>, Option<Changes>) {
    let summary = serde_json::from_str::<Map<_, _>>(summary).ok();
    let changes = |kind| count(summary.as_ref()?.get(kind));
    (changes("TABLE"), changes("PARTITION"))
}

fn count(actions: Option<&Value>) -> Option<Changes> {
    let mut changes = Changes::default();
    let Some(actions) = actions else {
        return Some(changes);
    };
    for (action, detail) in unwrapped(actions)? {
        let counter = match action.to_ascii_uppercase().as_str() {
            "ADD" | "ADDED" | "CREATE" | "CREATED" => &mut changes.created,
            "UPDATE" | "UPDATED" | "MODIFY" | "MODIFIED" | "CHANGE" | "CHANGED" => {
                &mut changes.updated
            }
            "DELETE" | "DELETED" | "REMOVE" | "REMOVED" | "DEPRECATE" | "DEPRECATED" => {
                &mut changes.deleted
            }
            _ => continue,
        };
        if let Some(count) = unwrapped(&detail)?.get("Count") {
            *counter = counter.checked_add(count.as_u64()?)?;
        }
    }
    Some(changes)
}

/// An object that may be JSON in a string.
fn unwrapped(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form that public samples show.
    #[test]
    fn counts_are_read_from_json_within_json() {
        let sample: Value =
            serde_json::from_str(include_str!("../samples/list-crawls.json")).expect("JSON");
        let summary = sample["Crawls"][0]["Summary"].as_str().expect("a summary");
        let one = Changes {
            created: 1,
            ..Changes::default()
        };
        assert_eq!(changes(summary), (Some(one), Some(one)));
    }

    /// Counts must not vanish because Glue spells an action as the console does, or nests it plainly.
    #[test]
    fn other_spellings_are_accepted_and_the_rest_is_ignored() {
        let summary = r#"{"TABLE": {"Updated": {"Count": 2}, "DELETE": "{\"Count\":3}", "RENAME": {"Count": 9}},
            "PARTITION": "{\"ADDED\": {\"Count\": 4}, \"UPDATE\": {\"Details\": {}}}", "DATABASE": 1}"#;
        let tables = Changes {
            created: 0,
            updated: 2,
            deleted: 3,
        };
        let partitions = Changes {
            created: 4,
            ..Changes::default()
        };
        assert_eq!(changes(summary), (Some(tables), Some(partitions)));
    }

    /// A crawl that changed nothing counts 0; of one whose summary cannot be read nothing is known.
    #[test]
    fn nothing_mentioned_is_zero_and_nothing_readable_is_null() {
        let none = Some(Changes::default());
        assert_eq!(changes("{}"), (none, none));
        for unreadable in ["", "[]", "TABLE: 1"] {
            assert_eq!(changes(unreadable), (None, None), "{unreadable:?}");
        }
        for table in [
            r#""garbage""#,
            "1",
            r#"{"ADD": "garbage"}"#,
            r#"{"ADD": {"Count": "3"}}"#,
            r#"{"ADD": {"Count": 2.0}}"#,
            r#"{"ADD": {"Count": -1}}"#,
            r#"{"ADD": {"Count": 18446744073709551615}, "CREATE": {"Count": 1}}"#,
        ] {
            let summary = format!("{{\"TABLE\": {table}}}");
            assert_eq!(changes(&summary), (None, none), "{table}");
        }
    }
}
