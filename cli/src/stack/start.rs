//! `crawler-sync run`: a run by hand, or one a day for a range of days.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_sdk_sfn::Client;
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

mod backfill;
pub(crate) mod input;

use backfill::Backfill;

use super::commands::Commands;
use super::follow::follow;
use super::histories::Watch;
use super::run::Run;
use super::{Failure, Format, Machine, Options, Outcome, Stack, deployed, moments, names};
use crate::files;
use crate::files::resources;
use crate::output::say;

/// Between two looks at a run.
const SHORTEST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How long a run is waited for without an answer: it goes on where the network does not.
const PATIENCE: Duration = Duration::from_mins(10);

/// Start a run of a pipeline, or one run a day for a range of days.
///
/// PIPELINE is the name of a deployed pipeline: the input of its rule or its schedule is run, which is what its next
/// run would get. FILE is a pipeline file, which is checked first.
///
/// With --from and --to it runs the days in order, each after the one before has succeeded. It stops at the first day
/// that fails, and prints the command that goes on from there. Runs by hand wait for no other run of the pipeline.
///
/// Ends with 1 if a run that it waited for has failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  crawler-sync run orders                                     a run for today (UTC)
  crawler-sync run orders --date 2026-01-31 --follow          for another day, watched
  crawler-sync run pipelines/orders.json                      as the file has it, deployed or not
  crawler-sync run orders --argument layout=wide              with an argument for all of its jobs
  crawler-sync run orders --from 2026-01-01 --to 2026-01-31   a backfill, day after day
  crawler-sync run orders --from 2026-01-01 --to 2026-01-31 --parallel 4")]
pub(crate) struct Arguments {
    /// The name of a deployed pipeline, or a pipeline file.
    #[arg(value_name = "PIPELINE|FILE")]
    pipeline: String,
    /// The day that the jobs are told as --date; today unless the pipeline says another.
    #[arg(long, value_name = "DAY", conflicts_with = "from")]
    date: Option<Date>,
    /// The first day of a backfill, such as 2026-01-01.
    #[arg(long, value_name = "DAY", requires = "to")]
    from: Option<Date>,
    /// The last day of a backfill.
    #[arg(long, value_name = "DAY", requires = "from")]
    to: Option<Date>,
    /// How many days of a backfill may run side by side.
    #[arg(long, value_name = "N", requires = "from", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    parallel: u8,
    /// An argument for all jobs of the run, unless a step says otherwise; may be repeated. As in a pipeline file, {date}
    /// stands for the day.
    #[arg(long = "argument", value_name = "NAME=VALUE", value_parser = input::argument)]
    given: Vec<(String, String)>,
    /// Follow the run until it is over.
    #[arg(long, conflicts_with = "from")]
    follow: bool,
    #[command(flatten)]
    stack: Options,
}

/// Starts the run or the runs.
pub(crate) async fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let days = match (arguments.from, arguments.to) {
        (Some(from), Some(to)) if from > to => {
            return Err(Failure::Use(format!("--from {from} is after --to {to}")));
        }
        (Some(from), Some(to)) => Some((from, to)),
        _ => None,
    };
    let file = file(&arguments.pipeline).map(read).transpose()?;
    let stack = Stack::connect(&arguments.stack).await?;
    let pipeline = match file {
        Some(pipeline) => pipeline,
        None => deployed::pipeline(&stack, &arguments.pipeline).await?,
    };
    let runs = Starter::new(&stack, pipeline, &arguments.given);
    let format = arguments.stack.format;
    if let Some((from, to)) = days {
        let backfill = Backfill::new(&runs, from, to, format);
        let resume = |day| arguments.resume(&stack.commands, day, to);
        return backfill.run(arguments.parallel, format, resume).await;
    }
    let started = runs.plan(arguments.date)?;
    runs.start(&started).await?;
    if arguments.follow {
        return follow(&stack, &started.arn, format).await;
    }
    let text = match format {
        Format::Json => json!({"name": started.name, "arn": started.arn}).to_string(),
        Format::Text => {
            let follow = stack.commands.own(["follow", &started.name]);
            format!("started {}\nFollow it: {follow}", started.name)
        }
    };
    say(&format!("{text}\n"))?;
    Ok(Outcome::Fine)
}

