//! A backfill: one run a day, in order, until one fails.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, Instant};

use console::style;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use indicatif::ProgressBar;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::json;

use super::super::follow::until_interrupted;
use super::super::run::Status;
use super::super::text::printable;
use super::super::{Failure, Format, Outcome, list, moments};
use super::Starter;

/// Between two looks at a run.
const SHORTEST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

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
    #[serde(flatten)]
    status: Status,
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
        let succeeded = |day: &Day| matches!(day.status, Status::Succeeded { .. });
        let left = (self.days.iter()).find(|date| !begun.get(date).is_some_and(succeeded));
        let resume = left.map(|day| resume(*day));
        let days: Vec<_> = begun.into_values().collect();
        let text = match format {
            Format::Json => Some(json!({"days": days, "resume": resume}).to_string()),
            Format::Text => resume.map(|resume| how_to_go_on(&self.days, &days, &resume)),
        };
        if let Some(text) = text {
            writeln!(std::io::stdout(), "{text}")?;
        }
        match worked {
            None => Ok(Outcome::Interrupted),
            Some(Err(failure)) => Err(failure),
            Some(Ok(())) if left.is_some() => Ok(Outcome::Failed),
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
        self.progress.enable_steady_tick(Duration::from_millis(100));
        while let Some(ended) = under_way.next().await {
            match ended {
                Ok(day) => {
                    go_on &= !day.status.is_bad();
                    if format == Format::Text {
                        let line = line(&day);
                        self.progress
                            .suspend(|| writeln!(std::io::stdout(), "{line}"))?;
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
        let started = self.starter.start(Some(date)).await?;
        let mut day = Day {
            date,
            name: started.name,
            arn: started.arn,
            began: started.began,
            status: Status::Running,
        };
        let since = Instant::now();
        while day.status == Status::Running {
            self.begun.borrow_mut().insert(date, day.clone());
            self.progress.set_message(self.doing());
            let pause = since.elapsed() / 10;
            tokio::time::sleep(pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)).await;
            day.status = list::status(self.starter.stack, &self.starter.client, &day.arn).await?;
        }
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
        ..
    } = day;
    let took = status.ended().map(|ended| ended.duration_since(*began));
    let took = took.map(moments::took).unwrap_or_default();
    match status.problem() {
        None => format!("{date}  {}  {took:>10}  {name}", style("✓").green()),
        Some(problem) => {
            let mark = style("✗").red();
            let why = style(printable(&problem.to_string())).red();
            format!("{date}  {mark}  {took:>10}  {name}\n  ↳ {why}")
        }
    }
}

/// What has not run, what may still run, and the command for the rest.
fn how_to_go_on(days: &[Date], begun: &[Day], resume: &str) -> String {
    let running: Vec<_> = (begun.iter())
        .filter(|day| day.status == Status::Running)
        .map(|day| format!("\n{} goes on by itself: {}", day.date, day.name))
        .collect();
    let not_begun = days.len() - begun.len();
    format!(
        "\n{not_begun} of {} days have not been begun.{}\nTo go on: {resume}",
        days.len(),
        running.concat()
    )
}
