//! What an event says about an object, whichever of the two sources it came from.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>,
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>

use input::Mistake;
use serde::Serialize;
use serde_json::Value;

/// The calls that write an object. Uploads above the client's multipart threshold end with
/// CompleteMultipartUpload, so PutObject alone would miss the big files.
const WRITES: [&str; 4] = [
    "PutObject",
    "CopyObject",
    "CompleteMultipartUpload",
    "PostObject",
];

/// Who sent the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// S3 itself.
    S3,
    /// CloudTrail, which reports API calls, failed ones included.
    CloudTrail,
}

/// What is known of the event, for readers of the answer. Nothing is decided on it.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Who sent the event.
    pub source: Source,
    /// The bucket.
    pub bucket: Option<String>,
    /// The key, exactly as the event has it.
    pub key: Option<String>,
    /// The object's size in bytes; CloudTrail doesn't tell.
    pub size: Option<u64>,
    /// The object's version, in a versioned bucket.
    pub version_id: Option<String>,
    /// The CloudTrail call, or S3's reason.
    pub event_name: Option<String>,
    /// The envelope's time.
    pub event_time: Option<String>,
    /// The envelope's id.
    pub event_id: Option<String>,
}

/// An object that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The key, exactly as the event has it: neither source encodes it.
    pub key: &'a str,
    /// The size in bytes, if known.
    pub size: Option<u64>,
    /// The version, in a versioned bucket.
    pub version_id: Option<&'a str>,
    /// What tells this write from another of the same key, and is the same in every duplicate.
    pub occurrence: Option<&'a str>,
}

/// An event that was understood.
#[derive(Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// What is known of it.
    pub report: Report,
    /// The object written, or in words why none was.
    pub written: Result<Object<'a>, String>,
}

/// Where a source keeps what both have.
struct Fields {
    source: Source,
    bucket: &'static str,
    key: &'static str,
    size: Option<&'static str>,
    version_id: &'static str,
    event_name: &'static str,
    /// The best first.
    occurrence: &'static [&'static str],
}

const S3: Fields = Fields {
    source: Source::S3,
    bucket: "detail.bucket.name",
    key: "detail.object.key",
    size: Some("detail.object.size"),
    version_id: "detail.object.version-id",
    event_name: "detail.reason",
    // The request, as CloudTrail knows it too: where both send events, a write has one name.
    occurrence: &["detail.request-id", "detail.object.sequencer", "id"],
};

const CLOUD_TRAIL: Fields = Fields {
    source: Source::CloudTrail,
    bucket: "detail.requestParameters.bucketName",
    key: "detail.requestParameters.key",
    // `bytesTransferredIn` counts the request's bytes, which for most of these calls is not the size.
    size: None,
    version_id: "detail.responseElements.x-amz-version-id",
    event_name: "detail.eventName",
    occurrence: &["detail.requestID", "id"],
};

/// Reads an EventBridge event.
///
/// # Errors
/// [`Mistake`], if it is of no kind that is understood here, or malformed.
pub fn read(event: &Value) -> Result<Event<'_>, Mistake> {
    if !event.is_object() {
        return Err(Mistake::new(
            "event",
            "must be an EventBridge event, a JSON object",
        ));
    }
    if event.get("Records").is_some() {
        return Err(Mistake::new(
            "Records",
            "this is a classic notification, not an EventBridge event: switch EventBridge on for the bucket, and make this function's state machine the target of a rule",
        ));
    }
    let source = required(event, "source")?;
    if source != "aws.s3" {
        return Err(Mistake::new(
            "source",
            format!("must be \"aws.s3\", is {source:?}"),
        ));
    }
    match required(event, "detail-type")? {
        "AWS API Call via CloudTrail" => cloud_trail(event),
        kind if kind.starts_with("Object ") => s3(event, kind),
        kind => Err(Mistake::new(
            "detail-type",
            format!("must be \"Object Created\" or \"AWS API Call via CloudTrail\", is {kind:?}"),
        )),
    }
}

fn s3<'a>(event: &'a Value, kind: &str) -> Result<Event<'a>, Mistake> {
    Ok(Event {
        written: match kind {
            "Object Created" => Ok(S3.object(event)?),
            other => Err(format!("the event is {other:?}, not \"Object Created\"")),
        },
        report: S3.report(event),
    })
}

fn cloud_trail(event: &Value) -> Result<Event<'_>, Mistake> {
    let service = required(event, "detail.eventSource")?;
    if service != "s3.amazonaws.com" {
        return Err(Mistake::new(
            "detail.eventSource",
            format!("must be \"s3.amazonaws.com\", is {service:?}"),
        ));
    }
    let call = required(event, CLOUD_TRAIL.event_name)?;
    Ok(Event {
        written: if !WRITES.contains(&call) {
            Err(format!("{call} does not write an object"))
        } else if let Some(code) = find(event, "detail.errorCode") {
            Err(format!("{call} failed with {code}"))
        } else if find(event, CLOUD_TRAIL.key).is_none() {
            Err(format!("{call} names no key"))
        } else {
            Ok(CLOUD_TRAIL.object(event)?)
        },
        report: CLOUD_TRAIL.report(event),
    })
}

