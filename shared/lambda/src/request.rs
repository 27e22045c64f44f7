//! The fields that the Glue functions share.

use std::collections::BTreeSet;
use std::time::Duration;

use crawl::crawler::CrawlerName;
use crawl::poll::{PollBounds, Waiting};
use input::{Fields, Node};
use serde::{Serialize, Serializer};
use time::OffsetDateTime;

/// The name's key where nobody chose another.
const CRAWLER_NAME: &str = "crawlername";

/// A crawler, and the keys that its caller names it by. As JSON it is the name under each of them, and under
/// `crawlername`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The crawler's name, as Glue has it.
    pub crawler: CrawlerName,
    keys: BTreeSet<String>,
}

impl Serialize for Named {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.keys.iter().map(|key| (key, self.crawler.as_str())))
    }
}

/// The crawler's name, under `crawlername` or `crawler` in any case, with or without `_` and `-`; where there is
/// neither, under `name` in the same way. An object there is no name: it is what GetCrawler says of a crawler.
pub fn crawler(fields: &Fields<'_>) -> Option<Named> {
    let under = |words: &[&str]| -> Vec<_> {
        fields
            .others()
            .filter(|(key, node)| {
                let word = key.replace(['_', '-'], "").to_ascii_lowercase();
                words.contains(&word.as_str())
                    && !node.value().is_null()
                    && !node.value().is_object()
            })
            .collect()
    };
    let mut found = under(&[CRAWLER_NAME, "crawler"]);
    if found.is_empty() {
        found = under(&["name"]);
    }
    let Some(((first, node), others)) = found.split_first() else {
        return fields.wrong(CRAWLER_NAME, "is missing");
    };
    let name = node.text()?;
    for (_, other) in others {
        let contrary = other.text()?;
        if contrary != name {
            return other.wrong(format!("{contrary:?} contradicts {first} {name:?}"));
        }
    }
    let crawler = CrawlerName::new(name)
        .map_err(|reason| node.wrong::<()>(reason.to_string()))
        .ok()?;
    let keys = found.iter().map(|(key, _)| *key).chain([CRAWLER_NAME]);
    Some(Named {
        crawler,
        keys: keys.map(str::to_owned).collect(),
    })
}

/// `pollMinSeconds` and `pollMaxSeconds`, from 1 to 86400; 5 and 60 where they are left out.
pub fn poll_bounds(fields: &mut Fields<'_>) -> Option<PollBounds> {
    const DAY: u64 = 86_400;
    let min = fields.optional("pollMinSeconds", |node| node.whole(1..=DAY));
    let max = fields.optional("pollMaxSeconds", |node| node.whole(1..=DAY));
    PollBounds::new(min, max)
        .or_else(|| fields.wrong("pollMaxSeconds", "must be at least the shortest pause"))
}

