//! What can go wrong between a function and Glue.
//!
//! The SDK's error goes no further: its Debug form holds headers and body of the response, which must reach neither
//! a log nor a caller.

use std::error::Error;
use std::fmt::{self, Write as _};

use aws_sdk_glue::error::SdkError;
use aws_sdk_glue::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use crawl::crawler::CrawlerName;
use lambda::failure::{Failure, GLUE_UNREACHABLE};

/// The failure that the SDK's error is: under AWS's code, as boto3 names it, if there is one.
pub(crate) fn failure<E>(name: &CrawlerName, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let Some(code) = error.code() else {
        return unreachable(name, describe(error));
    };
    let message = error.message().unwrap_or("AWS gave no message");
    let request_id = error.request_id().unwrap_or("without id");
    let reason = format!("{message} (AWS request {request_id})");
    Failure::new(code.to_owned(), reason).of(name)
}

/// No answer from Glue, or none that is Glue's.
pub(crate) fn unreachable(name: &CrawlerName, reason: impl fmt::Display) -> Failure {
    Failure::new(GLUE_UNREACHABLE, reason).of(name)
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
