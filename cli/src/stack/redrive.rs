//! `crawler-sync redrive`: what is parked is handled again.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::join_all;
use indicatif::ProgressBar;
use serde_json::Value;
use time::OffsetDateTime;

mod told;

use told::{Fate, Report, Told};

use super::again::{Again, Handled};
use super::parked::{Parked, Task};
use super::queue::Queue;
use super::{Failure, Format, Machine, Options, Outcome, Stack};

/// Messages that are handled side by side.
const WORKERS: usize = 10;
/// As many newer messages in a row mean that the older ones are through, while others still arrive.
const ENOUGH: u32 = 100;
/// Of the sign that it is at work.
const TICK: Duration = Duration::from_millis(100);
/// An express execution may take five minutes.
const HIDDEN_SECONDS: u64 = 360;

/// Handle what is parked in the stack's dead-letter queue again.
///
/// Trigger handles each event again; what a schedule could not start, the pipeline machine starts, as redriven-<message
/// id>. A message is deleted once that is done, or the event has been parked again. Safe to repeat and to kill: what is
/// handled twice costs one run at most. Ends with 1 if something is left.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  crawler-sync redrive --dry-run   what is parked, and why\n  crawler-sync redrive"
)]
pub(crate) struct Arguments {
    /// Only list what is parked, and why.
    #[arg(long)]
    dry_run: bool,
    /// How long a message may be handled: what a killed run had taken comes back after that. For tests.
    #[arg(long, hide = true, default_value_t = HIDDEN_SECONDS)]
    hidden_seconds: u64,
    #[command(flatten)]
    options: Options,
}

/// Redrives the stack's queue, or lists what it would redrive.
pub(crate) async fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let stack = Stack::connect(&arguments.options).await?;
    let hidden = Duration::from_secs(arguments.hidden_seconds);
    let queue = Queue::open(&stack, hidden).await?;
    let taken_by_others = queue.taken_by_others().await?;
    let redrive = Redrive {
        trigger: stack.home.machine(Machine::Trigger),
        pipeline: stack.home.machine(Machine::Pipeline),
        again: Again::new(&stack),
        queue,
        is_dry: arguments.dry_run,
        format: arguments.options.format,
        progress: ProgressBar::new_spinner(),
        began: OffsetDateTime::now_utc(),
        state: RefCell::default(),
    };
    redrive.progress.enable_steady_tick(TICK);
    let worked = redrive.work_off().await;
    redrive.progress.finish_and_clear();
    // Whatever is left may be taken at once by the next run.
    let held = std::mem::take(&mut redrive.state.borrow_mut().held);
    redrive.queue.release(held.values()).await?;
    worked?;
    let State {
        told, is_stopping, ..
    } = redrive.state.into_inner();
    let report = Report {
        messages: told,
        hidden: taken_by_others,
    };
    report.print(arguments.options.format, hidden)?;
    Ok(if is_stopping {
        Outcome::Interrupted
    } else if report.leaves_something() {
        Outcome::Failed
    } else {
        Outcome::Fine
    })
}

/// One run: it takes what was parked before it began, each message once.
struct Redrive {
    trigger: String,
    pipeline: String,
    again: Again,
    queue: Queue,
    is_dry: bool,
    format: Format,
    progress: ProgressBar,
    /// Later messages are left alone. A clock that is ahead of the queue's takes some of those too, for as long as it
    /// is ahead.
    began: OffsetDateTime,
    state: RefCell<State>,
}

/// What a run knows so far.
#[derive(Debug, Default)]
struct State {
    is_stopping: bool,
    /// What was taken and is still in the queue, by its id.
    held: HashMap<String, Parked>,
    /// What trigger could not handle, with the execution that tried.
    failed: Vec<(String, Parked, String)>,
    /// The executions whose events have been seen in the queue.
    parked_anew: HashSet<String>,
    told: Vec<Told>,
}

