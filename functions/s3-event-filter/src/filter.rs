//! Which objects matter: the settings, from the environment and the input, and the decision.

use serde_json::{Map, Value};
use shared::request::{self, InvalidField};
use shared::setting::{self, InvalidSetting};

use crate::event::Object;
use crate::{glob, number};

const FIELDS: [&str; 5] = ["bucket", "prefix", "suffixes", "minBytes", "ignore"];

/// Lets everything pass but what it names; the default leaves out only what jobs write for themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Filter {
    bucket: Option<String>,
    prefix: String,
    /// One of them must fit, if there are any.
    suffixes: Vec<String>,
    min_bytes: u64,
    /// `None` stands for [`bookkeeping`].
    ignore: Option<Vec<String>>,
}

impl Filter {
    /// The filter of the environment: `FILTER_BUCKET`, `FILTER_PREFIX`, `FILTER_SUFFIXES`,
    /// `FILTER_MIN_BYTES` and `FILTER_IGNORE`.
    pub(crate) fn from_settings(source: &impl setting::Source) -> Result<Self, InvalidSetting> {
        Ok(Self {
            bucket: text(source, "FILTER_BUCKET"),
            prefix: text(source, "FILTER_PREFIX").unwrap_or_default(),
            suffixes: list(source, "FILTER_SUFFIXES")?.unwrap_or_default(),
            min_bytes: setting::parse(source, "FILTER_MIN_BYTES", 0)?,
            ignore: list(source, "FILTER_IGNORE")?,
        })
    }

    /// This filter, where `input` does not say otherwise.
    pub(crate) fn overridden_by(&self, input: &Value) -> Result<Self, InvalidField> {
        let input = input
            .as_object()
            .ok_or_else(|| InvalidField::new("filter", "must be a JSON object"))?;
        self.overridden_by_fields(input)
            .map_err(|error| InvalidField::new(format!("filter.{}", error.field), error.reason))
    }

    fn overridden_by_fields(&self, input: &Map<String, Value>) -> Result<Self, InvalidField> {
        if let Some(unknown) = input.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            let reason = format!("is none of the fields {}", FIELDS.join(", "));
            return Err(InvalidField::new(unknown, reason));
        }
        let bucket = request::optional::<String>(input, "bucket")?;
        if bucket.as_deref() == Some("") {
            return Err(InvalidField::new("bucket", "must not be empty"));
        }
        Ok(Self {
            bucket: bucket.or_else(|| self.bucket.clone()),
            prefix: request::optional(input, "prefix")?.unwrap_or_else(|| self.prefix.clone()),
            suffixes: strings(input, "suffixes")?.unwrap_or_else(|| self.suffixes.clone()),
            min_bytes: number::optional(input.get("minBytes"), "minBytes")?
                .unwrap_or(self.min_bytes),
            ignore: strings(input, "ignore")?.or_else(|| self.ignore.clone()),
        })
    }

    /// Why the object does not matter, in words; `None` if it does.
    pub(crate) fn objection(&self, object: &Object<'_>) -> Option<String> {
        let Object {
            bucket, key, size, ..
        } = *object;
        if let Some(wanted) = self.bucket.as_ref().filter(|wanted| *wanted != bucket) {
            return Some(format!("the bucket is not {wanted:?}"));
        }
        if !key.starts_with(&self.prefix) {
            return Some(format!("the key does not start with {:?}", self.prefix));
        }
        if !self.suffixes.is_empty() && !self.suffixes.iter().any(|suffix| key.ends_with(suffix)) {
            return Some(format!("the key ends in none of {:?}", self.suffixes));
        }
        if let Some(size) = size.filter(|size| *size < self.min_bytes) {
            return Some(format!(
                "the object has {size} bytes, fewer than {}",
                self.min_bytes
            ));
        }
        match &self.ignore {
            None => bookkeeping(key).map(str::to_owned),
            Some(patterns) => {
                let key: Vec<_> = key.chars().collect();
                let pattern = patterns.iter().find(|pattern| glob::fits(pattern, &key))?;
                Some(format!("the key fits the ignored pattern {pattern:?}"))
            }
        }
    }
}

