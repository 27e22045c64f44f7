//! The connection to Glue as the SDK's documentation makes it.

use aws_config::BehaviorVersion;
use aws_sdk_glue::Client;

use crate::Glue;

/// Sets up the client.
pub async fn connect() -> Glue {
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    Glue::from(Client::new(&config))
}
