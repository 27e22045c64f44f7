//! What keeps a command from doing what it was asked for, and what to do about it.

use std::error::Error;
use std::io;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sfn::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use thiserror::Error;

use super::Home;

/// Every message ends with what to do next, if there is something to do.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("no Region: pass --region, or set AWS_REGION, or a region in the profile")]
    NoRegion,
    /// Nobody is signed in, or no longer.
    #[error(
        "no credentials that AWS takes: {0}. Sign in (aws sso login), choose a profile (--profile), or set \
         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    NoCredentials(String),
    #[error("there is no {0}, or it is not deployed: pass --stack, --region or --profile")]
    NoStack(Home),
    #[error("there is no run {0}, and none of a pipeline {0}, in the {1}: `{2}` lists all")]
    NoRun(String, String, String),
    #[error(
        "{action} on {resource} is denied: ask for that permission, or use a role that has it (--profile). {said}"
    )]
    Denied {
        action: &'static str,
        resource: String,
        said: String,
    },
    #[error("no answer to {action}: {said}. Are the network, the Region and the endpoint right?")]
    NoAnswer { action: &'static str, said: String },
    #[error("{action} on {resource} failed: {code}: {said}")]
    Refused {
        action: &'static str,
        resource: String,
        code: String,
        said: String,
    },
    /// Not what clap can tell from a single option.
    #[error("{0}. For more, try --help")]
    Use(String),
    /// Something that AWS never does.
    #[error("{0}")]
    Unexpected(String),
    /// What was asked for cannot be done as things are; the message says why, and what to do.
    #[error("{0}")]
    Impossible(String),
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// Whether the same call may succeed later, though nobody does anything.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::NoAnswer { .. } | Self::Refused { .. })
    }

    /// A call failed; `action` is the permission that it needs, as IAM calls it.
    pub(crate) fn of_call<E>(
        action: &'static str,
        resource: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let said = error.message().unwrap_or("AWS gave no message").to_owned();
        match error.code() {
            None => match source::<CredentialsError>(error) {
                Some(error) => Self::NoCredentials(chain(error)),
                None => Self::NoAnswer {
                    action,
                    said: chain(error),
                },
            },
            Some("AccessDenied" | "AccessDeniedException") => Self::Denied {
                action,
                resource: resource.to_owned(),
                said,
            },
            Some(
                "ExpiredToken"
                | "ExpiredTokenException"
                | "InvalidClientTokenId"
                | "UnrecognizedClientException",
            ) => Self::NoCredentials(said),
            Some(code) => Self::Refused {
                action,
                resource: resource.to_owned(),
                code: code.to_owned(),
                said,
            },
        }
    }
}

/// The cause of that type, if the error has one.
fn source<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The error and its causes in words, each once: some repeat their cause's words.
fn chain(error: &dyn Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let words = error.to_string();
        if !said.iter().any(|before| before.contains(&words)) {
            said.push(words);
        }
        next = error.source();
    }
    said.join(": ")
}
