//! The error names that the functions choose themselves, as `Retry` and `Catch` match them.
//!
//! AWS's own error codes pass through the Glue functions verbatim and need no list, except
//! [`GLUE`]: those that our state machines are allowed to name.

/// A Lambda's input cannot be read; the message names the field.
pub const INVALID_REQUEST: &str = "InvalidRequest";
/// The event is none that s3-event-filter understands.
pub const INVALID_EVENT: &str = "InvalidEvent";
/// The input's filter cannot be read.
pub const INVALID_FILTER: &str = "InvalidFilter";
/// A crawl that began too early is under way: ask again later.
pub const CRAWLER_RUNNING: &str = "CrawlerRunningException";
/// No answer from Glue, or none that is Glue's.
pub const GLUE_UNREACHABLE: &str = "GlueUnreachable";

/// The codes of the Glue API that reach a caller unchanged and that callers have reason to match:
/// those modelled for StartCrawler, GetCrawler and ListCrawls, and the common ones.
///
/// <https://docs.aws.amazon.com/glue/latest/webapi/API_StartCrawler.html#API_StartCrawler_Errors>,
/// <https://docs.aws.amazon.com/glue/latest/webapi/CommonErrors.html>
pub const GLUE: [&str; 9] = [
    "AccessDeniedException",
    CRAWLER_RUNNING,
    "EntityNotFoundException",
    "InternalFailure",
    "InternalServiceException",
    "InvalidInputException",
    "OperationTimeoutException",
    "ServiceUnavailable",
    "ThrottlingException",
];
