//! What the tool prints.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// For whom an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Prints the text, and ends with the given code. A reader that has seen enough, such as `head`, is no failure.
pub(crate) fn print(text: &str, code: ExitCode) -> ExitCode {
    let mut output = io::stdout().lock();
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("the output cannot be written: {error}");
            ExitCode::FAILURE
        }
        _ => code,
    }
}
