//! `crawler-sync`: the tool of those who write pipelines, and of those who run them.

mod completions;
mod files;
mod output;
mod stack;

use std::process::ExitCode;

use clap::Parser;

use files::{check, template};
use stack::{explain, follow, redrive, report, runs, start};

/// Pipelines of Glue jobs, crawlers and other work: as files, and as runs on a stack.
#[derive(Debug, Parser)]
#[command(name = "crawler-sync", version)]
enum Command {
    Check(check::Arguments),
    Template(template::Arguments),
    Run(start::Arguments),
    Runs(runs::Arguments),
    Follow(follow::Arguments),
    Report(report::Arguments),
    Explain(explain::Arguments),
    Redrive(redrive::Arguments),
    Completions(completions::Arguments),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    output::end(match Command::parse() {
        Command::Check(arguments) => check::run(&arguments),
        Command::Template(arguments) => template::run(&arguments),
        Command::Run(arguments) => start::run(&arguments).await,
        Command::Runs(arguments) => runs::run(&arguments).await,
        Command::Follow(arguments) => follow::run(&arguments).await,
        Command::Report(arguments) => report::run(&arguments).await,
        Command::Explain(arguments) => explain::run(&arguments).await,
        Command::Redrive(arguments) => redrive::run(&arguments).await,
        Command::Completions(arguments) => completions::run(&arguments),
    })
}