/// Why an object is not data but the bookkeeping of whoever wrote the data next to it. Not a list
/// of globs: `*/_started_*` would also leave out the data in a folder of such a name.
fn bookkeeping(key: &str) -> Option<&'static str> {
    let (folders, name) = key.rsplit_once('/').unwrap_or(("", key));
    if key.ends_with('/') {
        Some("the key ends in \"/\": a folder marker")
    } else if name.ends_with("_$folder$") {
        Some("the key ends in \"_$folder$\": a folder marker")
    } else if name == "_SUCCESS" || name.starts_with("_started_") || name.starts_with("_committed_")
    {
        Some("the file is a job's commit marker")
    } else if matches!(name.rsplit_once('.'), Some((_, "crc"))) {
        Some("the file is a checksum")
    } else if folders
        .split('/')
        .any(|folder| folder == "_temporary" || folder.starts_with(".spark-staging"))
    {
        Some("the file lies in a job's staging folder")
    } else {
        None
    }
}

/// The value as it is, since white space may be part of a key; a blank one counts as absent.
fn text(source: &impl setting::Source, variable: &str) -> Option<String> {
    source(variable).filter(|value| !value.trim().is_empty())
}

fn list(
    source: &impl setting::Source,
    variable: &'static str,
) -> Result<Option<Vec<String>>, InvalidSetting> {
    let Some(value) = text(source, variable) else {
        return Ok(None);
    };
    let entries: Vec<_> = value
        .split(',')
        .map(|entry| entry.trim().to_owned())
        .collect();
    if entries.iter().any(String::is_empty) {
        return Err(InvalidSetting {
            variable,
            reason: format!("{value:?} has an empty entry"),
        });
    }
    Ok(Some(entries))
}

