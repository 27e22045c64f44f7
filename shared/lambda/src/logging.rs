//! Logs as one JSON object a line, for Lambda's JSON log format.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What this project has to say. Targets match by their beginnings: "lambda" would let the runtime's lines in.
const OURS: [&str; 6] = [
    "get_crawler_state",
    "glue::",
    "lambda::",
    "plan_pipeline",
    "s3_event_filter",
    "start_crawler",
];

/// Sends log lines to standard output, from the level in `AWS_LAMBDA_LOG_LEVEL` on, and panics as lines too.
pub fn init() {
    let level = level(std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().as_deref());
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
}

/// tracing lacks Lambda's highest level, FATAL. An unknown level counts as INFO.
fn level(name: Option<&str>) -> LevelFilter {
    match name.unwrap_or_default() {
        "" => LevelFilter::INFO,
        name if name.eq_ignore_ascii_case("FATAL") => LevelFilter::ERROR,
        name => name.parse().unwrap_or(LevelFilter::INFO),
    }
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
            assert!(!targets.would_enable(other, &Level::INFO), "{other}");
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

    /// A level that Lambda offers must be taken, and any other must not stop a function's start.
    #[test]
    fn every_level_of_lambdas_is_understood() {
        for (name, filter) in [
            (Some("TRACE"), LevelFilter::TRACE),
            (Some("DEBUG"), LevelFilter::DEBUG),
            (Some("INFO"), LevelFilter::INFO),
            (Some("WARN"), LevelFilter::WARN),
            (Some("ERROR"), LevelFilter::ERROR),
            (Some("FATAL"), LevelFilter::ERROR),
            (Some("fatal"), LevelFilter::ERROR),
            (Some(""), LevelFilter::INFO),
            (Some("loud"), LevelFilter::INFO),
            (None, LevelFilter::INFO),
        ] {
            assert_eq!(level(name), filter, "{name:?}");
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
