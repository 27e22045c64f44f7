//! `crawler-sync runs`: the runs of pipelines, as a table.

use std::io::Write as _;

use super::{Failure, Machine, Options, Outcome, Stack};

/// List the runs of pipelines, the newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: crawler-sync runs --stack etl")]
pub(crate) struct Arguments {
    #[command(flatten)]
    stack: Options,
}

/// Prints them.
pub(crate) async fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let stack = Stack::connect(&arguments.stack).await?;
    let machine = stack.home.machine(Machine::Pipeline);
    let listed = aws_sdk_sfn::Client::new(&stack.config)
        .list_executions()
        .state_machine_arn(&machine)
        .send()
        .await
        .map_err(|error| stack.failure("states:ListExecutions", &machine, &error))?;
    for each in listed.executions() {
        writeln!(std::io::stdout(), "{} {}", each.status(), each.name())?;
    }
    Ok(Outcome::Fine)
}
