//! `crawler-sync report`: a run as a page.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

mod details;
mod head;
mod links;
mod mark;
mod page;
mod scale;
mod span;
mod timeline;

use crate::output::say;

use super::list::{self, Row};
use super::names::Named;
use super::run::{Run, Status};
use super::{Failure, Format, Options, Outcome, Stack, histories};

/// Write a page about a run: what ran when, what each job and crawl came to, and why it failed, with links to logs.
///
/// The page is one file of HTML that asks nothing of anybody: mail it, print it, keep it. Ends with 1 if the run has
/// failed; the page is written all the same.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  crawler-sync report --open                         the newest run of all, in the browser
  crawler-sync report orders                         the newest run of a pipeline
  crawler-sync report orders-2026-01-31-…            any run that `crawler-sync runs` lists
  crawler-sync report orders --output orders.html    in a file of this name
  crawler-sync report orders --format json | jq      the same as data")]
pub(crate) struct Arguments {
    /// The name or the ARN of a run, or the name of a pipeline, whose newest run is meant.
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Where to write it; unless said, a page to a file in this folder that is named after the run, JSON to the
    /// standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show the page in the browser.
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    stack: Options,
}

/// A run, with what its own history does not tell.
#[derive(Debug, Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    run: &'a Run,
    /// The names of the runs that left their windows to this one.
    absorbed: &'a [String],
}

/// Writes it, and prints where it is.
pub(crate) async fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let stack = Stack::connect(&arguments.stack).await?;
    let arn = list::find(&stack, arguments.run.as_deref()).await?;
    let run = histories::read(&stack, &arn).await?;
    let absorbed = absorbed(&stack, &run).await?;
    let json = arguments.stack.format == Format::Json;
    let text = if json {
        let report = Report {
            run: &run,
            absorbed: &absorbed,
        };
        format!("{}\n", json!(report))
    } else {
        page::page(&run, &absorbed, &stack.home, Timestamp::now())
            .map_err(|error| Failure::Unexpected(format!("the page cannot be made: {error}")))?
    };
    let named = || PathBuf::from(format!("{}.html", run.name));
    let file = arguments.output.clone().or_else(|| (!json).then(named));
    let mut output = std::io::stdout();
    match file {
        None => say(&text)?,
        Some(file) => {
            fs::write(&file, text).map_err(|error| {
                Failure::Impossible(format!("{}: cannot be written: {error}", file.display()))
            })?;
            writeln!(output, "{}", file.display())?;
            if arguments.open {
                open::that_detached(&file).map_err(|error| {
                    let file = file.display();
                    Failure::Impossible(format!(
                        "no browser opens {file}: {error}. Open it yourself"
                    ))
                })?;
            }
        }
    }
    Ok(if run.problems().is_empty() {
        Outcome::Fine
    } else {
        Outcome::Failed
    })
}

/// The runs that left their windows to this one, or to one that did so in its turn.
async fn absorbed(stack: &Stack, run: &Run) -> Result<Vec<String>, Failure> {
    let Named::Window { queue, .. } = Named::of(&run.name) else {
        return Ok(Vec::new());
    };
    let ended = run.status.ended().unwrap_or(Timestamp::MAX);
    let rows = list::of_queue(stack, &queue, run.began, ended).await?;
    Ok(left_to(&run.name, &rows))
}

/// Of runs that are listed from the newest on.
fn left_to(taker: &str, rows: &[Row]) -> Vec<String> {
    let mut takers = vec![taker];
    for row in rows {
        if let Status::Absorbed { absorbed_by, .. } = &row.status
            && takers.contains(&absorbed_by.as_str())
        {
            takers.push(&row.name);
        }
    }
    takers[1..].iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests;
