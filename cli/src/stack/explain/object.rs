//! The object, and its bucket.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::DateTime;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::stack::{Failure, Home};

/// An object's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) bucket: String,
    pub(crate) key: String,
}

/// What is known of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bucket {
    /// No bucket has this name.
    Missing,
    /// It is in this Region, if S3 tells: its events stay there.
    Elsewhere(Option<String>),
    /// It sends its events to EventBridge.
    Sends,
    /// It does not; it may have other notifications.
    Silent { has_others: bool },
}

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Object {
    /// No object has this key.
    Missing,
    /// It was deleted, but its last version tells of it.
    Deleted(Written),
    /// It is there.
    There(Written),
}

/// How an object was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// In whole seconds, as S3 tells it; of an upload in parts when that began.
    pub(crate) at: Timestamp,
    pub(crate) size: u64,
    /// Whether it was uploaded in parts.
    pub(crate) in_parts: bool,
}

impl std::str::FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .strip_prefix("s3://")
            .and_then(|rest| rest.split_once('/'));
        match parts {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => Ok(Self {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
            }),
            _ => Err("must be an object such as s3://landing/orders/a.csv".to_owned()),
        }
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "s3://{}/{}", self.bucket, self.key)
    }
}

impl Url {
    /// Looks whether the bucket sends its events.
    pub(crate) async fn bucket(&self, client: &Client) -> Result<Bucket, Failure> {
        let asked = client.get_bucket_notification_configuration();
        match asked.bucket(&self.bucket).send().await {
            Ok(told) if told.event_bridge_configuration().is_some() => Ok(Bucket::Sends),
            Ok(told) => Ok(Bucket::Silent {
                has_others: !(told.queue_configurations().is_empty()
                    && told.topic_configurations().is_empty()
                    && told.lambda_function_configurations().is_empty()),
            }),
            Err(error) => match error.code() {
                Some("NoSuchBucket") => Ok(Bucket::Missing),
                Some("PermanentRedirect" | "AuthorizationHeaderMalformed") => {
                    let answer = error.raw_response();
                    let region = answer.and_then(|it| it.headers().get("x-amz-bucket-region"));
                    Ok(Bucket::Elsewhere(region.map(str::to_owned)))
                }
                _ => Err(Failure::of_call(
                    "s3:GetBucketNotification",
                    &format!("bucket {}", self.bucket),
                    &error,
                )),
            },
        }
    }

    /// Looks for the object, and for a version of it if it is gone. By lists: they tell a missing key from a denied
    /// one, and need no permission to read the data.
    pub(crate) async fn object(&self, client: &Client) -> Result<Object, Failure> {
        let bucket = format!("bucket {}", self.bucket);
        let listed = (client.list_objects_v2().bucket(&self.bucket))
            .prefix(&self.key)
            .max_keys(1)
            .send()
            .await
            .map_err(|error| Failure::of_call("s3:ListBucket", &bucket, &error))?;
        let found = listed
            .contents()
            .iter()
            .find(|each| each.key() == Some(&self.key));
        if let Some(written) =
            found.and_then(|it| Written::of(it.last_modified(), it.size(), it.e_tag()))
        {
            return Ok(Object::There(written));
        }
        let versions = (client.list_object_versions().bucket(&self.bucket))
            .prefix(&self.key)
            .max_keys(10)
            .send()
            .await
            .map_err(|error| Failure::of_call("s3:ListBucketVersions", &bucket, &error))?;
        let last = (versions.versions().iter()).find(|each| each.key() == Some(&self.key));
        let written = last.and_then(|it| Written::of(it.last_modified(), it.size(), it.e_tag()));
        Ok(written.map_or(Object::Missing, Object::Deleted))
    }

    /// The event that S3 sends of it.
    pub(crate) fn native(&self, written: &Written, home: &Home) -> Value {
        let detail = json!({
            "version": "0",
            "bucket": {"name": self.bucket},
            "object": {"key": self.key, "size": written.size},
            "reason": if written.in_parts { "CompleteMultipartUpload" } else { "PutObject" },
        });
        self.event("Object Created", written, home, &detail)
    }

    /// The event that CloudTrail sends of it, if a trail records the bucket.
    pub(crate) fn cloud_trail(&self, written: &Written, home: &Home) -> Value {
        let detail = json!({
            "eventSource": "s3.amazonaws.com",
            "eventName": if written.in_parts { "CompleteMultipartUpload" } else { "PutObject" },
            "requestParameters": {"bucketName": self.bucket, "key": self.key},
        });
        self.event("AWS API Call via CloudTrail", written, home, &detail)
    }

    fn event(&self, kind: &str, written: &Written, home: &Home, detail: &Value) -> Value {
        json!({
            "version": "0",
            "id": "00000000-0000-0000-0000-000000000000",
            "detail-type": kind,
            "source": "aws.s3",
            "account": home.account,
            "time": written.at.to_string(),
            "region": home.region,
            "resources": [format!("arn:{}:s3:::{}", home.partition, self.bucket)],
            "detail": detail,
        })
    }
}

impl Written {
    /// The day on which it was.
    pub(crate) fn day(&self) -> Date {
        TimeZone::UTC.to_datetime(self.at).date()
    }

    /// Of an object that nobody may look at.
    pub(crate) fn unknown(now: Timestamp) -> Self {
        Self {
            at: now,
            size: 0,
            in_parts: false,
        }
    }

    fn of(at: Option<&DateTime>, size: Option<i64>, tag: Option<&str>) -> Option<Self> {
        Some(Self {
            at: Timestamp::from_second(at?.secs()).ok()?,
            size: size
                .and_then(|size| size.try_into().ok())
                .unwrap_or_default(),
            in_parts: tag.is_some_and(|tag| tag.contains('-')),
        })
    }
}
