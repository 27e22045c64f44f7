//! Which objects matter: the filter that comes with the input, and the decision.

use input::{Mistakes, Node};
use pipeline::trigger::Selection;
use serde_json::Value;

use crate::glob;
use crate::s3::Object;

/// Lets everything pass but what it names and what jobs write for themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Filter {
    bucket: Option<String>,
    prefix: String,
    selection: Selection,
}

impl Filter {
    /// Reads the input's `filter`; without one, nothing but bookkeeping is left out.
    pub(crate) fn read(value: Option<&Value>) -> Result<Self, Mistakes> {
        value.map_or(Ok(Self::default()), |value| {
            input::read(value, "filter", |node| {
                Self::from(&node.at("filter".to_owned(), "."))
            })
        })
    }

    fn from(node: &Node<'_>) -> Option<Self> {
        let mut fields = node.fields()?;
        let bucket = fields.optional("bucket", Node::filled);
        let prefix = fields.optional("prefix", Node::text);
        let filter = Self {
            bucket: bucket.map(str::to_owned),
            prefix: prefix.unwrap_or_default().to_owned(),
            selection: Selection::read(&mut fields),
        };
        fields.finish();
        Some(filter)
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
        let selection = &self.selection;
        let suffixes = selection.suffixes.as_deref().unwrap_or_default();
        if !suffixes.is_empty() && !suffixes.iter().any(|suffix| key.ends_with(suffix)) {
            return Some(format!("the key ends in none of {suffixes:?}"));
        }
        let least = selection.min_bytes.unwrap_or_default();
        if let Some(size) = size.filter(|size| *size < least) {
            return Some(format!("the object has {size} bytes, fewer than {least}"));
        }
        let chars: Vec<_> = key.chars().collect();
        let mut ignored = selection.ignore.iter().flatten();
        if let Some(pattern) = ignored.find(|glob| glob::fits(glob, &chars)) {
            return Some(format!("the key fits the ignored pattern {pattern:?}"));
        }
        let reason = bookkeeping(key).filter(|_| selection.ignore_defaults != Some(false))?;
        // Asked for by name: a suffix that is bookkeeping of this kind itself.
        let is_wanted = (suffixes.iter())
            .any(|suffix| key.ends_with(suffix) && bookkeeping(suffix) == Some(reason));
        (!is_wanted).then(|| reason.to_owned())
    }
}

/// Why an object is not data but the bookkeeping of the job that wrote the data next to it. Not a list
/// of globs: `*/_started_*` would also leave out the data in a folder of such a name.
fn bookkeeping(key: &str) -> Option<&'static str> {
    let (folders, name) = key.rsplit_once('/').unwrap_or(("", key));
    let mut folders = folders.split('/');
    if folders.clone().any(is_staging) {
        Some("the file lies in a job's staging folder")
    } else if key.ends_with('/') {
        Some("the key ends in \"/\": a folder marker")
    } else if name.ends_with("_$folder$") {
        Some("the key ends in \"_$folder$\": a folder marker")
    } else if is_commit_marker(name) {
        Some("the file is a job's commit marker")
    } else if matches!(name.rsplit_once('.'), Some((_, "crc"))) {
        Some("the file is a checksum")
    } else if folders.any(|folder| folder == "_delta_log")
        && (name.starts_with('.') || matches!(name.rsplit_once('.'), Some((_, "tmp"))))
    {
        Some("the file is a temporary one of a Delta log")
    } else {
        None
    }
}

/// Spark's and Hadoop's committers, S3A's (`__magic`), Hive's, and Spark's streams.
fn is_staging(folder: &str) -> bool {
    matches!(folder, "_temporary" | "_spark_metadata")
        || [".spark-staging", ".hive-staging", "__magic"]
            .iter()
            .any(|staging| folder.starts_with(staging))
}

