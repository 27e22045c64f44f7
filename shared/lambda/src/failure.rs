//! How an invocation fails: under a name that `Retry` and `Catch` match, with words for people.

use std::borrow::Cow;
use std::fmt;

use crawl::crawler::CrawlerName;
use input::Mistakes;
use lambda_runtime::Diagnostic;

/// The input cannot be read; the message names the field.
pub const INVALID_REQUEST: &str = "InvalidRequest";
/// s3-event-filter does not understand the event.
pub const INVALID_EVENT: &str = "InvalidEvent";
/// The input's filter cannot be read.
pub const INVALID_FILTER: &str = "InvalidFilter";
/// The pipeline breaks rules; the message lists each place and rule.
pub const INVALID_PIPELINE: &str = "InvalidPipeline";
/// Glue's own: a crawl is under way already.
pub const CRAWLER_RUNNING: &str = "CrawlerRunningException";
/// No answer from Glue, or none that is Glue's.
pub const GLUE_UNREACHABLE: &str = "GlueUnreachable";

/// What passes by itself, most often: callers try again, so nobody has to look at a single one.
///
/// <https://docs.aws.amazon.com/glue/latest/webapi/API_StartCrawler.html#API_StartCrawler_Errors>,
/// <https://docs.aws.amazon.com/glue/latest/webapi/CommonErrors.html>
pub const PASSING: [&str; 7] = [
    CRAWLER_RUNNING,
    GLUE_UNREACHABLE,
    "InternalFailure",
    "InternalServiceException",
    "OperationTimeoutException",
    "ServiceUnavailable",
    "ThrottlingException",
];

/// The longest message, in characters. Step Functions cuts a Cause of more than 32,768, and a cut one is no JSON; a
/// character takes up to six there.
///
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskFailedEventDetails.html>
const LONGEST: usize = 5_000;

/// Why an invocation has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    error_type: Cow<'static, str>,
    crawler: Option<String>,
    reason: String,
}

impl Failure {
    /// A failure under a name of our own, or AWS's code verbatim.
    pub fn new(error_type: impl Into<Cow<'static, str>>, reason: impl fmt::Display) -> Self {
        Self {
            error_type: error_type.into(),
            crawler: None,
            reason: reason.to_string(),
        }
    }

    /// The same about a crawler, whose name the message begins with.
    #[must_use]
    pub fn of(self, crawler: &CrawlerName) -> Self {
        Self {
            crawler: Some(crawler.to_string()),
            ..self
        }
    }

    /// The name that `Retry` and `Catch` match.
    #[must_use]
    pub fn error_type(&self) -> &str {
        &self.error_type
    }

    /// Logs it, as an ERROR only if somebody has to look at it.
    pub fn log(&self, message: &'static str) {
        let (crawlername, outcome) = (self.crawler.as_deref(), self.error_type());
        if PASSING.contains(&outcome) {
            tracing::warn!(crawlername, outcome, reason = %self, "{message}");
        } else {
            tracing::error!(crawlername, outcome, reason = %self, "{message}");
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(crawler) = &self.crawler {
            write!(formatter, "crawler {crawler}: ")?;
        }
        formatter.write_str(&self.reason)
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Self::new(INVALID_REQUEST, mistakes)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        let mut message = failure.to_string();
        if let Some((end, _)) = message.char_indices().nth(LONGEST) {
            message.replace_range(end.., " … (cut)");
        }
        Self {
            error_type: failure.error_type.into_owned(),
            error_message: message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message that Step Functions has to cut leaves a Cause that no machine can read.
    #[test]
    fn a_message_fits_into_a_cause() {
        for (reason, length) in [
            ("\u{1}".repeat(4_999), 4_999),
            ("é".repeat(5_000), 5_000),
            ("\u{1}".repeat(5_001), 5_008),
        ] {
            let diagnostic = Diagnostic::from(Failure::new(INVALID_REQUEST, reason));
            assert_eq!(diagnostic.error_message.chars().count(), length);
            let cause = serde_json::json!({"errorMessage": diagnostic.error_message});
            assert!(cause.to_string().len() < 32_768);
        }
    }
}
