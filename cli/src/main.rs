//! `crawler-sync`: the tool of whoever writes pipelines.

mod check;
mod files;
mod lines;
mod loops;
mod resources;
mod runs;
mod schedules;
mod template;

use std::process::ExitCode;

use clap::Parser;

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
