//! A deployed stack: where it is, how it is called, and what its commands say when a call fails.

use std::future::Future;
use std::process::ExitCode;

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
mod queue;
pub(crate) mod redrive;
pub(crate) mod report;
mod rules;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod start;
mod text;

pub(crate) use crate::output::Format;
use commands::Commands;
pub(crate) use failure::Failure;
pub(crate) use home::{Home, Machine};
pub(crate) use options::Options;

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

/// How a command ended that did what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Fine,
    /// What it tells of is not: a run has failed.
    Failed,
    /// Ctrl-C ended it.
    Interrupted,
}

/// Carries out a command: 0 is all well, 1 a failed run or a failed call. Wrong use is 2, and clap's.
pub(crate) fn carry_out(command: impl Future<Output = Result<Outcome, Failure>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        // As shells have it.
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        // `crawler-sync runs | head` has read enough.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("crawler-sync: {failure}");
            match failure {
                Failure::Use(_) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