impl Fields {
    /// The object that the event is about. What decides anything must be readable.
    fn object<'a>(&self, event: &'a Value) -> Result<Object<'a>, Mistake> {
        Ok(Object {
            bucket: required(event, self.bucket)?,
            key: required(event, self.key)?,
            size: match self.size {
                Some(field) => size(event, field)?,
                None => None,
            },
            version_id: text(event, self.version_id)?,
            occurrence: self
                .occurrence
                .iter()
                .filter_map(|field| find(event, field)?.as_str())
                .find(|text| !text.is_empty()),
        })
    }

    /// What can be read of the event; the calls that write nothing come in many shapes.
    fn report(&self, event: &Value) -> Report {
        let known = |field| Some(find(event, field)?.as_str()?.to_owned());
        Report {
            source: self.source,
            bucket: known(self.bucket),
            key: known(self.key),
            size: self
                .size
                .and_then(|field| input::whole(find(event, field)?)),
            version_id: known(self.version_id),
            event_name: known(self.event_name),
            event_time: known("time"),
            event_id: known("id"),
        }
    }
}

/// The value at a path of field names; `null` counts as absent.
fn find<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(event, |value, field| value.get(field))
        .filter(|value| !value.is_null())
}

fn size(event: &Value, field: &'static str) -> Result<Option<u64>, Mistake> {
    find(event, field)
        .map(|value| {
            input::whole(value)
                .ok_or_else(|| Mistake::new(field, "must be a whole number of at least 0"))
        })
        .transpose()
}

fn text<'a>(event: &'a Value, field: &'static str) -> Result<Option<&'a str>, Mistake> {
    find(event, field)
        .map(|value| {
            value
                .as_str()
                .ok_or_else(|| Mistake::new(field, "must be a string"))
        })
        .transpose()
}