fn is_commit_marker(name: &str) -> bool {
    matches!(name, "_SUCCESS" | "_started")
        || name.starts_with("_started_")
        || name.starts_with("_committed_")
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
        Filter::read(Some(input)).expect("the filter is valid")
    }

    fn passes(filter: &Filter, key: &str) -> bool {
        filter.objection(&object(key)).is_none()
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
            "_started",
            "__magic_job-1/tasks/0/part-0.parquet",
            "__magic/part-0.parquet",
            ".hive-staging_hive_2026-01-01_1/-ext-10000/000000_0",
            "_spark_metadata/0",
            "_delta_log/.00000000000000000001.json.c0ffee.tmp",
            "_delta_log/00000000000000000001.json.tmp",
            "_temporary/0/_SUCCESS",
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
            "_starter",
            "_started/part-0.csv",
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
            "__magic",
            "a__magic/part-0.csv",
            "_spark_metadata",
            "spark_metadata/0",
            ".hive-staging",
            "_delta_log/00000000000000000001.json",
            "_delta_log/_last_checkpoint",
            "a_delta_log/.hidden",
            "orders/part-0.tmp",
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

    /// A glob of one's own must not let markers and checksums in.
    #[test]
    fn a_list_adds_to_the_defaults_unless_they_are_dropped() {
        for (input, passing, failing) in [
            (json!({"ignore": []}), "a/b.csv", "a/_SUCCESS"),
            (json!({"ignore": ["*.bak"]}), "a/b.csv", "a/_SUCCESS"),
            (
                json!({"ignore": ["*.bak"], "ignoreDefaults": true}),
                "a/b.csv",
                "a/_SUCCESS",
            ),
            (
                json!({"ignore": ["*.bak"], "ignoreDefaults": false}),
                "a/_SUCCESS",
                "a/b.bak",
            ),
            (
                json!({"ignore": ["*/_SUCCESS"], "ignoreDefaults": false}),
                "_temporary/a",
                "a/_SUCCESS",
            ),
        ] {
            let filter = filter(&input);
            assert!(passes(&filter, passing), "{input} {passing}");
            assert!(!passes(&filter, failing), "{input} {failing}");
        }
    }

    /// Teams that use `_SUCCESS` as their commit marker ask for it, and get it without knowing of defaults.
    #[test]
    fn what_a_suffix_asks_for_by_name_passes() {
        for (suffix, key, is_wanted) in [
            ("_SUCCESS", "orders/_SUCCESS", true),
            ("/_SUCCESS", "orders/_SUCCESS", true),
            ("_SUCCESS", "_temporary/0/_SUCCESS", false),
            ("SUCCESS", "orders/_SUCCESS", false),
            (".crc", "orders/a.crc", true),
            ("/", "orders/", true),
            ("_$folder$", "orders_$folder$", true),
            (".tmp", "_delta_log/a.tmp", false),
            (".csv", "_temporary/0/a.csv", false),
        ] {
            let one = filter(&json!({"suffixes": [suffix]}));
            assert_eq!(passes(&one, key), is_wanted, "{suffix} {key}");
            let ignoring = filter(&json!({"suffixes": [suffix], "ignore": ["*"]}));
            assert!(!passes(&ignoring, key), "{suffix} {key}");
        }
    }

    /// A typo or a wrong type must not widen the filter, and the message must name the field.
    #[test]
    fn an_unreadable_filter_is_refused_by_field() {
        for (input, message) in [
            (json!([]), "filter: must be an object"),
            (
                json!({"sufixes": [".csv"], "prefix": 7}),
                "filter.prefix: must be a string; filter.sufixes: is not one of the fields bucket, prefix, suffixes, minBytes, ignore, ignoreDefaults",
            ),
            (
                json!({"sufixes": null}),
                "filter.sufixes: is not one of the fields bucket, prefix, suffixes, minBytes, ignore, ignoreDefaults",
            ),
            (json!({"bucket": ""}), "filter.bucket: must not be empty"),
            (
                json!({"suffixes": ".csv"}),
                "filter.suffixes: must be an array",
            ),
            (
                json!({"suffixes": [".csv", ""]}),
                "filter.suffixes[1]: must not be empty",
            ),
            (
                json!({"ignore": [""]}),
                "filter.ignore[0]: must not be empty",
            ),
            (
                json!({"ignore": [null]}),
                "filter.ignore[0]: must be a string",
            ),
            (
                json!({"ignore": ["*.bak", "*.{tmp,bak}"]}),
                "filter.ignore[1]: must hold no [ and no {: * and ? are all the wildcards there are",
            ),
            (
                json!({"ignore": ["part-[0-9].csv"]}),
                "filter.ignore[0]: must hold no [ and no {: * and ? are all the wildcards there are",
            ),
            (
                json!({"ignoreDefaults": "no"}),
                "filter.ignoreDefaults: must be true or false",
            ),
            (
                json!({"minBytes": -1}),
                "filter.minBytes: must be a whole number from 0 to 54975581388800",
            ),
            (
                json!({"minBytes": "1"}),
                "filter.minBytes: must be a whole number from 0 to 54975581388800",
            ),
        ] {
            let error = Filter::read(Some(&input));
            assert_eq!(
                error.map_err(|error| error.to_string()),
                Err(message.to_owned())
            );
        }
    }

    /// `null` is what a state machine writes where nobody has a filter.
    #[test]
    fn fields_that_are_null_say_nothing() {
        let nulls = json!({"bucket": null, "prefix": null, "suffixes": null, "minBytes": null, "ignore": null, "ignoreDefaults": null});
        assert_eq!(Filter::read(Some(&nulls)), Ok(Filter::default()));
        assert_eq!(Filter::read(None), Ok(Filter::default()));
    }
}
