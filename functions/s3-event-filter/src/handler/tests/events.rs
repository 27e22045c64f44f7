//! Events of every kind that S3 and CloudTrail send, and what is to become of each.

use super::*;
use prop::sample::select;

/// The calls that write an object, as CloudTrail names them.
const WRITES: &[&str] = &[
    "PutObject",
    "CopyObject",
    "CompleteMultipartUpload",
    "PostObject",
];

/// What an event tells, and how.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Story {
    kind: Kind,
    bucket: String,
    key: String,
    version_id: Option<String>,
    size: u64,
    /// What tells this write from another of the same key.
    occurrence: String,
    id: String,
}

/// The words are S3's and CloudTrail's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// S3 tells of an object written by this operation, in one of the two ways to number them.
    Created(&'static str, Numbered),
    /// S3 tells of an event of this other type.
    Other(&'static str),
    /// CloudTrail tells of a call that wrote an object.
    Write(&'static str),
    /// CloudTrail tells of a call that would have, but failed with this code.
    Failed(&'static str, &'static str),
    /// CloudTrail tells of a call that would have, but names no key.
    Keyless(&'static str),
    /// CloudTrail tells of a call that writes no object.
    Call(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Numbered {
    BySequencer,
    ByRequest,
}

impl Story {
    fn is_told_by_s3(&self) -> bool {
        matches!(self.kind, Kind::Created(..) | Kind::Other(_))
    }

    fn event(&self) -> Value {
        let mut event = if self.is_told_by_s3() {
            self.native()
        } else {
            self.cloud_trail()
        };
        event["id"] = json!(self.id);
        event
    }

    fn native(&self) -> Value {
        let mut event = event();
        let detail = &mut event["detail"];
        detail["bucket"]["name"] = json!(self.bucket);
        detail["object"] = json!({"key": self.key, "size": self.size, "etag": "0-12"});
        if let Some(version_id) = &self.version_id {
            detail["object"]["version-id"] = json!(version_id);
        }
        if let Kind::Created(_, Numbered::ByRequest) = self.kind {
            detail["request-id"] = json!(self.occurrence);
        } else {
            detail["request-id"] = json!(null);
            detail["object"]["sequencer"] = json!(self.occurrence);
        }
        detail["reason"] = json!(self.event_name());
        if let Kind::Other(kind) = self.kind {
            event["detail-type"] = json!(kind);
        }
        event
    }

    fn cloud_trail(&self) -> Value {
        let mut event = sample("cloudtrail-copyobject.json");
        let detail = &mut event["detail"];
        detail["eventName"] = json!(self.event_name());
        detail["requestID"] = json!(self.occurrence);
        detail["requestParameters"] =
            json!({"bucketName": self.bucket, "Host": "s3.amazonaws.com"});
        if !matches!(self.kind, Kind::Keyless(_)) {
            detail["requestParameters"]["key"] = json!(self.key);
        }
        detail["responseElements"] = match (self.kind, &self.version_id) {
            (Kind::Failed(..), _) | (_, None) => json!(null),
            (_, Some(version_id)) => json!({"x-amz-version-id": version_id}),
        };
        if let Kind::Failed(_, code) = self.kind {
            detail["errorCode"] = json!(code);
            detail["errorMessage"] = json!("no");
        }
        event
    }

    fn event_name(&self) -> &'static str {
        match self.kind {
            Kind::Other(_) => "DeleteObject",
            Kind::Created(name, _)
            | Kind::Write(name)
            | Kind::Failed(name, _)
            | Kind::Keyless(name)
            | Kind::Call(name) => name,
        }
    }

    /// Why the event does not count, whatever the filter.
    fn objection(&self) -> Option<String> {
        match self.kind {
            Kind::Created(..) | Kind::Write(_) => None,
            Kind::Other(kind) => Some(format!("the event is {kind:?}, not \"Object Created\"")),
            Kind::Failed(call, code) => Some(format!("{call} failed with {code:?}")),
            Kind::Keyless(call) => Some(format!("{call} names no key")),
            Kind::Call(call) => Some(format!("{call} does not write an object")),
        }
    }

    /// The fields of the answer that repeat the event's.
    fn report(&self) -> Value {
        let native = self.is_told_by_s3();
        let event = self.event();
        json!({
            "source": if native { "s3" } else { "cloudtrail" },
            "bucket": self.bucket,
            "key": (!matches!(self.kind, Kind::Keyless(_))).then_some(&self.key),
            "size": native.then_some(self.size),
            "versionId": self.version_id.as_ref().filter(|_| !matches!(self.kind, Kind::Failed(..))),
            "eventName": self.event_name(),
            "eventTime": event["time"],
            "eventId": self.id,
        })
    }

    /// The execution's name, and when it may begin.
    fn run(&self, coalesce_seconds: u32, now: OffsetDateTime) -> (Value, Value) {
        let input = json!({
            "event": self.event(),
            "filter": {"ignoreDefaults": false},
            "coalesceSeconds": coalesce_seconds,
        });
        let mut answer = answer_at(now, &input).expect("the input is valid");
        (answer["executionName"].take(), answer["startAfter"].take())
    }
}

/// Keys as people and jobs choose them, and as S3 lets them be: up to 1,024 bytes of UTF-8.
fn any_key() -> impl Strategy<Value = String> {
    let part = select(vec![
        "a",
        "orders",
        "dt=2026-01-01",
        "part-0.parquet",
        ".csv",
        ".",
        "..",
        "/",
        "//",
        " ",
        "+",
        "%2B",
        "%20",
        "%",
        "&",
        "*",
        "?",
        "\"",
        "\\",
        "\0",
        "\n",
        "\u{1b}",
        "\u{7f}",
        "\u{feff}",
        "é",
        "e\u{301}",
        "売上",
        "🪣",
        "_SUCCESS",
        "_temporary/",
        "_$folder$",
    ]);
    prop_oneof![
        4 => prop::collection::vec(part, 1..20).prop_map(|parts| parts.concat()),
        1 => "(?s).{1,256}",
        1 => select(vec!["a", "/", "%", "é", "\0", "🪣"]).prop_map(|char| char.repeat(1024 / char.len())),
    ]
}

fn any_kind() -> impl Strategy<Value = Kind> {
    let code = select(vec![
        "AccessDenied",
        "NoSuchBucket",
        "SlowDown",
        "InternalError",
    ]);
    let other_type = select(vec![
        "Object Deleted",
        "Object Restore Initiated",
        "Object Restore Completed",
        "Object Restore Expired",
        "Object Tags Added",
        "Object Tags Deleted",
        "Object ACL Updated",
        "Object Storage Class Changed",
        "Object Access Tier Changed",
    ]);
    let other_call = select(vec![
        "GetObject",
        "HeadObject",
        "ListObjects",
        "DeleteObject",
        "DeleteObjects",
        "CreateBucket",
        "PutObjectAcl",
        "PutObjectTagging",
        "CreateMultipartUpload",
        "UploadPart",
        "UploadPartCopy",
        "AbortMultipartUpload",
    ]);
    prop_oneof![
        4 => any_writing_kind(),
        1 => other_type.prop_map(Kind::Other),
        1 => (select(WRITES), code).prop_map(|(call, code)| Kind::Failed(call, code)),
        1 => select(WRITES).prop_map(Kind::Keyless),
        1 => other_call.prop_map(Kind::Call),
    ]
}

fn any_writing_kind() -> impl Strategy<Value = Kind> {
    let reason = select(vec![
        "PutObject",
        "CopyObject",
        "CompleteMultipartUpload",
        "POST Object",
    ]);
    let numbered = select(vec![Numbered::BySequencer, Numbered::ByRequest]);
    prop_oneof![
        (reason, numbered).prop_map(|(reason, numbered)| Kind::Created(reason, numbered)),
        select(WRITES).prop_map(Kind::Write),
    ]
}

prop_compose! {
    fn story_of(kinds: impl Strategy<Value = Kind>)(
        kind in kinds,
        bucket in "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        key in any_key(),
        version_id in prop::option::of("[A-Za-z0-9._]{32}"),
        size in prop_oneof![Just(0), 0..=5_497_558_138_880_u64],
        occurrence in "[0-9A-F]{14,18}",
        id in "[0-9a-f]{8}-0000-4000-8000-[0-9a-f]{12}",
    ) -> Story {
        Story { kind, bucket, key, version_id, size, occurrence, id }
    }
}

fn any_story() -> impl Strategy<Value = Story> {
    story_of(any_kind())
}

fn any_write() -> impl Strategy<Value = Story> {
    story_of(any_writing_kind())
}

/// A story, and an input with its event that asks for anything, possible or not.
pub(super) fn any_request() -> impl Strategy<Value = (Story, Value)> {
    let texts = || prop::collection::vec(any_key(), 0..4).prop_map(Value::from);
    let mostly = |value: BoxedStrategy<Value>| prop_oneof![8 => value, 2 => Just(json!(null)), 1 => any_json()];
    let filter = [
        ("bucket", "[a-z]{3}".prop_map(Value::from).boxed()),
        ("prefix", ".{0,3}".prop_map(Value::from).boxed()),
        ("suffixes", texts().boxed()),
        ("minBytes", any::<u64>().prop_map(Value::from).boxed()),
        ("ignore", texts().boxed()),
        (
            "ignoreDefaults",
            any::<bool>().prop_map(Value::from).boxed(),
        ),
    ];
    let filter =
        filter.map(|(field, value)| prop::option::weighted(0.3, (Just(field), mostly(value))));
    let filter = filter.prop_map(|fields| fields.into_iter().flatten().collect());
    let seconds = (0..=86_401_u32).prop_map(Value::from);
    let pipeline = prop_oneof![
        ".{1,100}".prop_map(Value::from),
        (".{1,100}", any_json()).prop_map(|(name, stages)| json!({"name": name, "stages": stages})),
    ];
    let options = (
        mostly(filter.boxed()),
        mostly(seconds.boxed()),
        mostly(pipeline.boxed()),
    );
    (any_story(), prop::option::of(options)).prop_map(|(story, options)| {
        let input = match options {
            None => story.event(),
            Some((filter, seconds, pipeline)) => {
                json!({"event": story.event(), "filter": filter, "coalesceSeconds": seconds, "pipeline": pipeline})
            }
        };
        (story, input)
    })
}

fn any_moment() -> impl Strategy<Value = OffsetDateTime> {
    (0_i64..4_000_000_000, 0_i64..1_000_000_000).prop_map(|(seconds, nanoseconds)| {
        OffsetDateTime::UNIX_EPOCH
            + time::Duration::new(seconds, 0)
            + time::Duration::nanoseconds(nanoseconds)
    })
}

proptest! {
    #![proptest_config(config())]

    /// A write is matched and anything else is not, for its own reason; and since neither source encodes
    /// keys, what is told of the object passes unchanged.
    #[test]
    fn every_kind_of_event_is_judged_as_it_should(
        story in any_story(),
        coalesce_seconds in 0..=86_400_u32,
        pipeline in ".{1,100}",
        now in any_moment(),
    ) {
        let input = json!({
            "event": story.event(),
            "filter": {"bucket": story.bucket, "prefix": story.key, "suffixes": [story.key], "ignoreDefaults": false},
            "coalesceSeconds": coalesce_seconds,
            "pipeline": pipeline,
        });
        let answer = answer_at(now, &input);
        expect_an_outcome(&answer)?;
        let answer = answer.expect("the input is valid");
        prop_assert_eq!(&answer["reason"], &json!(story.objection()));
        for (field, told) in story.report().as_object().expect("the report has fields") {
            prop_assert_eq!(&answer[field], told, "{}", field);
        }
    }

    /// Whatever an input asks of an event, possible or not: a match, a reason or a named error.
    #[test]
    fn every_request_gets_an_answer_or_a_named_error((story, input) in any_request(), now in any_moment()) {
        let answer = answer_at(now, &input);
        expect_an_outcome(&answer)?;
        if let Ok(answer) = answer {
            prop_assert_eq!(&answer["bucket"], &json!(story.bucket));
            prop_assert_eq!(&answer["key"], &story.report()["key"]);
        }
    }

    /// Without coalescing a duplicate joins the first one's run however late it comes, and no other write does.
    #[test]
    fn each_write_has_a_run_of_its_own(
        write in any_write(),
        other in any_write(),
        difference in 0..4,
        first in any_moment(),
        second in any_moment(),
    ) {
        let name = |write: &Story, now| write.run(0, now).0;
        prop_assert_eq!(name(&write, first), name(&write, second));
        let other = match difference {
            0 => Story { bucket: other.bucket, ..write.clone() },
            1 => Story { key: other.key, ..write.clone() },
            2 => Story { version_id: other.version_id, ..write.clone() },
            _ => Story { occurrence: other.occurrence, ..write.clone() },
        };
        prop_assert_eq!(name(&write, first) == name(&other, first), write == other);
    }

    /// With coalescing the window alone decides: not the object, and not the source that tells of it.
    #[test]
    fn the_writes_of_a_window_share_a_run(
        writes in [any_write(), any_write()],
        (coalesce_seconds, apart) in (1..=86_400_u32).prop_flat_map(|length| (Just(length), 0..=2 * length)),
        first in any_moment(),
    ) {
        let second = first + time::Duration::seconds(apart.into());
        let window = |moment: OffsetDateTime| moment.unix_timestamp().div_euclid(coalesce_seconds.into());
        let [one, other] = writes;
        prop_assert_eq!(
            one.run(coalesce_seconds, first) == other.run(coalesce_seconds, second),
            window(first) == window(second)
        );
    }
}