fn required<'a>(event: &'a Value, field: &'static str) -> Result<&'a str, Mistake> {
    text(event, field)?.ok_or_else(|| Mistake::new(field, "is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn native() -> Value {
        serde_json::from_str(include_str!(
            "../../../functions/s3-event-filter/events/native-object-created-putobject.json"
        ))
        .expect("a sample is JSON")
    }

    fn cloud_trail() -> Value {
        serde_json::from_str(include_str!(
            "../../../functions/s3-event-filter/events/cloudtrail-putobject-assumed-role.json"
        ))
        .expect("a sample is JSON")
    }

    /// The event with the value at a JSON pointer replaced.
    fn with(mut event: Value, pointer: &str, value: Value) -> Value {
        *event
            .pointer_mut(pointer)
            .expect("the sample has the field") = value;
        event
    }

    fn occurrence(event: &Value) -> Option<String> {
        let object = read(event).expect("the event is valid").written;
        object
            .expect("an object was written")
            .occurrence
            .map(str::to_owned)
    }

    fn error(event: &Value) -> String {
        read(event).expect_err("the event is not valid").to_string()
    }

    /// Two writes must not be taken for one for want of the field that usually tells them apart.
    #[test]
    fn the_next_best_id_stands_in_for_a_missing_one() {
        let event = native();
        assert_eq!(occurrence(&event).as_deref(), Some("N4N7GDK58NMKJ12R"));
        let event = with(event, "/detail/request-id", json!(null));
        assert_eq!(occurrence(&event).as_deref(), Some("617f08299329d189"));
        let event = with(event, "/detail/object/sequencer", json!(""));
        assert_eq!(
            occurrence(&event).as_deref(),
            Some("17793124-05d4-b198-2fde-7ededc63b103")
        );
        let event = with(event, "/id", json!(null));
        assert_eq!(occurrence(&event), None);

        let event = cloud_trail();
        let request = event["detail"]["requestID"].as_str().map(str::to_owned);
        assert_eq!(occurrence(&event), request);
        let event = with(event, "/detail/requestID", json!(null));
        assert_eq!(occurrence(&event).as_deref(), event["id"].as_str());
    }

    /// A bucket that is recorded by a trail and sends its own events too must not run a pipeline twice for each write.
    #[test]
    fn both_sources_know_a_write_by_its_request() {
        let request = json!("N4N7GDK58NMKJ12R");
        let recorded = with(cloud_trail(), "/detail/requestID", request);
        assert_eq!(occurrence(&recorded), occurrence(&native()));
    }

    /// A parked event must show at once which field is to blame.
    #[test]
    fn a_malformed_event_is_refused_with_the_path_of_the_field() {
        for (event, message) in [
            (
                json!([]),
                "event: must be an EventBridge event, a JSON object",
            ),
            (json!({}), "source: is missing"),
            (json!({"source": 7}), "source: must be a string"),
            (json!({"source": "aws.s3"}), "detail-type: is missing"),
            (
                with(native(), "/detail/bucket", json!(null)),
                "detail.bucket.name: is missing",
            ),
            (
                with(native(), "/detail", json!("x")),
                "detail.bucket.name: is missing",
            ),
            (
                with(native(), "/detail/object/key", json!(null)),
                "detail.object.key: is missing",
            ),
            (
                with(native(), "/detail/object/key", json!(["a"])),
                "detail.object.key: must be a string",
            ),
            (
                with(native(), "/detail/object/size", json!("5")),
                "detail.object.size: must be a whole number of at least 0",
            ),
            (
                with(native(), "/detail/object/version-id", json!(5)),
                "detail.object.version-id: must be a string",
            ),
            (
                with(cloud_trail(), "/detail/eventName", json!(null)),
                "detail.eventName: is missing",
            ),
            (
                with(
                    cloud_trail(),
                    "/detail/requestParameters",
                    json!({"key": "a"}),
                ),
                "detail.requestParameters.bucketName: is missing",
            ),
            (
                with(cloud_trail(), "/detail/requestParameters/key", json!(7)),
                "detail.requestParameters.key: must be a string",
            ),
        ] {
            assert_eq!(error(&event), message);
        }
    }

    /// A rule that sends the wrong events must be noticed, not take them for uninteresting ones.
    #[test]
    fn events_of_another_kind_are_refused() {
        for (event, message) in [
            (
                with(native(), "/source", json!("aws.glue")),
                "source: must be \"aws.s3\", is \"aws.glue\"",
            ),
            (
                with(native(), "/detail-type", json!("Storage Lens")),
                "detail-type: must be \"Object Created\" or \"AWS API Call via CloudTrail\", is \"Storage Lens\"",
            ),
            (
                with(
                    cloud_trail(),
                    "/detail/eventSource",
                    json!("glue.amazonaws.com"),
                ),
                "detail.eventSource: must be \"s3.amazonaws.com\", is \"glue.amazonaws.com\"",
            ),
        ] {
            assert_eq!(error(&event), message);
        }
    }

    /// A classic notification means that the bucket is set up wrongly: the message says how to do it.
    #[test]
    fn a_classic_notification_is_told_to_switch_eventbridge_on() {
        for sample in [
            include_str!(
                "../../../functions/s3-event-filter/events/classic-notification-percent20.json"
            ),
            include_str!(
                "../../../functions/s3-event-filter/events/classic-notification-plus.json"
            ),
        ] {
            let event = serde_json::from_str(sample).expect("a sample is JSON");
            let message = error(&event);
            assert!(
                message.contains("switch EventBridge on for the bucket"),
                "{message}"
            );
        }
    }

    /// Every call that ends an upload counts; the rule's usual PutObject would miss the big files.
    #[test]
    fn all_four_writing_calls_are_understood() {
        for call in WRITES {
            let event = with(cloud_trail(), "/detail/eventName", json!(call));
            let event = read(&event).expect("the event is valid");
            assert!(event.written.is_ok(), "{call}");
            assert_eq!(event.report.event_name.as_deref(), Some(call));
        }
    }

    /// Calls without a key, or whose parameters have odd shapes, are not for us: no reason to fail.
    #[test]
    fn calls_that_write_nothing_are_reported_as_far_as_they_can_be_read() {
        let put = with(cloud_trail(), "/detail/requestParameters/key", json!(null));
        assert_eq!(
            read(&put).map(|event| event.written),
            Ok(Err("PutObject names no key".to_owned()))
        );
        let list = with(cloud_trail(), "/detail/eventName", json!("ListObjects"));
        let list = with(list, "/detail/requestParameters/key", json!([""]));
        let list = with(list, "/time", json!(7));
        let list = read(&list).expect("the event is valid");
        assert_eq!(
            list.written,
            Err("ListObjects does not write an object".to_owned())
        );
        assert_eq!((list.report.key, list.report.event_time), (None, None));
    }

    /// CloudTrail tells the version in the response, where S3 puts it in a header.
    #[test]
    fn cloudtrail_versions_are_taken_from_the_response() {
        let event = with(
            cloud_trail(),
            "/detail/responseElements",
            json!({"x-amz-version-id": "v1"}),
        );
        let event = read(&event).expect("the event is valid");
        assert_eq!(event.report.version_id.as_deref(), Some("v1"));
        let object = event.written.expect("an object was written");
        assert_eq!(object.version_id, Some("v1"));
    }
}