/// `endsAnnounced`: whether somebody announces the end of each crawl to the caller; and `announcedAt`, when that
/// happened last. The waiting began at `began`, if that is known.
pub fn waiting(
    fields: &mut Fields<'_>,
    began: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Waiting {
    let told = fields.optional("endsAnnounced", Node::flag);
    let last = fields.optional("announcedAt", Node::moment).max(began);
    if told == Some(true) {
        // Before now, or at all by a clock that is ahead of this one.
        let since = |moment| Duration::try_from(now - moment).unwrap_or_default();
        Waiting::Told {
            since: last.map(since),
        }
    } else {
        Waiting::Polling
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read<T>(
        payload: &Value,
        reader: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Result<T, String> {
        input::read(payload, "input", |input| reader(&mut input.fields()?))
            .map_err(|mistakes| mistakes.to_string())
    }

    /// What is told to the caller of the name that it gave.
    fn echo(payload: &Value) -> Result<Value, String> {
        let named = read(payload, |fields| crawler(fields))?;
        Ok(serde_json::to_value(named).expect("JSON"))
    }

    /// State machines in the field spell the name in many ways, and read it from the answer under their own.
    #[test]
    fn the_name_is_understood_and_repeated_in_any_spelling() {
        for key in [
            "crawlername",
            "crawlerName",
            "CrawlerName",
            "crawler_name",
            "Crawler_Name",
            "CRAWLER_NAME",
            "crawler-name",
            "crawler",
            "Crawler",
            "name",
            "Name",
            "NAME",
        ] {
            assert_eq!(
                echo(&json!({ key: "orders", "other": 1 })),
                Ok(json!({ key: "orders", "crawlername": "orders" })),
                "{key}"
            );
        }
    }

    /// An input may have a name of its own, and what GetCrawler said, beside the crawler's name.
    #[test]
    fn the_most_telling_key_is_the_crawlers() {
        assert_eq!(
            echo(&json!({"name": "nightly", "crawler": "orders", "Crawler": {"Name": "x"}})),
            Ok(json!({"crawler": "orders", "crawlername": "orders"}))
        );
        assert_eq!(
            echo(&json!({"name": "orders", "Crawler": {"Name": "x"}, "crawler_name": null})),
            Ok(json!({"name": "orders", "crawlername": "orders"}))
        );
    }

    /// Guessing which of two names was meant would crawl the wrong data.
    #[test]
    fn spellings_may_repeat_but_not_contradict() {
        assert_eq!(
            echo(&json!({"crawlername": "a", "Crawler": "a"})),
            Ok(json!({"crawlername": "a", "Crawler": "a"}))
        );
        assert_eq!(
            echo(&json!({"CrawlerName": "b", "crawlername": "a"})),
            Err("crawlername: \"a\" contradicts CrawlerName \"b\"".to_owned())
        );
    }

    /// Every unusable name must be refused before Glue is called, and say why.
    #[test]
    fn unusable_names_are_refused_with_their_field() {
        let long = "é".repeat(256);
        for (payload, message) in [
            (json!([]), "input: must be an object"),
            (json!({}), "crawlername: is missing"),
            (json!({"crawlername": null}), "crawlername: is missing"),
            (json!({"crawlername": 7}), "crawlername: must be a string"),
            (
                json!({"crawlername": "a", "crawler": ["a"]}),
                "crawler: must be a string",
            ),
            (
                json!({"Name": ""}),
                "Name: must have 1 to 255 characters, has 0",
            ),
            (
                json!({"Name": long}),
                "Name: must have 1 to 255 characters, has 256",
            ),
        ] {
            assert_eq!(echo(&payload), Err(message.to_owned()));
        }
    }

    /// The limit counts characters, as Glue's does, and a name reaches Glue unchanged.
    #[test]
    fn a_name_is_passed_on_untouched() {
        for name in ["é".repeat(255), " a b ".to_owned()] {
            let named = read(&json!({ "crawlername": name }), |fields| crawler(fields));
            assert_eq!(named.map(|named| named.crawler.to_string()), Ok(name));
        }
    }

    /// Who is told of ends looks seldom, but soon after the last announcement, or after it began to wait.
    #[test]
    fn how_a_caller_waits_comes_with_the_input() {
        let noon = OffsetDateTime::UNIX_EPOCH + Duration::from_hours(12);
        let since = |seconds: Option<u64>| {
            Ok(Waiting::Told {
                since: seconds.map(Duration::from_secs),
            })
        };
        let waits =
            |payload: Value, began| read(&payload, |fields| Some(waiting(fields, began, noon)));
        let earlier = Some(noon - Duration::from_secs(30));
        assert_eq!(waits(json!({}), earlier), Ok(Waiting::Polling));
        assert_eq!(
            waits(json!({"endsAnnounced": false}), None),
            Ok(Waiting::Polling)
        );
        assert_eq!(waits(json!({"endsAnnounced": true}), None), since(None));
        assert_eq!(
            waits(json!({"endsAnnounced": true}), earlier),
            since(Some(30))
        );
        for (moment, seconds) in [
            ("1970-01-01T11:59:50Z", 10),
            ("1970-01-01T11:00:00Z", 30),
            ("1970-01-01T12:00:01Z", 0),
        ] {
            let payload = json!({"endsAnnounced": true, "announcedAt": moment});
            assert_eq!(waits(payload, earlier), since(Some(seconds)), "{moment}");
        }
        for (payload, message) in [
            (
                json!({"endsAnnounced": "yes"}),
                "endsAnnounced: must be true or false",
            ),
            (
                json!({"announcedAt": "noon"}),
                "announcedAt: must be a moment such as 2026-01-31T23:59:59Z",
            ),
        ] {
            assert_eq!(waits(payload, None), Err(message.to_owned()));
        }
    }

    /// Bounds that would poll without pause, or never, are refused by field.
    #[test]
    fn bounds_come_with_the_input() {
        let bounds = |payload: Value| read(&payload, poll_bounds);
        assert_eq!(bounds(json!({})), Ok(PollBounds::default()));
        assert_eq!(
            bounds(json!({"pollMinSeconds": 1.0, "pollMaxSeconds": 3})),
            Ok(PollBounds::new(Some(1), Some(3)).expect("bounds"))
        );
        for (payload, message) in [
            (
                json!({"pollMinSeconds": 0}),
                "pollMinSeconds: must be a whole number from 1 to 86400",
            ),
            (
                json!({"pollMaxSeconds": "9"}),
                "pollMaxSeconds: must be a whole number from 1 to 86400",
            ),
            (
                json!({"pollMaxSeconds": 4}),
                "pollMaxSeconds: must be at least the shortest pause",
            ),
        ] {
            assert_eq!(bounds(payload), Err(message.to_owned()));
        }
    }
}
