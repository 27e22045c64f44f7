//! A backfill: one run a day, in order, until one fails.

use std::cell::RefCell;
use std::collections::BTreeMap;

use console::style;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use indicatif::ProgressBar;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::json;

use super::super::commands::Commands;
use super::super::follow::until_interrupted;
use super::super::progress::TICK;
use super::super::run::Status;
use super::super::text::printable;
use super::super::{Failure, Format, Outcome, moments};
use super::{Starter, wait};
use crate::output::say;

/// The runs of some days.
pub(super) struct Backfill<'a> {
    starter: &'a Starter<'a>,
    /// In order.
    days: Vec<Date>,
    begun: RefCell<BTreeMap<Date, Day>>,
    progress: ProgressBar,
}

/// The run of a day.
#[derive(Debug, Clone, Serialize)]
struct Day {
    date: Date,
    name: String,
    arn: String,
    began: Timestamp,
    /// Whether the start has been answered.
    #[serde(rename = "isSure")]
    is_sure: bool,
    /// Running, until the crawls that it does not await are over, too.
    #[serde(flatten)]
    status: Status,
    /// The failures of those crawls among them.
    problems: Vec<String>,
}

/// What is left of a backfill.
#[derive(Debug, PartialEq, Eq)]
struct Rest {
    /// Days that have failed, or have not been begun for sure.
    days: Vec<Date>,
    /// Days after the first of those that have succeeded or still run: from there on they run a second time.
    twice: Vec<Date>,
}

impl Rest {
    fn of(days: &[Date], begun: &BTreeMap<Date, Day>) -> Self {
        let is_left = |date: &Date| {
            begun
                .get(date)
                .is_none_or(|day| !day.is_sure || !day.problems.is_empty())
        };
        let from = days.iter().position(is_left).unwrap_or(days.len());
        let (days, twice) = days[from..].iter().partition(|date| is_left(date));
        Self { days, twice }
    }
}

impl<'a> Backfill<'a> {
    /// From the first day to the last.
    pub(super) fn new(starter: &'a Starter<'a>, from: Date, to: Date, format: Format) -> Self {
        let days = std::iter::successors(Some(from), |day| day.tomorrow().ok());
        Self {
            starter,
            days: days.take_while(|day| *day <= to).collect(),
            begun: RefCell::default(),
            progress: match format {
                Format::Text => ProgressBar::new_spinner(),
                Format::Json => ProgressBar::hidden(),
            },
        }
    }

    /// Runs the days, so many side by side. Tells of each, and at the end how to go on if not all have succeeded;
    /// `resume` is the command for that from a day on.
    pub(super) async fn run(
        self,
        parallel: u8,
        format: Format,
        resume: impl Fn(Date) -> String,
    ) -> Result<Outcome, Failure> {
        let worked = until_interrupted(self.work(parallel, format)).await;
        self.progress.finish_and_clear();
        let begun = self.begun.into_inner();
        let rest = Rest::of(&self.days, &begun);
        let resume = rest.days.first().map(|day| resume(*day));
        let text = match format {
            Format::Json => {
                let days: Vec<_> = begun.values().collect();
                format!(
                    "{}\n",
                    json!({"days": days, "resume": resume, "twice": rest.twice})
                )
            }
            Format::Text => how_to_go_on(
                &rest,
                begun.values(),
                resume.as_deref(),
                &self.starter.stack.commands,
            ),
        };
        say(&text)?;
        match worked {
            None => Ok(Outcome::Interrupted),
            Some(Err(failure)) => Err(failure),
            Some(Ok(())) if !rest.days.is_empty() => Ok(Outcome::Failed),
            Some(Ok(())) => Ok(Outcome::Fine),
        }
    }

    /// No day is begun once one has failed; those beside it are waited for.
    async fn work(&self, parallel: u8, format: Format) -> Result<(), Failure> {
        let mut left = self.days.iter();
        let mut under_way: FuturesUnordered<_> = left
            .by_ref()
            .take(parallel.into())
            .map(|day| self.day(*day))
            .collect();
        let mut worked = Ok(());
        let mut go_on = true;
        self.progress.enable_steady_tick(TICK);
        while let Some(ended) = under_way.next().await {
            match ended {
                Ok(day) => {
                    go_on &= day.problems.is_empty();
                    if format == Format::Text {
                        let line = line(&day);
                        self.progress.suspend(|| say(&line))?;
                    }
                }
                Err(failure) => {
                    go_on = false;
                    worked = worked.and(Err(failure));
                }
            }
            if go_on {
                under_way.extend(left.next().map(|day| self.day(*day)));
            }
        }
        worked
    }

