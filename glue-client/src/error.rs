//! What can go wrong between a function and Glue.

use std::error::Error;
use std::fmt::Write as _;

use aws_sdk_glue::error::SdkError;
use aws_sdk_glue::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use shared::crawler::CrawlerName;
use shared::error_name;

/// A failed call of the Glue API.
///
/// The SDK's error is not kept as a source: its Debug form holds headers and body of the response,
/// which must not reach a log or a caller.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GlueError {
    /// Glue refused the call, or AWS did on its behalf (throttling, permissions).
    #[error("crawler {crawler}: {message} (AWS request {request_id})")]
    Refused {
        /// The crawler that the call was about.
        crawler: String,
        /// AWS's error code, verbatim, as boto3 names it.
        code: String,
        /// AWS's message, verbatim.
        message: String,
        /// AWS's id of the request.
        request_id: String,
    },
    /// There was no answer, or none that is Glue's.
    #[error("crawler {crawler}: {reason}")]
    Unreachable {
        /// The crawler that the call was about.
        crawler: String,
        /// What happened instead.
        reason: String,
    },
}

impl GlueError {
    /// Classifies the SDK's error by AWS's code.
    pub(crate) fn new<E>(name: &CrawlerName, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let Some(code) = error.code() else {
            return Self::unreachable(name, describe(error));
        };
        Self::Refused {
            crawler: name.to_string(),
            code: code.to_owned(),
            message: error.message().unwrap_or("AWS gave no message").to_owned(),
            request_id: error.request_id().unwrap_or("without id").to_owned(),
        }
    }

    /// No answer from Glue, or none that is Glue's.
    #[must_use]
    pub fn unreachable(name: &CrawlerName, reason: impl Into<String>) -> Self {
        Self::Unreachable {
            crawler: name.to_string(),
            reason: reason.into(),
        }
    }

    /// The error's name, for `Retry` and `Catch`.
    #[must_use]
    pub fn error_type(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Unreachable { .. } => error_name::GLUE_UNREACHABLE,
        }
    }

    /// Whether a crawl is under way that this call did not wait for.
    #[must_use]
    pub fn is_crawler_running(&self) -> bool {
        self.error_type() == error_name::CRAWLER_RUNNING
    }
}

/// The error and its causes in words. An answer is told by its status alone: its body can be anything.
fn describe<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> String {
    if let Some(response) = error.raw_response() {
        return format!(
            "HTTP status {} without an answer of Glue's",
            response.status().as_u16()
        );
    }
    let mut text = format!("no answer from Glue: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        // A String takes every write.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
