//! `crawler-sync runs`: the runs of pipelines, as a table.

use std::collections::HashMap;
use std::io::Write as _;

use console::style;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::columns::{columns, cut};
use super::list::{self, Row, Which};
use super::run::{Problem, Status};
use super::text::printable;
use super::{Failure, Format, Options, Outcome, Stack, moments};

/// List the runs of pipelines, the newest first.
///
/// Times are in UTC. A run that left its window to a newer one stands below that. Step Functions forgets runs after 90
/// days. Ends with 0, however the runs ended.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  crawler-sync runs                          what ran in the last 24 hours
  crawler-sync runs orders --since 7d        the runs of one pipeline
  crawler-sync runs --failed                 what went wrong, where and why
  crawler-sync runs --failed --format json   the same for a program")]
pub(crate) struct Arguments {
    /// Only the runs of this pipeline.
    #[arg(value_name = "PIPELINE")]
    pipeline: Option<String>,
    /// Only runs that failed, took too long or were stopped.
    #[arg(long)]
    failed: bool,
    /// Only runs that began within this time: 90m, 24h, 7d.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = within)]
    since: SignedDuration,
    #[command(flatten)]
    stack: Options,
}

/// A span of time; a day has 24 hours.
fn within(text: &str) -> Result<SignedDuration, String> {
    let parsed = text.strip_suffix('d').and_then(|days| days.parse().ok());
    let span = match parsed {
        Some(days) => SignedDuration::try_from_hours(24_i64.saturating_mul(days)),
        None => text.parse().ok(),
    };
    span.filter(SignedDuration::is_positive)
        .ok_or_else(|| "must be a span of time such as 90m, 24h or 7d".to_owned())
}

/// Prints them.
pub(crate) async fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let stack = Stack::connect(&arguments.stack).await?;
    let now = Timestamp::now();
    let which = Which {
        pipeline: arguments.pipeline.as_deref(),
        failed: arguments.failed,
        since: now
            .saturating_sub(arguments.since)
            .unwrap_or(Timestamp::MIN),
    };
    let rows = list::runs(&stack, &which).await?;
    let text = match arguments.stack.format {
        Format::Json => json!(rows).to_string(),
        Format::Text if rows.is_empty() => {
            let bad = if arguments.failed {
                " that went wrong"
            } else {
                ""
            };
            let of = (which.pipeline).map_or_else(String::new, |name| format!(" of {name}"));
            let since = moments::told(which.since);
            format!("no runs{of}{bad} since {since} UTC in the {}", stack.home)
        }
        Format::Text => table(&below_takers(&rows), now),
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(Outcome::Fine)
}

/// The runs in their order, but those that were absorbed below the one that took them; and whether they are.
fn below_takers(rows: &[Row]) -> Vec<(&Row, bool)> {
    let mut taken: HashMap<&str, Vec<&Row>> = HashMap::new();
    let there = |name: &str| rows.iter().any(|row| row.name == name);
    let mut tops = Vec::new();
    for row in rows {
        match &row.status {
            Status::Absorbed { absorbed_by, .. } if there(absorbed_by) => {
                taken.entry(absorbed_by).or_default().push(row);
            }
            _ => tops.push(row),
        }
    }
    let mut ordered = Vec::with_capacity(rows.len());
    // A run that takes another may leave both to a newer one.
    let mut left: Vec<_> = tops.into_iter().rev().map(|row| (row, false)).collect();
    while let Some((row, below)) = left.pop() {
        ordered.push((row, below));
        let taken = taken.remove(row.name.as_str()).unwrap_or_default();
        left.extend(taken.into_iter().rev().map(|row| (row, true)));
    }
    ordered
}

fn table(rows: &[(&Row, bool)], now: Timestamp) -> String {
    let header = ["pipeline", "for", "status", "began", "took", "run"];
    let mut lines = vec![header.map(|title| style(title).bold().to_string()).to_vec()];
    lines.extend(rows.iter().map(|(row, below)| cells(row, *below, now)));
    let mut text = columns(&lines);
    for ((row, _), line) in rows.iter().zip(&mut text[1..]) {
        let why = row.status.problem();
        let why = why.map(|problem| one_line(&row.pipeline, problem));
        // Of a run that was stopped in the console there is nothing more to say.
        if let Some(why) = why.filter(|why| !why.is_empty()) {
            let why = cut(&format!("  ↳ {why}"));
            line.push('\n');
            line.push_str(&style(why).red().to_string());
        }
    }
    text.join("\n")
}

fn cells(row: &Row, below: bool, now: Timestamp) -> Vec<String> {
    let covers = match (&row.window_end, &row.date) {
        (Some(end), _) => format!("window to {}", moments::told_on(now, *end)),
        (None, date) => printable(date.as_deref().unwrap_or_default()),
    };
    let took = row.status.ended().unwrap_or(now).duration_since(row.began);
    let word = style(row.status.word());
    vec![
        match row.pipeline.as_str() {
            "" => style("no name").dim().to_string(),
            name if below => format!("└ {}", printable(name)),
            name => printable(name),
        },
        covers,
        match row.status {
            Status::Running => word.cyan(),
            Status::Succeeded { .. } => word.green(),
            Status::Absorbed { .. } => word.dim(),
            Status::Failed { .. } | Status::TimedOut { .. } | Status::Aborted { .. } => word.red(),
        }
        .to_string(),
        moments::told_on(now, row.began),
        moments::took(took),
        printable(&row.name),
    ]
}

/// Where it failed, and why. Which pipeline it is stands above.
fn one_line(pipeline: &str, problem: &Problem) -> String {
    let known = format!("pipeline {pipeline}, ");
    let cause = problem.cause.strip_prefix(&known).unwrap_or(&problem.cause);
    let told = Problem {
        cause: cause.split_whitespace().collect::<Vec<_>>().join(" "),
        ..problem.clone()
    };
    printable(&told.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that was stopped in the console has neither error nor cause; what others chose is shown, not obeyed.
    #[test]
    fn a_line_says_why_if_there_is_something_to_say() {
        let ended = Timestamp::UNIX_EPOCH;
        let stopped = |cause: &str| Row {
            pipeline: "orders".to_owned(),
            name: "nightly".to_owned(),
            arn: "x".to_owned(),
            window_end: None,
            date: Some("\u{1b}[2J".to_owned()),
            began: ended,
            status: Status::Aborted {
                ended,
                problem: Problem {
                    error: String::new(),
                    cause: cause.to_owned(),
                },
            },
        };
        let (silent, told) = (stopped(""), stopped("by the\nnight shift"));
        let text = table(&[(&silent, false), (&told, false)], ended);
        let text = console::strip_ansi_codes(&text);
        let lines: Vec<_> = text.lines().skip(1).map(str::trim).collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].contains("\\u{1b}[2J") && lines[0].contains("stopped"));
        assert_eq!(lines[2], "↳ by the night shift");
    }
}