impl Arguments {
    /// The command that goes on with a backfill from a day on.
    fn resume(&self, commands: &Commands, from: Date, to: Date) -> String {
        let mut words = vec!["run".to_owned(), self.pipeline.clone()];
        let mut say = |option: &str, value: String| words.extend([option.to_owned(), value]);
        say("--from", from.to_string());
        say("--to", to.to_string());
        if self.parallel > 1 {
            say("--parallel", self.parallel.to_string());
        }
        for (name, value) in &self.given {
            let name = name.trim_start_matches('-');
            say("--argument", format!("{name}={value}"));
        }
        commands.own(words)
    }
}

/// Waits for the end of a run, and of the crawls that it does not await.
async fn wait(stack: &Stack, arn: &str) -> Result<Run, Failure> {
    let mut watch = Watch::new(stack, arn);
    let began = Instant::now();
    let mut answered = began;
    loop {
        let pause = began.elapsed() / 10;
        tokio::time::sleep(pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)).await;
        match watch.look().await {
            Ok(_) if watch.run().is_over() => return Ok(watch.run().clone()),
            Ok(_) => answered = Instant::now(),
            Err(failure) if failure.may_pass() && answered.elapsed() < PATIENCE => (),
            Err(failure) => return Err(failure),
        }
    }
}

/// Whether it is a file, rather than the name of a pipeline.
fn file(pipeline: &str) -> Option<PathBuf> {
    let path = Path::new(pipeline);
    let named = path
        .extension()
        .is_some_and(|extension| extension == "json");
    // A file or a folder here must not hide a pipeline.
    (named || pipeline.contains('/') && path.is_file()).then(|| path.to_owned())
}

/// The pipeline of a file, as its runs get it.
fn read(path: PathBuf) -> Result<Value, Failure> {
    let (files, found) = files::read(&[path]);
    if let ([file], []) = (&files[..], &found[..]) {
        return Ok(resources::input(file));
    }
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    Err(Failure::Impossible(found.join("\n")))
}

/// Starts runs of a pipeline.
struct Starter<'a> {
    stack: &'a Stack,
    client: Client,
    pipeline: Value,
    /// The pipeline's name.
    name: String,
}

/// A run that may be started any number of times, and happens once.
struct Planned {
    name: String,
    arn: String,
    input: Value,
}

impl<'a> Starter<'a> {
    fn new(stack: &'a Stack, pipeline: Value, arguments: &[(String, String)]) -> Self {
        let pipeline = input::with_arguments(pipeline, arguments);
        let name = pipeline.get("name").and_then(Value::as_str);
        Self {
            stack,
            client: stack.states(),
            name: name.unwrap_or_default().to_owned(),
            pipeline,
        }
    }

    /// Plans a run for a day; without one for the day that the pipeline says, or today.
    fn plan(&self, date: Option<Date>) -> Result<Planned, Failure> {
        let now = Timestamp::now();
        let input = input::for_day(self.pipeline.clone(), date);
        let date = input::date(&input).unwrap_or_else(|| TimeZone::UTC.to_datetime(now).date());
        let name = names::for_day(&self.name, date, now);
        input::check(&input, &name, now, &self.stack.home)?;
        let arn = self.stack.home.execution(Machine::Pipeline, &name);
        Ok(Planned { name, arn, input })
    }

    /// Starts it, and tells when it began.
    async fn start(&self, run: &Planned) -> Result<Timestamp, Failure> {
        let machine = self.stack.home.alias(Machine::Pipeline);
        let call = self.client.start_execution().state_machine_arn(&machine);
        let started = call
            .name(&run.name)
            .input(run.input.to_string())
            .send()
            .await;
        match started {
            Ok(started) => Ok(moments::read(&started.start_date)),
            // Nobody else gives this name: the answer to an earlier try was lost, and the run is over already.
            Err(error) if error.code() == Some("ExecutionAlreadyExists") => Ok(Timestamp::now()),
            Err(error) => Err(self
                .stack
                .failure("states:StartExecution", &machine, &error)),
        }
    }
}
