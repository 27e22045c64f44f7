//! Handling again what is parked.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_sfn::config::interceptors::{BeforeTransmitInterceptorContextMut, InterceptorContext};
use aws_sdk_sfn::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_sfn::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sfn::error::BoxError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::types::SyncExecutionStatus;
use serde_json::Value;

use super::rules::{self, RuleName};
use super::{Failure, Home, Machine, Stack};

/// An express execution may take five minutes.
const PATIENCE: Duration = Duration::from_secs(310);

/// The machines of a stack, and the rules that hand events to them.
#[derive(Debug)]
pub(crate) struct Again {
    home: Home,
    machines: aws_sdk_sfn::Client,
    events: aws_sdk_eventbridge::Client,
}

/// How trigger handled an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handled {
    /// It says so in its output.
    Done { outcome: String, detail: String },
    /// It failed, and has parked the event again if it could.
    Failed { execution: String, why: String },
}

impl Again {
    pub(crate) fn new(stack: &Stack) -> Self {
        Self {
            home: stack.home.clone(),
            machines: stack.states(),
            events: aws_sdk_eventbridge::Client::new(&stack.config),
        }
    }

    /// Trigger handles an input, and this waits until it has.
    pub(crate) async fn handle(&self, input: &Value) -> Result<Handled, Failure> {
        // Whether StartSyncExecution takes an alias, AWS does not say.
        let trigger = self.home.machine(Machine::Trigger);
        let patient = TimeoutConfig::builder().operation_attempt_timeout(PATIENCE);
        let ended = (self.machines.start_sync_execution())
            .state_machine_arn(&trigger)
            .input(input.to_string())
            .customize()
            .config_override(
                aws_sdk_sfn::config::Builder::new()
                    .timeout_config(patient.build())
                    .retry_classifier(OnlyRefused),
            )
            .interceptor(OneHost)
            .send()
            .await
            .map_err(|error| Failure::of_call("states:StartSyncExecution", &trigger, &error))?;
        if ended.status == SyncExecutionStatus::Succeeded {
            let output: Value = (ended.output())
                .and_then(|output| serde_json::from_str(output).ok())
                .unwrap_or_default();
            let told = |field: &str| output[field].as_str().map(str::to_owned);
            return Ok(Handled::Done {
                outcome: told("outcome").unwrap_or_default(),
                detail: told("executionName")
                    .or_else(|| told("reason"))
                    .unwrap_or_default(),
            });
        }
        let error = ended.error.unwrap_or_else(|| ended.status.to_string());
        Ok(Handled::Failed {
            execution: ended.execution_arn,
            why: format!("{error}: {}", ended.cause.unwrap_or_default()),
        })
    }

    /// Starts a run of the pipeline machine, unless there is one of this name; says whether there was none.
    pub(crate) async fn start(&self, name: &str, input: &Value) -> Result<bool, Failure> {
        let pipeline = self.home.alias(Machine::Pipeline);
        let started = (self.machines.start_execution())
            .state_machine_arn(&pipeline)
            .name(name)
            .input(input.to_string())
            .send()
            .await;
        match started {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(StartExecutionError::is_execution_already_exists) =>
            {
                Ok(false)
            }
            Err(error) => Err(Failure::of_call("states:StartExecution", &pipeline, &error)),
        }
    }

    /// What the rule makes of the event today.
    pub(crate) async fn transform(&self, rule: &str, event: &Value) -> Result<Value, Failure> {
        let trigger = self.home.machine(Machine::Trigger);
        let Some(rule) = RuleName::of(rule) else {
            return Err(Failure::Impossible(format!("{rule} is no rule")));
        };
        let targets = rules::targets(&self.events, &rule, &trigger).await?;
        let [target] = targets.as_slice() else {
            let count = targets.len();
            let why = format!("{rule} has {count} targets that are the trigger");
            return Err(Failure::Impossible(why));
        };
        rules::transformed(target, event).map_err(|_| {
            Failure::Impossible(format!(
                "{rule}: its template takes more than the whole event"
            ))
        })
    }
}

/// Throttled calls are made again. One without an answer may have been carried out: each further one could cost an
/// execution, and the longest of timeouts.
#[derive(Debug)]
struct OnlyRefused;

impl ClassifyRetry for OnlyRefused {
    fn name(&self) -> &'static str {
        "OnlyRefused"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.output_or_error() {
            Some(Err(error)) if !error.is_operation_error() => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }
}

/// Where AWS has a host of its own for calls that wait, an endpoint that somebody configured has one for all.
#[derive(Debug)]
struct OneHost;

impl Intercept for OneHost {
    fn name(&self) -> &'static str {
        "OneHost"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let uri = on_one_host(request.uri());
        request.set_uri(uri)?;
        Ok(())
    }
}

/// The SDK takes `states` and `states-fips` hosts by itself, in whichever partition; all else is configured.
fn on_one_host(uri: &str) -> String {
    if uri.contains("://sync-states.") || uri.contains("://sync-states-fips.") {
        return uri.to_owned();
    }
    uri.replacen("://sync-", "://", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A local AWS has one host; AWS's other one is the only that waits, in each partition and with each kind of it.
    #[test]
    fn only_aws_has_a_host_for_calls_that_wait() {
        for host in [
            "states.eu-west-1.amazonaws.com",
            "states-fips.us-east-1.amazonaws.com",
            "states.eu-west-1.api.aws",
            "states.us-iso-east-1.c2s.ic.gov",
            "states.cn-north-1.api.amazonwebservices.com.cn",
        ] {
            let aws = format!("https://sync-{host}/");
            assert_eq!(on_one_host(&aws), aws);
        }
        for host in ["127.0.0.1:4566", "localstack:4566", "vpce-1.example"] {
            let configured = format!("http://sync-{host}/");
            assert_eq!(on_one_host(&configured), format!("http://{host}/"));
        }
    }
}
