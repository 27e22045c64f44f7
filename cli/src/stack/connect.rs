//! The connection to a stack: credentials, Region and endpoint as the AWS CLI takes them.

use std::error::Error;
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sfn::error::SdkError;
use aws_smithy_http_client::tls;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::commands::Commands;
use super::home::partition_and_account;
use super::{Failure, Home, Options, Stack};

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
        // Looking at many runs meets the rates of Step Functions: it is over in seconds.
        let retries = RetryConfig::standard()
            .with_max_attempts(8)
            .with_max_backoff(Duration::from_secs(5));
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            .timeout_config(timeouts)
            .retry_config(retries);
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
