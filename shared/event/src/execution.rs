//! Which execution serves an object: its name, and when it may begin.
//!
//! All objects handled within one window share an execution, which begins after the window's end,
//! when all of them have landed. So a second start that finds it started has lost nothing.

use input::Node;
use pipeline::trigger;
use pipeline::window::Window;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use crate::s3::Object;

/// How long after its window an execution begins. The filter's clock chooses the window, the clock
/// of Step Functions waits for its end: while the former is behind by no more than this, nothing is lost.
const MARGIN: Duration = Duration::seconds(5);

/// The longest name that Step Functions takes.
///
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>
const LONGEST_NAME: usize = 80;

/// In characters: the end of a window in seconds, until the year 9999.
const END_DIGITS: usize = 12;

/// How many seconds of writes share an execution; with 0 each write has one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coalescing(u32);

impl Default for Coalescing {
    /// A minute.
    fn default() -> Self {
        Self(60)
    }
}

impl Coalescing {
    /// Reads the input's `coalesceSeconds`.
    pub(crate) fn read(node: &Node<'_>) -> Option<Self> {
        trigger::coalesce_seconds(node).map(Self)
    }
}

/// The pipeline's name where the input has none.
pub(crate) const DEFAULT_PIPELINE: &str = "pipeline";

/// The pipeline that the event is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pipeline<'a> {
    /// What people call it.
    name: &'a str,
    /// All of it, if it is more than a name. Two pipelines of one name, or one before and after an edit, are not the
    /// same.
    value: Option<&'a Value>,
}

impl Default for Pipeline<'_> {
    fn default() -> Self {
        Self {
            name: DEFAULT_PIPELINE,
            value: None,
        }
    }
}

impl<'a> Pipeline<'a> {
    /// Reads a name, or an object that has one.
    pub(crate) fn read(node: &Node<'a>) -> Option<Self> {
        let value = node.value();
        let name = if value.is_object() {
            node.fields()?.required("name", Node::filled)?
        } else {
            node.filled()?
        };
        Some(Self {
            name,
            value: Some(value),
        })
    }

    fn identity(&self) -> Value {
        self.value.cloned().unwrap_or_else(|| self.name.into())
    }
}

/// An execution to start, unless it has been.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Execution {
    /// 1 to 80 characters of `[A-Za-z0-9_-]`.
    pub(crate) name: String,
    /// The moment before which it must not begin.
    pub(crate) start_after: OffsetDateTime,
    /// The window that it serves; none where it serves one write alone.
    pub(crate) window: Option<Window>,
}

/// The execution that serves an object handled at `now` (UTC).
pub(crate) fn plan(
    pipeline: Pipeline<'_>,
    Coalescing(seconds): Coalescing,
    object: &Object<'_>,
    now: OffsetDateTime,
) -> Execution {
    if seconds == 0 {
        alone(pipeline, object, now)
    } else {
        together(pipeline, seconds, now)
    }
}

/// One execution for all objects of a window. Windows tumble, so each event's handler knows
/// its window without asking anyone.
fn together(pipeline: Pipeline<'_>, seconds: u32, now: OffsetDateTime) -> Execution {
    let length = i64::from(seconds);
    let left = length - now.unix_timestamp().rem_euclid(length);
    let end = now
        .truncate_to_second()
        .saturating_add(Duration::seconds(left));
    let hash = hash(json!([pipeline.identity(), seconds]));
    let window = Window {
        queue: name(pipeline.name, &format!("-{hash}-"), END_DIGITS),
        start: end.saturating_sub(Duration::seconds(length)),
        end,
    };
    Execution {
        name: window.execution_name(),
        start_after: end.saturating_add(MARGIN),
        window: Some(window),
    }
}

/// One execution for this write alone.
fn alone(pipeline: Pipeline<'_>, object: &Object<'_>, now: OffsetDateTime) -> Execution {
    // Without any id a duplicate cannot be told from another write: better run twice than not at all.
    let occurrence = object
        .occurrence
        .map_or_else(|| now.unix_timestamp_nanos().to_string(), ToOwned::to_owned);
    let hash = hash(json!([
        pipeline.identity(),
        0,
        object.bucket,
        object.key,
        object.version_id,
        occurrence,
    ]));
    Execution {
        name: name(pipeline.name, &format!("-{hash}"), 0),
        // The precision of Step Functions' own times.
        start_after: now.truncate_to_millisecond(),
        window: None,
    }
}

