//! Logs as one JSON object a line, for Lambda's JSON log format.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::setting::{self, InvalidSetting, Source};

/// The crates that log what this project has to say.
const OURS: [&str; 5] = [
    "get_crawler_state",
    "glue_client",
    "s3_event_filter",
    "shared",
    "start_crawler",
];

/// Sends log lines to standard output, from the level in `AWS_LAMBDA_LOG_LEVEL` on (INFO unless
/// set), and panics as lines too.
///
/// # Errors
/// [`InvalidSetting`] if the level is none.
pub fn init() -> Result<(), InvalidSetting> {
    let level = level(&setting::environment)?;
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_target(false);
    tracing_subscriber::registry()
        .with(lines)
        .with(targets(level))
        .init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let reason = panic.payload_as_str();
        tracing::error!(outcome = "panic", place, reason, "the function panicked");
    }));
    Ok(())
}

/// Lambda's highest level, FATAL, is none of tracing's.
fn level(source: &impl Source) -> Result<LevelFilter, InvalidSetting> {
    let renamed = |name: &str| {
        source(name).map(|level| {
            if level.eq_ignore_ascii_case("FATAL") {
                "ERROR".to_owned()
            } else {
                level
            }
        })
    };
    setting::parse(&renamed, "AWS_LAMBDA_LOG_LEVEL", LevelFilter::INFO)
}

/// Logs why a function cannot start: what Lambda itself would log of it is no JSON.
pub fn refuse(error: &InvalidSetting) {
    tracing::error!(outcome = "InvalidSetting", reason = %error, "the function cannot start");
}

/// Other crates never get below WARN: at TRACE the Lambda runtime logs whole payloads and the SDK
/// its requests. The exception is the module of the runtime that logs nothing and opens, at INFO, the
/// span with the request id: lines of every level need that. The runtime's own line for a handler's
/// error or panic would repeat ours without the fields.
fn targets(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("lambda_runtime::layers::trace", LevelFilter::INFO)
        .with_target("lambda_runtime::layers::panic", LevelFilter::OFF)
        .with_targets(OURS.map(|target| (target, level)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    /// Payloads and signed requests must not reach the log at any level an operator may choose.
    #[test]
    fn no_level_opens_the_logs_of_the_runtime_or_the_sdk() {
        let targets = targets(LevelFilter::TRACE);
        assert!(targets.would_enable("start_crawler::handler", &Level::TRACE));
        for other in [
            "lambda_runtime::layers::api_response",
            "aws_smithy_runtime",
            "hyper",
        ] {
            assert!(!targets.would_enable(other, &Level::DEBUG), "{other}");
        }
    }

    /// Without the runtime's span, lines could not be matched to invocations; the runtime's own lines keep
    /// to the level.
    #[test]
    fn the_span_with_the_request_id_stays_on() {
        for level in [LevelFilter::ERROR, LevelFilter::WARN, LevelFilter::INFO] {
            let targets = targets(level);
            assert!(targets.would_enable("lambda_runtime::layers::trace", &Level::INFO));
            assert!(!targets.would_enable("lambda_runtime::runtime", &Level::INFO));
        }
        assert!(!targets(LevelFilter::ERROR).would_enable("lambda_runtime::runtime", &Level::WARN));
    }

    /// A level that Lambda offers must not stop a function's start.
    #[test]
    fn every_level_of_lambdas_is_understood() {
        for (name, filter) in [
            ("TRACE", LevelFilter::TRACE),
            ("DEBUG", LevelFilter::DEBUG),
            ("INFO", LevelFilter::INFO),
            ("WARN", LevelFilter::WARN),
            ("ERROR", LevelFilter::ERROR),
            ("FATAL", LevelFilter::ERROR),
            ("fatal", LevelFilter::ERROR),
            ("", LevelFilter::INFO),
        ] {
            assert_eq!(
                level(&|_: &str| Some(name.to_owned())),
                Ok(filter),
                "{name}"
            );
        }
    }

    /// One event, one line: the runtime would log each error of a handler a second time.
    #[test]
    fn the_runtime_does_not_repeat_errors() {
        assert!(
            !targets(LevelFilter::INFO)
                .would_enable("lambda_runtime::layers::panic", &Level::ERROR)
        );
    }
}
