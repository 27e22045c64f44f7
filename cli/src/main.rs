//! `crawler-sync`: the tool of whoever writes pipelines.

mod files;
mod output;

use std::process::ExitCode;

use clap::Parser;

use files::{check, template};

/// Pipelines of Glue jobs, crawlers and other work, as files.
#[derive(Debug, Parser)]
#[command(name = "crawler-sync", version)]
enum Command {
    Check(check::Arguments),
    Template(template::Arguments),
}

fn main() -> ExitCode {
    match Command::parse() {
        Command::Check(arguments) => check::run(&arguments),
        Command::Template(arguments) => template::run(&arguments),
    }
}
