//! What the tool prints, and how it ends.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use crate::stack::{Failure, printable};

/// For whom an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// How a command ended that did what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Fine,
    /// What it tells of is not: a run has failed, a pipeline has a mistake.
    Failed,
    /// Ctrl-C ended it.
    Interrupted,
}

/// Prints the text. A reader that has seen enough, such as `head`, ends neither the command nor what it does.
pub(crate) fn say(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let said = output.write_all(text.as_bytes());
    match said.and_then(|()| output.flush()) {
        Err(error) if is_unread(&error) => Ok(()),
        said => said,
    }
}

/// Whether nobody reads the output any more.
pub(crate) fn is_unread(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

/// Ends a command: 0 is all well, 1 something bad that it tells of, or a failed call. Wrong use is 2, as clap has it.
pub(crate) fn end(result: Result<Outcome, Failure>) -> ExitCode {
    match result {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        // As shells have it.
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        // Commands that only look may leave it to their reader when to end: `crawler-sync follow | head`.
        Err(Failure::Output(error)) if is_unread(&error) => ExitCode::SUCCESS,
        Err(failure) => {
            // What AWS says may repeat what others chose.
            let said = failure.to_string();
            let lines: Vec<_> = said.lines().map(printable).collect();
            eprintln!("crawler-sync: {}", lines.join("\n"));
            match failure {
                Failure::Use(_) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
