//! `crawler-sync`: the tool of those who write pipelines, and of those who run them.

mod completions;
mod files;
mod output;
mod stack;

use std::process::ExitCode;

use clap::Parser;

use files::{check, template};
use stack::{carry_out, explain, follow, redrive, report, runs, start};

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

fn main() -> ExitCode {
    match Command::parse() {
        Command::Check(arguments) => check::run(&arguments),
        Command::Template(arguments) => template::run(&arguments),
        Command::Run(arguments) => carry_out(start::run(&arguments)),
        Command::Runs(arguments) => carry_out(runs::run(&arguments)),
        Command::Follow(arguments) => carry_out(follow::run(&arguments)),
        Command::Report(arguments) => carry_out(report::run(&arguments)),
        Command::Explain(arguments) => carry_out(explain::run(&arguments)),
        Command::Redrive(arguments) => carry_out(redrive::run(&arguments)),
        Command::Completions(arguments) => completions::run(&arguments),
    }
}
