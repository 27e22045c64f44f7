//! The connection to Glue.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_glue::Client;
use aws_sdk_glue::config::ProvideCredentials as _;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};

use crate::Glue;

/// Sets up the client from the environment that Lambda provides. Costs milliseconds, so once, before
/// the first invocation.
///
/// Every call ends: 2 s to connect, 5 s an attempt, three attempts, 20 s in all.
pub async fn connect() -> Glue {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(20))
        .build();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(https())
        .timeout_config(timeouts)
        .retry_config(retries())
        // Would give a stalled body 20 s, and an attempt ends after 5.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    // Lambda sets these variables, and the default chain asks for them first. Building the rest of the chain costs
    // 5 % of init.
    let variables = EnvironmentVariableCredentialsProvider::new();
    let config = match variables.provide_credentials().await {
        Ok(_) => config.credentials_provider(variables),
        Err(_) => config,
    };
    Glue::from(Client::new(&config.load().await))
}

/// Three attempts at each call: throttling, most of all, is over in a moment.
pub(crate) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3)
}

/// One connector for every call. The SDK would make one now and another at the first call, and take
/// in the trusted roots for each.
fn https() -> SharedHttpClient {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(Duration::from_secs(2))
        .build();
    let connector = SharedHttpConnector::new(
        Connector::builder()
            .connector_settings(settings)
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build(),
    );
    http_client_fn(move |_, _| connector.clone())
}