    /// Runs a day to its end.
    async fn day(&self, date: Date) -> Result<Day, Failure> {
        let planned = self.starter.plan(Some(date))?;
        let mut day = Day {
            date,
            name: planned.name.clone(),
            arn: planned.arn.clone(),
            began: Timestamp::now(),
            is_sure: false,
            status: Status::Running,
            problems: Vec::new(),
        };
        self.begun.borrow_mut().insert(date, day.clone());
        match self.starter.start(&planned).await {
            Ok(began) => day.began = began,
            // Whether it has begun, nobody knows.
            Err(failure @ Failure::NoAnswer { .. }) => return Err(failure),
            Err(failure) => {
                self.begun.borrow_mut().remove(&date);
                return Err(failure);
            }
        }
        day.is_sure = true;
        self.begun.borrow_mut().insert(date, day.clone());
        self.progress.set_message(self.doing());
        let run = wait(self.starter.stack, &day.arn).await?;
        day.problems = run.problems();
        day.status = run.status;
        self.begun.borrow_mut().insert(date, day.clone());
        Ok(day)
    }

    /// What goes on.
    fn doing(&self) -> String {
        let begun = self.begun.borrow();
        let running = begun.values().filter(|day| day.status == Status::Running);
        let dates: Vec<_> = running.map(|day| day.date.to_string()).collect();
        let done = begun.len() - dates.len();
        format!("{done} of {} days · {}", self.days.len(), dates.join(", "))
    }
}

fn line(day: &Day) -> String {
    let Day {
        date,
        name,
        began,
        status,
        problems,
        ..
    } = day;
    let took = status.ended().map(|ended| ended.duration_since(*began));
    let took = took.map(moments::took).unwrap_or_default();
    let mark = if problems.is_empty() {
        style("✓").green()
    } else {
        style("✗").red()
    };
    let why = problems
        .iter()
        .map(|problem| format!("\n  ↳ {}", style(printable(problem)).red()));
    let why: String = why.collect();
    format!("{date}  {mark}  {took:>10}  {name}{why}\n")
}

/// What still runs, what is left, and the commands for both; nothing if all is done.
fn how_to_go_on<'a>(
    rest: &Rest,
    begun: impl Iterator<Item = &'a Day>,
    resume: Option<&str>,
    commands: &Commands,
) -> String {
    let running = begun.filter(|day| day.status == Status::Running);
    let mut lines: Vec<_> = running
        .map(|day| {
            let follow = commands.own(["follow", &day.name]);
            if day.is_sure {
                format!("{} goes on by itself: {follow}", day.date)
            } else {
                let first = "may have begun; see before you go on";
                format!("{} {first}: {follow}", day.date)
            }
        })
        .collect();
    if let Some(resume) = resume {
        lines.push(match rest.days.len() {
            1 => "1 day is left.".to_owned(),
            count => format!("{count} days are left."),
        });
        lines.push(format!("To go on: {resume}"));
    }
    if !rest.twice.is_empty() {
        let twice: Vec<_> = rest.twice.iter().map(Date::to_string).collect();
        lines.push(format!("That runs a second time: {}", twice.join(", ")));
    }
    if lines.is_empty() {
        return String::new();
    }
    format!("\n{}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(day: i8) -> Date {
        jiff::civil::date(2026, 2, day)
    }

    /// A day as it was when the backfill ended: `✓`, `✗`, `…`; `?` may have been begun, a blank not.
    fn rest(said: &str) -> (Vec<i8>, Vec<i8>) {
        let ended = Timestamp::UNIX_EPOCH;
        let dates: Vec<_> = (1..).map(date).take(said.chars().count()).collect();
        let begun = dates.iter().zip(said.chars()).filter_map(|(date, mark)| {
            let (status, problems) = match mark {
                '…' | '?' => (Status::Running, Vec::new()),
                '✓' => (Status::Succeeded { ended }, Vec::new()),
                '✗' => (Status::Succeeded { ended }, vec!["a crawl".to_owned()]),
                _ => return None,
            };
            let day = Day {
                date: *date,
                name: format!("orders-{date}"),
                arn: String::new(),
                began: ended,
                is_sure: mark != '?',
                status,
                problems,
            };
            Some((*date, day))
        });
        let Rest { days, twice } = Rest::of(&dates, &begun.collect());
        let numbers = |dates: Vec<Date>| dates.iter().map(|date| date.day()).collect();
        (numbers(days), numbers(twice))
    }

    /// To run a day beside its own run would load it twice: those are left to themselves, or at least named.
    #[test]
    fn a_day_that_runs_is_not_begun_again() {
        assert_eq!(rest("✓✓✓"), (vec![], vec![]));
        assert_eq!(rest("✓…  "), (vec![3, 4], vec![]));
        assert_eq!(rest("✓……"), (vec![], vec![]));
        assert_eq!(rest("✗✓… "), (vec![1, 4], vec![2, 3]));
        assert_eq!(rest("✓✗ "), (vec![2, 3], vec![]));
        assert_eq!(rest("✓?…"), (vec![2], vec![3]));
    }
}
