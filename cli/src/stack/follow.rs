//! `crawler-sync follow`: a run as it happens.

use std::future::Future;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::json;

mod lines;
mod now;
mod timeline;

use lines::Lines;

use crate::output::say;

use super::histories::Watch;
use super::progress::TICK;
use super::run::Run;
use super::{Failure, Format, Options, Outcome, Stack, list};

/// Between two looks: soon while things happen, and seldom while nothing does.
const SHORTEST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Follow a run until it is over: each of its steps as it happens, and a timeline at the end.
///
/// Ctrl-C ends the watching: the run goes on. Ends with 1 if the run has failed, or a crawl that it did not await; also
/// where nobody reads to the end, as in `crawler-sync follow | head`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  crawler-sync follow                                the newest run of all
  crawler-sync follow orders                         the newest run of a pipeline
  crawler-sync follow orders-2026-01-31-…            any run that `crawler-sync runs` lists
  crawler-sync follow orders --format json | jq      the run as data, when it is over")]
pub(crate) struct Arguments {
    /// The name or the ARN of a run, or the name of a pipeline, whose newest run is meant.
    #[arg(value_name = "RUN")]
    run: Option<String>,
    #[command(flatten)]
    stack: Options,
}

/// Finds the run, and follows it.
pub(crate) async fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let stack = Stack::connect(&arguments.stack).await?;
    let arn = list::find(&stack, arguments.run.as_deref()).await?;
    follow(&stack, &arn, arguments.stack.format).await
}

/// Prints what happens in a run until it is over.
pub(crate) async fn follow(stack: &Stack, arn: &str, format: Format) -> Result<Outcome, Failure> {
    let mut watch = Watch::new(stack, arn);
    let progress = (format == Format::Text).then(ProgressBar::new_spinner);
    let followed = until_interrupted(watched(&mut watch, progress.as_ref())).await;
    if let Some(progress) = &progress {
        progress.finish_and_clear();
    }
    if followed.transpose()?.is_none() {
        let name = &watch.run().name;
        let follow = stack.commands.own(["follow", name]);
        eprintln!("left: the run goes on. Follow it again: {follow}");
        return Ok(Outcome::Interrupted);
    }
    let run = watch.run();
    say(&match format {
        Format::Json => format!("{}\n", json!(run)),
        Format::Text => format!("\n{}\n", timeline::chart(run)),
    })?;
    Ok(outcome(run))
}

fn outcome(run: &Run) -> Outcome {
    if run.problems().is_empty() {
        Outcome::Fine
    } else {
        Outcome::Failed
    }
}

/// Looks at the run until it is over, and prints what is new, unless nobody wants to read it.
async fn watched(watch: &mut Watch<'_>, progress: Option<&ProgressBar>) -> Result<(), Failure> {
    let mut lines = Lines::default();
    let mut last_news = Instant::now();
    loop {
        for news in watch.look().await? {
            last_news = Instant::now();
            let Some(progress) = progress else { continue };
            let text = lines.of(watch.run(), &news);
            progress.suspend(|| text.iter().try_for_each(|line| say(&format!("{line}\n"))))?;
        }
        if watch.run().is_over() {
            return Ok(());
        }
        if let Some(progress) = progress {
            progress.set_message(now::doing(watch.run(), Timestamp::now()));
            progress.enable_steady_tick(TICK);
        }
        let pause = last_news.elapsed() / 10;
        tokio::time::sleep(pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)).await;
    }
}

/// What comes of it, or nothing if Ctrl-C comes first.
pub(crate) async fn until_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        // Where Ctrl-C cannot be heard of, it ends the process.
        Ok(()) = tokio::signal::ctrl_c() => None,
    }
}
