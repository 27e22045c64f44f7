//! The connection to a stack: credentials, Region and endpoint as the AWS CLI takes them.

use std::error::Error;
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sfn::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_sfn::error::SdkError;
use aws_smithy_http_client::tls;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::commands::Commands;
use super::home::partition_and_account;
use super::{Failure, Home, Options, Stack};

/// Looking at many runs meets the rates of Step Functions: each call gets its turn in seconds.
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(8)
        .with_max_backoff(Duration::from_secs(5))
}

/// Without the SDK's limit of retries for all calls together, which a few hundred throttled ones use up: those that it
/// spares a service are few, because calls side by side are.
fn patient(config: aws_sdk_sfn::config::Builder) -> aws_sdk_sfn::config::Builder {
    let partition = RetryPartition::custom("states").token_bucket(TokenBucket::unlimited());
    config
        .retry_config(retries())
        .retry_partition(partition.build())
}

impl Stack {
    /// Finds out whose the credentials are, which takes one call.
    pub(crate) async fn connect(options: &Options) -> Result<Self, Failure> {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(Duration::from_secs(30))
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            .timeout_config(timeouts)
            .retry_config(retries());
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &options.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
        }
        let mut config = loader.load().await;
        if let Some(profile) = &options.profile {
            // What is asked for by name counts more than keys in the environment.
            let provided = ProviderConfig::without_region()
                .with_http_client(http)
                .with_region(config.region().cloned());
            let credentials = ProfileFileCredentialsProvider::builder()
                .configure(&provided)
                .profile_name(profile)
                .build();
            config = config
                .into_builder()
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .build();
        }
        let region = config.region().ok_or(Failure::NoRegion)?.to_string();
        let caller = aws_sdk_sts::Client::new(&config)
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| Failure::of_call("sts:GetCallerIdentity", "the account", &error))?;
        let (partition, account) = caller
            .arn()
            .and_then(partition_and_account)
            .ok_or_else(|| Failure::Unexpected("STS told no account".to_owned()))?;
        let home = Home {
            partition: partition.to_owned(),
            region,
            account: account.to_owned(),
            stack: options.stack.clone(),
        };
        Ok(Self {
            home,
            config,
            commands: Commands::new(options),
        })
    }

    /// There is no such run.
    pub(crate) fn no_run(&self, run: &str) -> Failure {
        let all = self.commands.own(["runs", "--since", "90d"]);
        Failure::NoRun(run.to_owned(), self.home.to_string(), all)
    }

    /// Step Functions.
    pub(crate) fn states(&self) -> aws_sdk_sfn::Client {
        let config = aws_sdk_sfn::config::Builder::from(&self.config);
        aws_sdk_sfn::Client::from_conf(patient(config).build())
    }

    /// A call that names a part of the stack failed.
    pub(crate) fn failure<E>(
        &self,
        action: &'static str,
        resource: &str,
        error: &SdkError<E>,
    ) -> Failure
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error.code() {
            Some(
                "StateMachineDoesNotExist"
                | "QueueDoesNotExist"
                | "AWS.SimpleQueueService.NonExistentQueue",
            ) => Failure::NoStack(self.home.clone()),
            Some("ExecutionDoesNotExist") => {
                self.no_run(resource.rsplit(':').next().unwrap_or(resource))
            }
            _ => Failure::of_call(action, resource, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::Client;
    use aws_sdk_sfn::config::{AsyncSleep, Sleep};
    use aws_sdk_sfn::operation::describe_execution::{
        DescribeExecutionError, DescribeExecutionOutput,
    };
    use aws_sdk_sfn::types::ExecutionStatus;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};
    use aws_smithy_types::DateTime;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    /// Passes in no time.
    #[derive(Debug)]
    struct NoSleep;

    impl AsyncSleep for NoSleep {
        fn sleep(&self, _: Duration) -> Sleep {
            Sleep::new(async {})
        }
    }

    /// Hundreds of failed runs are looked into while Step Functions refuses two calls of three.
    #[tokio::test]
    async fn calls_are_tried_again_however_many_have_been() {
        let throttled = || {
            let rate = ErrorMetadata::builder().code("ThrottlingException");
            DescribeExecutionError::generic(rate.build())
        };
        let told = || {
            let told = DescribeExecutionOutput::builder()
                .execution_arn("x")
                .state_machine_arn("x")
                .status(ExecutionStatus::Succeeded)
                .start_date(DateTime::from_secs(0));
            told.build().expect("nothing is missing")
        };
        let rules = (0..450).map(|_| {
            let answers = mock!(Client::describe_execution).sequence();
            answers.error(throttled).times(2).output(told).build()
        });
        let rules: Vec<_> = rules.collect();
        let client = mock_client!(aws_sdk_sfn, RuleMode::Sequential, &rules, |config| patient(
            config
        )
        .sleep_impl(NoSleep));
        for number in 0..rules.len() {
            let told = client.describe_execution().execution_arn("x").send().await;
            assert!(told.is_ok(), "{number}: {told:?}");
        }
    }
}
