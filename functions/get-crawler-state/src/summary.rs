//! `CrawlerHistory.Summary`: what a crawl changed, as JSON whose values are JSON again, in strings:
//! `{"TABLE": {"ADD": "{\"Count\": 1, …}"}, "PARTITION": {…}}`.
//!
//! Its form is undocumented. Public samples show `ADD`; the other words here are those that the
//! console and public code suggest. What is unknown is ignored, never an error.

use serde::Serialize;
use serde_json::Value;

/// How many tables or partitions a crawl created, updated and deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Changes {
    pub(crate) created: u64,
    pub(crate) updated: u64,
    pub(crate) deleted: u64,
}

/// The changes of tables and of partitions; None if the summary is not JSON. What it doesn't mention
/// did not change.
pub(crate) fn changes(summary: &str) -> Option<(Changes, Changes)> {
    let summary: Value = serde_json::from_str(summary).ok()?;
    let summary = summary.as_object()?;
    Some((count(summary.get("TABLE")), count(summary.get("PARTITION"))))
}

fn count(actions: Option<&Value>) -> Changes {
    let mut changes = Changes::default();
    for (action, detail) in unwrapped(actions)
        .as_ref()
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
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
        let detail = unwrapped(Some(detail));
        *counter += detail
            .as_ref()
            .and_then(|detail| detail["Count"].as_u64())
            .unwrap_or(0);
    }
    changes
}

/// A value that may be JSON in a string.
fn unwrapped(value: Option<&Value>) -> Option<Value> {
    match value? {
        Value::String(text) => serde_json::from_str(text).ok(),
        value => Some(value.clone()),
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
        assert_eq!(changes(summary), Some((one, one)));
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
        assert_eq!(changes(summary), Some((tables, partitions)));
    }

    /// A crawl that changed nothing counts 0; a summary that cannot be read counts nothing at all.
    #[test]
    fn nothing_mentioned_is_zero_and_nothing_readable_is_null() {
        assert_eq!(
            changes("{}"),
            Some((Changes::default(), Changes::default()))
        );
        for unreadable in ["", "[]", "TABLE: 1"] {
            assert_eq!(changes(unreadable), None, "{unreadable:?}");
        }
    }
}