/// 128 bits of SHA-256: an uploader chooses keys freely, and with a weaker hash could let one object
/// take another's name. JSON keeps the parts apart, whatever they contain. Its fields are sorted, because
/// any crate may switch on the feature of `serde_json` that keeps them in the order of the input.
fn hash(mut parts: Value) -> String {
    parts.sort_all_objects();
    let digest = Sha256::digest(parts.to_string());
    let bits = digest
        .iter()
        .take(16)
        .fold(0, |bits: u128, byte| bits << 8 | u128::from(*byte));
    format!("{bits:032x}")
}

/// The pipeline's name, as far as a name of an execution can hold it, before the distinguishing part; with room for
/// so many characters after that.
#[must_use]
pub fn name(pipeline: &str, suffix: &str, room: usize) -> String {
    let slug: String = pipeline
        .chars()
        .map(|char| match char {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '_' => char,
            _ => '-',
        })
        .take(LONGEST_NAME.saturating_sub(suffix.len() + room))
        .collect();
    let slug = if slug.chars().all(|char| char == '-') {
        DEFAULT_PIPELINE
    } else {
        &slug
    };
    format!("{slug}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-01-01T00:00:30.25Z.
    fn now() -> OffsetDateTime {
        at(1_767_225_630, 250_000_000)
    }

    fn at(seconds: i64, nanoseconds: u32) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).expect("a moment before the year 10000")
            + Duration::nanoseconds(i64::from(nanoseconds))
    }

    fn object() -> Object<'static> {
        Object {
            bucket: "landing",
            key: "orders/a.csv",
            size: Some(10),
            version_id: Some("v1"),
            occurrence: Some("0069000000AAAA0001"),
        }
    }

    fn planned(
        pipeline: &Value,
        coalesce_seconds: u32,
        object: &Object<'_>,
        now: OffsetDateTime,
    ) -> Execution {
        let pipeline =
            input::read(pipeline, "pipeline", |node| Pipeline::read(&node)).expect("a pipeline");
        plan(pipeline, Coalescing(coalesce_seconds), object, now)
    }

    fn name_of(pipeline: &Value, coalesce_seconds: u32, object: &Object<'_>) -> String {
        planned(pipeline, coalesce_seconds, object, now()).name
    }

    /// A changed hash starts a second run of every window under way: never by accident. The
    /// pipeline's fields are out of order on purpose, since their order must not matter.
    #[test]
    fn the_hash_is_what_it_was() {
        let pipeline =
            json!({"stages": [{"steps": [{"crawler": "orders"}]}], "name": "sales/daily é"});
        assert_eq!(
            name_of(&pipeline, 60, &object()),
            "sales-daily---e0d277546e5231e4d084108ecf61872b-1767225660"
        );
        assert_eq!(
            name_of(&pipeline, 0, &object()),
            "sales-daily---65eba695bfd1338a492bc09ce0dc51b9"
        );
    }

    /// The window ends at the next multiple of its length, and its run waits for the margin on top.
    #[test]
    fn windows_tumble_on_the_clock() {
        for (seconds, nanoseconds, length, end) in [
            (1_767_225_600, 0, 60, 1_767_225_660),
            (1_767_225_600, 1, 60, 1_767_225_660),
            (1_767_225_659, 999_999_999, 60, 1_767_225_660),
            (1_767_225_660, 0, 60, 1_767_225_720),
            (1_767_225_660, 500_000_000, 1, 1_767_225_661),
            (1_767_225_661, 0, 86_400, 1_767_312_000),
        ] {
            let execution = planned(&json!("p"), length, &object(), at(seconds, nanoseconds));
            assert!(
                execution.name.ends_with(&format!("-{end}")),
                "{execution:?}"
            );
            assert_eq!(execution.start_after, at(end + 5, 0));
            let window = execution.window.expect("a window");
            assert_eq!(
                (window.start, window.end),
                (at(end - i64::from(length), 0), at(end, 0))
            );
        }
    }

    /// A run of its own has nothing to wait for, and its time is one that Step Functions could have written.
    #[test]
    fn a_run_of_its_own_may_begin_at_once() {
        let execution = planned(&json!("p"), 0, &object(), at(1_767_225_630, 250_999_999));
        assert_eq!(execution.start_after, at(1_767_225_630, 250_000_000));
        assert_eq!(execution.window, None);
    }

    /// Sharing a name means sharing a run: an edited pipeline must not vanish in the run of the old one.
    #[test]
    fn whatever_is_edited_in_a_pipeline_changes_the_name() {
        let pipelines = [
            json!("p"),
            json!("q"),
            json!({"name": "p"}),
            json!({"name": "p", "stages": []}),
            json!({"name": "p", "stages": [{"steps": [{"crawler": "a"}]}]}),
            json!({"name": "p", "stages": [{"steps": [{"crawler": "b"}]}]}),
        ];
        for coalesce_seconds in [0, 30, 60] {
            let mut names: Vec<_> = pipelines
                .iter()
                .map(|pipeline| name_of(pipeline, coalesce_seconds, &object()))
                .collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), pipelines.len(), "{names:?}");
        }
        assert_ne!(
            name_of(&json!("p"), 30, &object()),
            name_of(&json!("p"), 60, &object())
        );
    }

    /// Without coalescing every write counts, so whatever tells two writes apart must reach the name.
    #[test]
    fn each_write_has_a_name_of_its_own_without_coalescing() {
        let mut names: Vec<_> = [
            object(),
            Object {
                bucket: "b",
                ..object()
            },
            Object {
                key: "k",
                ..object()
            },
            Object {
                version_id: Some("v2"),
                ..object()
            },
            Object {
                version_id: None,
                ..object()
            },
            Object {
                occurrence: Some("0069000000AAAA0002"),
                ..object()
            },
            Object {
                bucket: "land",
                key: "ingorders/a.csv",
                ..object()
            },
        ]
        .iter()
        .map(|object| name_of(&json!("p"), 0, object))
        .collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 7);
    }

    /// An event with no id at all costs a second run at worst, never a lost one.
    #[test]
    fn writes_without_any_id_are_told_apart_by_the_time_of_handling() {
        let object = Object {
            occurrence: None,
            ..object()
        };
        let first = planned(&json!("p"), 0, &object, at(1_767_225_630, 1));
        let second = planned(&json!("p"), 0, &object, at(1_767_225_630, 2));
        assert_ne!(first.name, second.name);
    }

    /// A name that is no use to Step Functions still gives one that people can read.
    #[test]
    fn a_name_with_nothing_usable_becomes_the_default() {
        assert!(name_of(&json!("売上"), 60, &object()).starts_with("pipeline-"));
        assert!(name_of(&json!("sales 売上"), 60, &object()).starts_with("sales----"));
    }

    /// Without a name the pipeline cannot be told from others: the message says where it belongs.
    #[test]
    fn a_pipeline_without_a_name_is_refused() {
        for (pipeline, field) in [
            (json!(""), "pipeline"),
            (json!(7), "pipeline"),
            (json!(["p"]), "pipeline"),
            (json!({}), "pipeline.name"),
            (json!({"name": ""}), "pipeline.name"),
            (json!({"name": null}), "pipeline.name"),
            (json!({"name": {"name": "p"}}), "pipeline.name"),
        ] {
            let error = input::read(&pipeline, "pipeline", |node| {
                Pipeline::read(&node.at("pipeline".to_owned(), "."))
            })
            .map(|_| ())
            .map_err(|mistakes| mistakes.all()[0].place.clone());
            assert_eq!(error, Err(field.to_owned()), "{pipeline}");
        }
    }

    fn moment() -> impl Strategy<Value = OffsetDateTime> {
        (0_i64..253_402_300_799, 0_u32..1_000_000_000)
            .prop_map(|(seconds, nanoseconds)| at(seconds, nanoseconds))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Step Functions refuses other names, whatever pipelines and keys are called.
        #[test]
        fn every_name_is_one_that_step_functions_takes(
            pipeline in ".{1,200}",
            key in prop_oneof![".{0,300}", "[é/+% ]{1,512}", "a{1024}"],
            version_id in prop::option::of(".{0,40}"),
            coalesce_seconds in 0_u32..=86_400,
            now in moment(),
        ) {
            let object = Object { key: &key, version_id: version_id.as_deref(), ..object() };
            let name = planned(&json!(pipeline), coalesce_seconds, &object, now).name;
            prop_assert!((1..=80).contains(&name.len()), "{name}");
            prop_assert!(
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'),
                "{name}"
            );
        }

        /// The run of a window begins after everything handled in it, by more than the clocks may differ.
        #[test]
        fn a_window_ends_after_everything_handled_in_it(coalesce_seconds in 1_u32..=86_400, now in moment()) {
            prop_assume!(now < at(253_402_200_000, 0));
            let execution = planned(&json!("p"), coalesce_seconds, &object(), now);
            prop_assert!(execution.start_after > now + MARGIN);
            let end = execution.name.rsplit('-').next().and_then(|end| end.parse::<i64>().ok());
            prop_assert!(end.is_some_and(|end| end > now.unix_timestamp()), "{}", execution.name);
            prop_assert_eq!(end, Some((execution.start_after - MARGIN).unix_timestamp()));
        }
    }
}
