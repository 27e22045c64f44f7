//! A deployed stack: where it is, how it is called, and what its commands say when a call fails.

use aws_config::SdkConfig;

mod again;
mod columns;
mod commands;
mod connect;
mod deployed;
pub(crate) mod explain;
mod failure;
pub(crate) mod follow;
mod histories;
mod home;
mod list;
mod moments;
mod names;
mod options;
mod parked;
mod progress;
mod queue;
pub(crate) mod redrive;
pub(crate) mod report;
mod rules;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod start;
mod text;

pub(crate) use crate::output::{Format, Outcome};
use commands::Commands;
pub(crate) use failure::Failure;
pub(crate) use home::{Home, Machine};
pub(crate) use options::Options;
pub(crate) use text::printable;

/// Calls side by side.
const CALLS: usize = 10;

/// A stack that can be called.
#[derive(Debug)]
pub(crate) struct Stack {
    /// Where it is.
    pub(crate) home: Home,
    /// What the client of each service is made of.
    pub(crate) config: SdkConfig,
    /// What goes to the same stack in the same place.
    pub(crate) commands: Commands,
}

#[cfg(test)]
impl Stack {
    /// One that no call reaches: tests have mocks of their own.
    fn sample() -> Self {
        Self {
            home: Home {
                partition: "aws".to_owned(),
                region: "eu-west-1".to_owned(),
                account: "123456789012".to_owned(),
                stack: "etl".to_owned(),
            },
            config: SdkConfig::builder()
                .behavior_version(aws_config::BehaviorVersion::latest())
                .build(),
            commands: Commands::new(&Options {
                stack: "etl".to_owned(),
                region: None,
                profile: None,
                endpoint_url: None,
                format: Format::Text,
            }),
        }
    }
}