fn strings(
    input: &Map<String, Value>,
    field: &'static str,
) -> Result<Option<Vec<String>>, InvalidField> {
    let entries: Option<Vec<String>> = request::optional(input, field)?;
    if entries.iter().flatten().any(String::is_empty) {
        return Err(InvalidField::new(field, "has an empty entry"));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(key: &str) -> Object<'_> {
        Object {
            bucket: "landing",
            key,
            size: Some(10),
            version_id: None,
            occurrence: None,
        }
    }

    fn filter(input: &Value) -> Filter {
        Filter::default()
            .overridden_by(input)
            .expect("the filter is valid")
    }

    fn passes(filter: &Filter, key: &str) -> bool {
        filter.objection(&object(key)).is_none()
    }

    fn environment(variables: &[(&str, &str)]) -> Result<Filter, String> {
        let source = |name: &str| {
            let (_, value) = variables.iter().find(|(variable, _)| *variable == name)?;
            Some((*value).to_owned())
        };
        Filter::from_settings(&source).map_err(|error| error.to_string())
    }

    /// What jobs write for themselves must not start a pipeline, at whatever depth it lies.
    #[test]
    fn bookkeeping_is_left_out_at_any_depth() {
        for name in [
            "folder/",
            "_SUCCESS",
            "_started_123",
            "_committed_123",
            "orders_$folder$",
            "_$folder$",
            ".part-0.parquet.crc",
            "_temporary/0/part-0.parquet",
            ".spark-staging-1/part-0.parquet",
            ".spark-staging/a/part-0.parquet",
        ] {
            for key in [
                name.to_owned(),
                format!("orders/{name}"),
                format!("/a//b/{name}"),
            ] {
                assert!(!passes(&Filter::default(), &key), "{key}");
            }
        }
    }

    /// Data must not be lost because its name resembles bookkeeping.
    #[test]
    fn lookalikes_of_bookkeeping_are_data() {
        for key in [
            "x_SUCCESS",
            "orders/x_SUCCESS",
            "_SUCCESS.csv",
            "_SUCCESS/part-0.csv",
            "_success",
            "_started",
            "_started_1/part-0.csv",
            "a/_committed_1/part-0.csv",
            "orders_$folder$/part-0.csv",
            "part-0.CRC",
            "a.crc/part-0.csv",
            "_temporary",
            "a/_temporary",
            "a_temporary/part-0.csv",
            "_temporary2/part-0.csv",
            "x.spark-staging/part-0.csv",
            ".spark-staging",
        ] {
            assert!(passes(&Filter::default(), key), "{key}");
        }
    }

    /// Each field of the filter excludes what it should, and its reason tells which one it was.
    #[test]
    fn each_field_excludes_with_its_own_reason() {
        for (input, passing, failing, reason) in [
            (
                json!({"prefix": "raw/a b+"}),
                "raw/a b+c",
                "raw/a%20b+c",
                "the key does not start with \"raw/a b+\"",
            ),
            (
                json!({"suffixes": [".csv", ".json"]}),
                "a.json",
                "a.CSV",
                "the key ends in none of [\".csv\", \".json\"]",
            ),
            (
                json!({"ignore": ["*/scratch/*", "?.bak"]}),
                "tmp/a.bak",
                "a/scratch/b/c",
                "the key fits the ignored pattern \"*/scratch/*\"",
            ),
            (
                json!({"ignore": ["?.bak"]}),
                "A.BAK",
                "é.bak",
                "the key fits the ignored pattern \"?.bak\"",
            ),
        ] {
            let filter = filter(&input);
            assert!(passes(&filter, passing), "{input} {passing}");
            assert_eq!(
                filter.objection(&object(failing)).as_deref(),
                Some(reason),
                "{input}"
            );
        }
    }

    /// A bucket's name is matched as a whole: another bucket may begin with it.
    #[test]
    fn the_bucket_is_matched_exactly() {
        assert!(passes(&filter(&json!({"bucket": "landing"})), "a"));
        let reason = filter(&json!({"bucket": "land"})).objection(&object("a"));
        assert_eq!(reason.as_deref(), Some("the bucket is not \"land\""));
    }

    /// An object of unknown size passes: CloudTrail tells none, and losing objects is worse.
    #[test]
    fn only_known_sizes_are_held_against_the_least() {
        let filter = filter(&json!({"minBytes": 10}));
        let sized = |size| Object {
            size,
            ..object("a")
        };
        assert_eq!(filter.objection(&sized(Some(10))), None);
        assert_eq!(filter.objection(&sized(None)), None);
        assert_eq!(
            filter.objection(&sized(Some(9))).as_deref(),
            Some("the object has 9 bytes, fewer than 10")
        );
    }

    /// Teams that use `_SUCCESS` as their commit marker must be able to let it through.
    #[test]
    fn an_explicit_list_replaces_the_default_even_if_empty() {
        assert!(passes(&filter(&json!({"ignore": []})), "a/_SUCCESS"));
        assert!(passes(&filter(&json!({"ignore": ["*.bak"]})), "a/_SUCCESS"));
        assert!(!passes(&filter(&json!({"ignore": null})), "a/_SUCCESS"));
    }

    /// One rule may differ from the deployment's filter in a single field and keep the others.
    #[test]
    fn the_input_wins_over_the_environment_field_by_field() {
        let deployed = environment(&[
            ("FILTER_BUCKET", "landing"),
            ("FILTER_PREFIX", "raw/"),
            ("FILTER_SUFFIXES", ".csv, .json"),
            ("FILTER_MIN_BYTES", "10"),
            ("FILTER_IGNORE", "*.bak,*.tmp"),
        ])
        .expect("the settings are valid");
        assert_eq!(deployed.overridden_by(&json!({})), Ok(deployed.clone()));
        assert_eq!(
            deployed.overridden_by(
                &json!({"bucket": null, "prefix": null, "suffixes": null, "minBytes": null, "ignore": null})
            ),
            Ok(deployed.clone())
        );
        for (input, changed) in [
            (
                json!({"bucket": "other"}),
                Filter {
                    bucket: Some("other".to_owned()),
                    ..deployed.clone()
                },
            ),
            (
                json!({"prefix": ""}),
                Filter {
                    prefix: String::new(),
                    ..deployed.clone()
                },
            ),
            (
                json!({"suffixes": []}),
                Filter {
                    suffixes: vec![],
                    ..deployed.clone()
                },
            ),
            (
                json!({"minBytes": 0}),
                Filter {
                    min_bytes: 0,
                    ..deployed.clone()
                },
            ),
            (
                json!({"ignore": []}),
                Filter {
                    ignore: Some(vec![]),
                    ..deployed.clone()
                },
            ),
        ] {
            assert_eq!(deployed.overridden_by(&input), Ok(changed), "{input}");
        }
    }

    /// A typo or a wrong type must not widen the filter, and the message must name the field.
    #[test]
    fn an_unreadable_filter_is_refused_by_field() {
        for (input, message) in [
            (json!([]), "filter: must be a JSON object"),
            (
                json!({"sufixes": [".csv"]}),
                "filter.sufixes: is none of the fields bucket, prefix, suffixes, minBytes, ignore",
            ),
            (
                json!({"sufixes": null}),
                "filter.sufixes: is none of the fields bucket, prefix, suffixes, minBytes, ignore",
            ),
            (
                json!({"prefix": 7}),
                "filter.prefix: invalid type: integer `7`, expected a string",
            ),
            (json!({"bucket": ""}), "filter.bucket: must not be empty"),
            (
                json!({"suffixes": ".csv"}),
                "filter.suffixes: invalid type: string \".csv\", expected a sequence",
            ),
            (
                json!({"suffixes": [".csv", ""]}),
                "filter.suffixes: has an empty entry",
            ),
            (json!({"ignore": [""]}), "filter.ignore: has an empty entry"),
            (
                json!({"ignore": [null]}),
                "filter.ignore: invalid type: null, expected a string",
            ),
            (
                json!({"minBytes": -1}),
                "filter.minBytes: must be a whole number of at least 0",
            ),
            (
                json!({"minBytes": "1"}),
                "filter.minBytes: must be a whole number of at least 0",
            ),
        ] {
            let error = Filter::default().overridden_by(&input);
            assert_eq!(
                error.map_err(|error| error.to_string()),
                Err(message.to_owned())
            );
        }
    }

    /// SAM passes empty parameters on as empty variables.
    #[test]
    fn empty_variables_count_as_unset() {
        let empty = FIELDS_OF_ENVIRONMENT.map(|variable| (variable, ""));
        assert_eq!(environment(&empty), Ok(Filter::default()));
        assert_eq!(environment(&[]), Ok(Filter::default()));
    }

    const FIELDS_OF_ENVIRONMENT: [&str; 5] = [
        "FILTER_BUCKET",
        "FILTER_PREFIX",
        "FILTER_SUFFIXES",
        "FILTER_MIN_BYTES",
        "FILTER_IGNORE",
    ];

    /// A bad variable must stop the start with its name, not filter something else.
    #[test]
    fn a_bad_variable_is_named() {
        for (variable, value, message) in [
            (
                "FILTER_MIN_BYTES",
                "-1",
                "environment variable FILTER_MIN_BYTES: \"-1\": invalid digit found in string",
            ),
            (
                "FILTER_SUFFIXES",
                ".csv,,.json",
                "environment variable FILTER_SUFFIXES: \".csv,,.json\" has an empty entry",
            ),
            (
                "FILTER_IGNORE",
                "*.bak, ",
                "environment variable FILTER_IGNORE: \"*.bak, \" has an empty entry",
            ),
        ] {
            assert_eq!(environment(&[(variable, value)]), Err(message.to_owned()));
        }
    }
}
