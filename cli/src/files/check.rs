//! `crawler-sync check`: every mistake in pipeline files, with its line.

use std::path::PathBuf;

use super::read;
use crate::output::{Format, Outcome, say};
use crate::stack::Failure;

/// Check pipeline files, and print every mistake as `file:line: place: rule`.
///
/// Prints nothing and ends with 0 if all is well, with 1 if there is a mistake.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: crawler-sync check pipelines/")]
pub(crate) struct Arguments {
    /// Pipeline files, and folders of them.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    paths: Vec<PathBuf>,
    /// How to print the mistakes: a line each, or one array of objects.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Checks what the arguments name, and prints what is wrong.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let (_, found) = read(&arguments.paths);
    let text = match arguments.format {
        Format::Text => found
            .iter()
            .fold(String::new(), |text, each| text + &format!("{each}\n")),
        Format::Json => format!("{}\n", serde_json::json!(found)),
    };
    say(&text)?;
    Ok(if found.is_empty() {
        Outcome::Fine
    } else {
        Outcome::Failed
    })
}
