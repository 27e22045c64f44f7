//! What a crawl changes in the catalog, in numbers and in words.

use serde::{Deserialize, Serialize};

/// How many tables or partitions of the catalog a crawl has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Changes {
    pub(crate) created: u64,
    pub(crate) updated: u64,
    pub(crate) deleted: u64,
}

impl Changes {
    /// Those of two crawls.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            created: self.created + other.created,
            updated: self.updated + other.updated,
            deleted: self.deleted + other.deleted,
        }
    }
}

/// In words; none where Glue tells nothing.
pub(crate) fn changed(tables: Option<Changes>, partitions: Option<Changes>) -> Option<String> {
    tables.or(partitions)?;
    let counts = [("table", tables), ("partition", partitions)];
    let words = counts.into_iter().flat_map(|(what, changes)| {
        let Changes {
            created,
            updated,
            deleted,
        } = changes.unwrap_or_default();
        let counts = [
            (created, "created"),
            (updated, "changed"),
            (deleted, "deleted"),
        ];
        counts.map(|(count, how)| match count {
            0 => None,
            1 => Some(format!("1 {what} {how}")),
            _ => Some(format!("{count} {what}s {how}")),
        })
    });
    let words: Vec<_> = words.flatten().collect();
    Some(if words.is_empty() {
        "nothing changed".to_owned()
    } else {
        words.join(", ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Glue does not tell is left out, rather than told as nothing.
    #[test]
    fn changes_are_told_as_far_as_they_are_known() {
        let of = |created, updated| {
            Some(Changes {
                created,
                updated,
                deleted: 0,
            })
        };
        for (tables, partitions, words) in [
            (None, None, None),
            (of(0, 0), None, Some("nothing changed")),
            (
                of(1, 0),
                of(0, 12),
                Some("1 table created, 12 partitions changed"),
            ),
            (None, of(2, 0), Some("2 partitions created")),
        ] {
            assert_eq!(changed(tables, partitions).as_deref(), words);
        }
    }
}
