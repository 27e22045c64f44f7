//! `crawler-sync`: the tool of whoever writes pipelines.

mod check;
mod lines;

use std::process::ExitCode;

use clap::Parser;

/// Pipelines of Glue jobs and crawlers, as files.
#[derive(Debug, Parser)]
#[command(name = "crawler-sync", version)]
enum Command {
    Check(check::Arguments),
}

fn main() -> ExitCode {
    match Command::parse() {
        Command::Check(arguments) => check::run(&arguments),
    }
}
