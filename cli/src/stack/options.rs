//! What every command of a stack takes.

use crate::output::Format;

/// Which stack, and how to print what is found there. As the AWS CLI, it reads `AWS_REGION`, `AWS_PROFILE`,
/// `AWS_ENDPOINT_URL` and `~/.aws` where an option is absent.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Stack")]
pub(crate) struct Options {
    /// The stack of crawler-sync's template.yaml.
    #[arg(
        long,
        value_name = "NAME",
        env = "CRAWLER_SYNC_STACK",
        default_value = "crawler-sync"
    )]
    pub(crate) stack: String,
    /// The Region that it is in; else that of `AWS_REGION`, `AWS_DEFAULT_REGION` or the profile.
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The profile of ~/.aws/config to act as; else `AWS_PROFILE`.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Another AWS than Amazon's, such as a local one; else `AWS_ENDPOINT_URL`.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// How to print the answer.
    #[arg(long, value_enum, default_value = "text", help_heading = None)]
    pub(crate) format: Format,
}
