//! Reading a Lambda's input field by field, so that an error names the field.

use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::crawler::CrawlerName;

/// A field of the input that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{field}: {reason}")]
pub struct InvalidField {
    /// The path of the field that is to blame.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

impl InvalidField {
    /// An error about `field`.
    #[must_use]
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }
}

/// The spellings of the crawler's name in the tutorials, the Glue API and their mixtures.
const CRAWLER_NAME_FIELDS: [&str; 5] = [
    "crawlername",
    "crawlerName",
    "crawler_name",
    "CrawlerName",
    "Name",
];

/// The JSON object that every input must be.
///
/// # Errors
/// [`InvalidField`] if the input is anything else.
pub fn object(payload: &Value) -> Result<&Map<String, Value>, InvalidField> {
    payload.as_object().ok_or_else(|| {
        InvalidField::new(
            "input",
            "must be a JSON object, such as {\"crawlername\": \"orders\"}",
        )
    })
}

/// An optional field; `null` counts as absent.
///
/// # Errors
/// [`InvalidField`] if the field is there and is not a `T`.
pub fn optional<T: DeserializeOwned>(
    input: &Map<String, Value>,
    field: &'static str,
) -> Result<Option<T>, InvalidField> {
    match input.get(field) {
        None => Ok(None),
        Some(value) => {
            Option::deserialize(value).map_err(|error| InvalidField::new(field, error.to_string()))
        }
    }
}

/// An optional moment in RFC 3339; `null` counts as absent.
///
/// # Errors
/// [`InvalidField`] if the field is there and is none.
pub fn moment(
    input: &Map<String, Value>,
    field: &'static str,
) -> Result<Option<OffsetDateTime>, InvalidField> {
    optional::<String>(input, field)?
        .map(|text| {
            OffsetDateTime::parse(&text, &Rfc3339).map_err(|error| {
                InvalidField::new(field, format!("{text:?} is not RFC 3339: {error}"))
            })
        })
        .transpose()
}

/// The crawler's name, under any of its spellings.
///
/// # Errors
/// [`InvalidField`] if it is missing, said twice with different values, or not a string of
/// 1 to 255 characters.
pub fn crawler_name(input: &Map<String, Value>) -> Result<CrawlerName, InvalidField> {
    let mut found: Option<(&'static str, String)> = None;
    for field in CRAWLER_NAME_FIELDS {
        let Some(name) = optional::<String>(input, field)? else {
            continue;
        };
        match &found {
            Some((first, other)) if *other != name => {
                return Err(InvalidField::new(
                    field,
                    format!("{name:?} contradicts {first} {other:?}"),
                ));
            }
            _ => found = Some((field, name)),
        }
    }
    let (field, name) = found.ok_or_else(|| InvalidField::new("crawlername", "is missing"))?;
    CrawlerName::new(name).map_err(|reason| InvalidField::new(field, reason.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn name(payload: &Value) -> Result<String, String> {
        object(payload)
            .and_then(crawler_name)
            .map(|name| name.to_string())
            .map_err(|error| error.to_string())
    }

    /// State machines in the field spell the name in five ways.
    #[test]
    fn every_spelling_of_the_name_is_understood() {
        for field in CRAWLER_NAME_FIELDS {
            assert_eq!(
                name(&json!({ field: "orders", "other": 1 })),
                Ok("orders".to_owned()),
                "{field}"
            );
        }
    }

    /// Guessing which of two names was meant would crawl the wrong data.
    #[test]
    fn spellings_may_repeat_but_not_contradict() {
        assert_eq!(
            name(&json!({"crawlername": "a", "Name": "a", "crawler_name": null})),
            Ok("a".to_owned())
        );
        assert_eq!(
            name(&json!({"crawlername": "a", "Name": "b"})),
            Err("Name: \"b\" contradicts crawlername \"a\"".to_owned())
        );
    }

    /// Every unusable name must be refused before Glue is called, and say why.
    #[test]
    fn unusable_names_are_refused_with_their_field() {
        for (payload, message) in [
            (
                json!([]),
                "input: must be a JSON object, such as {\"crawlername\": \"orders\"}",
            ),
            (json!({}), "crawlername: is missing"),
            (json!({"crawlername": null}), "crawlername: is missing"),
            (
                json!({"crawlername": 7}),
                "crawlername: invalid type: integer `7`, expected a string",
            ),
            (
                json!({"Name": ""}),
                "Name: must have 1 to 255 characters, has 0",
            ),
            (
                json!({"Name": "é".repeat(256)}),
                "Name: must have 1 to 255 characters, has 256",
            ),
        ] {
            assert_eq!(name(&payload), Err(message.to_owned()));
        }
    }

    /// The limit counts characters, as Glue's does, and a name reaches Glue unchanged.
    #[test]
    fn a_name_is_passed_on_untouched() {
        let longest = "é".repeat(255);
        assert_eq!(name(&json!({"Name": longest})), Ok(longest));
        assert_eq!(name(&json!({"Name": " a b "})), Ok(" a b ".to_owned()));
    }
}