impl Redrive {
    async fn work_off(&self) -> Result<(), Failure> {
        let mut work = pin!(join_all((0..WORKERS).map(|_| self.work())));
        let worked = loop {
            tokio::select! {
                worked = &mut work => break worked,
                Ok(()) = tokio::signal::ctrl_c() => {
                    self.state.borrow_mut().is_stopping = true;
                    let told = || eprintln!("stopping, after the events under way");
                    self.progress.suspend(told);
                }
            }
        };
        worked.into_iter().collect::<Result<(), _>>()?;
        // What failed is deleted only when its copy has been seen.
        if !self.state.borrow().has_seen_all() {
            self.work().await?;
        }
        let failed = std::mem::take(&mut self.state.borrow_mut().failed);
        for (execution, message, why) in failed {
            if self.state.borrow().parked_anew.contains(&execution) {
                self.delete(&message).await?;
                self.tell(Fate::ParkedAgain, &message, &why)?;
            } else {
                self.tell(Fate::Kept, &message, &why)?;
            }
        }
        Ok(())
    }

    async fn work(&self) -> Result<(), Failure> {
        let mut newer = 0;
        while newer < ENOUGH && !self.state.borrow().is_stopping {
            let Some(message) = self.queue.take(1).await?.pop() else {
                break;
            };
            if self.state.borrow_mut().note(&message) || message.sent >= self.began {
                newer += 1;
            } else {
                newer = 0;
                self.handle(message).await?;
            }
        }
        Ok(())
    }

    /// What fails about one message is told of it, and keeps no other from being handled.
    async fn handle(&self, message: Parked) -> Result<(), Failure> {
        let done = match message.task(&self.trigger, &self.pipeline) {
            Err(why) => Err(Failure::Impossible(why)),
            Ok(_) if self.is_dry => Ok(Some((Fate::Parked, message.reason()))),
            Ok(task) => self.carry_out(&message, task).await,
        };
        match done {
            Ok(Some((fate, detail))) => self.tell(fate, &message, &detail),
            Ok(None) => Ok(()),
            Err(failure) => self.tell(Fate::Kept, &message, &failure.to_string()),
        }
    }

    /// What came of it; nothing yet where trigger failed.
    async fn carry_out(
        &self,
        message: &Parked,
        task: Task,
    ) -> Result<Option<(Fate, String)>, Failure> {
        let done = match task {
            // Under one name, so that no message starts two runs.
            Task::Start(input) => {
                let name = format!("redriven-{}", message.id);
                let fate = if self.again.start(&name, &input).await? {
                    Fate::Started
                } else {
                    Fate::Joined
                };
                Some((fate, name))
            }
            Task::Handle(input) => self.trigger(message, &input).await?,
            Task::Transform { rule, event } => {
                let input = self.again.transform(&rule, &event).await?;
                self.trigger(message, &input).await?
            }
        };
        if done.is_some() {
            self.delete(message).await?;
        }
        Ok(done)
    }

    async fn trigger(
        &self,
        message: &Parked,
        input: &Value,
    ) -> Result<Option<(Fate, String)>, Failure> {
        match self.again.handle(input).await? {
            Handled::Failed { execution, why } => {
                let failed = (execution, message.clone(), why);
                self.state.borrow_mut().failed.push(failed);
                Ok(None)
            }
            Handled::Done { outcome, detail } => {
                let fate = match outcome.as_str() {
                    "STARTED" => Fate::Started,
                    "JOINED" => Fate::Joined,
                    _ => Fate::Ignored,
                };
                Ok(Some((fate, detail)))
            }
        }
    }

    async fn delete(&self, message: &Parked) -> Result<(), Failure> {
        self.queue.delete(message).await?;
        self.state.borrow_mut().held.remove(&message.id);
        Ok(())
    }

    fn tell(&self, fate: Fate, message: &Parked, detail: &str) -> Result<(), Failure> {
        let told = Told {
            outcome: fate,
            message_id: message.id.clone(),
            about: message.to_string(),
            detail: detail.to_owned(),
        };
        if self.format == Format::Text {
            (self.progress).suspend(|| writeln!(std::io::stdout(), "{told}"))?;
        }
        self.progress.inc(1);
        self.progress
            .set_message(format!("{} handled", self.progress.position()));
        self.state.borrow_mut().told.push(told);
        Ok(())
    }
}

impl State {
    /// Notes a message that was taken, and says whether it is known already.
    fn note(&mut self, message: &Parked) -> bool {
        self.parked_anew
            .extend(message.execution().map(str::to_owned));
        (self.held.insert(message.id.clone(), message.clone())).is_some()
    }

    fn has_seen_all(&self) -> bool {
        (self.failed.iter()).all(|(execution, ..)| self.parked_anew.contains(execution))
    }
}
