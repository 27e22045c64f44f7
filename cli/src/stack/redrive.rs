//! `crawler-sync redrive`: what is parked is handled again.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io::{self, Write};
use std::pin::pin;
use std::time::Duration;

use futures_util::future::join_all;
use indicatif::ProgressBar;
use serde_json::Value;

mod state;
mod told;

use state::{Failed, State};
use told::{Fate, Report, Told};

use crate::output::say;

use super::again::{Again, Handled};
use super::parked::{Parked, Task};
use super::progress::spinner;
use super::queue::Queue;
use super::{Failure, Format, Machine, Options, Outcome, Stack};

/// Messages that are handled side by side.
const WORKERS: usize = 10;
/// As many newer messages in a row mean that the older ones are through, while others still arrive.
const ENOUGH: u32 = 100;
/// An express execution may take five minutes.
const HIDDEN_SECONDS: u64 = 360;

/// Handle what is parked in the stack's dead-letter queue again.
///
/// Trigger handles each event again; what a schedule could not start, the pipeline machine starts, as redriven-<message
/// id>. A message is deleted once that is done, or the event has been parked again. Safe to repeat and to kill: what is
/// handled twice costs one run at most. Ctrl-C lets what is under way end, a second one doesn't. Ends with 1 if a message
/// that was there could not be handled.
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
    let redrive = Redrive {
        trigger: stack.home.machine(Machine::Trigger),
        pipeline: stack.home.machine(Machine::Pipeline),
        again: Again::new(&stack),
        hidden_before: queue.count_hidden().await?,
        queue,
        is_dry: arguments.dry_run,
        format: arguments.options.format,
        progress: spinner("looks for messages"),
        state: RefCell::default(),
    };
    let hidden = redrive.work_off().await;
    redrive.progress.finish_and_clear();
    redrive.end(hidden)
}

/// One run: it takes what was parked before it began, each message once.
struct Redrive {
    trigger: String,
    pipeline: String,
    again: Again,
    queue: Queue,
    /// About how many messages others had taken when it began.
    hidden_before: u64,
    is_dry: bool,
    format: Format,
    progress: ProgressBar,
    state: RefCell<State>,
}

impl Redrive {
    /// Ends when all is handled, after a first Ctrl-C when what was under way is, and at once after a second one. Says
    /// how many messages others have.
    async fn work_off(&self) -> u64 {
        let mut work = pin!(self.work_through());
        loop {
            tokio::select! {
                hidden = &mut work => return hidden,
                Ok(()) = tokio::signal::ctrl_c() => {
                    if self.state.borrow().is_stopping {
                        self.say("stopped; what was under way can be redriven in some minutes");
                        return self.hidden_before;
                    }
                    self.state.borrow_mut().is_stopping = true;
                    self.say("stopping, after the events under way; Ctrl-C again stops at once");
                }
            }
        }
    }

    async fn work_through(&self) -> u64 {
        tokio::select! {
            () = self.handle_all() => (),
            never = self.keep_hidden() => match never {},
        }
        let held: Vec<_> = self.state.borrow().held.values().cloned().collect();
        // Whatever is left may be taken at once by the next run.
        self.note(self.queue.release(&held).await);
        // SQS counts late. What was hidden before and is so afterwards is neither what this run nor what an earlier one
        // had until a moment ago.
        match self.queue.count_hidden().await {
            Ok(hidden) => hidden.min(self.hidden_before),
            Err(failure) => {
                self.note(Err(failure));
                self.hidden_before
            }
        }
    }

    /// Best effort: what comes back all the same is known, and deleted by its new receipt.
    async fn keep_hidden(&self) -> Infallible {
        loop {
            tokio::time::sleep(self.queue.hidden / 2).await;
            let held: Vec<_> = self.state.borrow().held.values().cloned().collect();
            let _ = self.queue.hold(&held).await;
        }
    }

    async fn handle_all(&self) {
        let worked = join_all((0..WORKERS).map(|_| self.work())).await;
        for result in worked {
            self.note(result);
        }
        // What failed is deleted only when its copy has been seen.
        if !self.state.borrow().has_seen_all() {
            self.note(self.work().await);
        }
        let failed = self.state.borrow().failed.clone();
        for failed in failed {
            self.settle(&failed).await;
        }
    }

    async fn settle(&self, failed: &Failed) {
        let message = &failed.message;
        if !self.state.borrow().has_parked_again(failed) {
            return self.tell(Fate::Kept, message, &failed.why);
        }
        match self.delete(message).await {
            Ok(()) => self.tell(Fate::ParkedAgain, message, &failed.why),
            Err(failure) => self.tell(Fate::Kept, message, &failure.to_string()),
        }
    }

    async fn work(&self) -> Result<(), Failure> {
        let mut newer = 0;
        while newer < ENOUGH && !self.state.borrow().is_stopping {
            let Some(message) = self.queue.take(1).await?.pop() else {
                break;
            };
            let is_known = self.state.borrow_mut().note(&message);
            if is_known || message.sent >= self.queue.opened {
                newer += 1;
            } else {
                newer = 0;
                self.handle(message).await;
            }
        }
        Ok(())
    }

    /// What fails about one message is told of it, and keeps no other from being handled.
    async fn handle(&self, message: Parked) {
        let done = match message.task(&self.trigger, &self.pipeline) {
            Err(why) => Err(Failure::Impossible(why)),
            Ok(_) if self.is_dry => Ok(Some((Fate::Parked, message.reason()))),
            Ok(task) => self.carry_out(&message, task).await,
        };
        match done {
            Ok(Some((fate, detail))) => self.tell(fate, &message, &detail),
            Ok(None) => (),
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
                let failed = Failed {
                    message: message.clone(),
                    execution,
                    why,
                };
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
        let receipt = self.state.borrow().receipt(message);
        self.queue.delete(&receipt).await?;
        self.state.borrow_mut().held.remove(&message.id);
        Ok(())
    }

    fn tell(&self, fate: Fate, message: &Parked, detail: &str) {
        let told = Told {
            outcome: fate,
            message_id: message.id.clone(),
            about: message.to_string(),
            detail: detail.to_owned(),
        };
        if self.format == Format::Text {
            let said = (self.progress).suspend(|| say(&format!("{told}\n")));
            self.note(said.map_err(Failure::from));
        }
        self.progress.inc(1);
        self.progress
            .set_message(format!("{} handled", self.progress.position()));
        self.state.borrow_mut().told.push(told);
    }

    /// To people, who may have left.
    fn say(&self, words: &str) {
        let _ = (self.progress).suspend(|| writeln!(io::stderr(), "{words}"));
    }

    /// What goes wrong with the run keeps neither what is under way from ending nor the report from being printed.
    fn note(&self, result: Result<(), Failure>) {
        if let Err(failure) = result {
            self.state.borrow_mut().first_error.get_or_insert(failure);
        }
    }

    fn end(self, hidden: u64) -> Result<Outcome, Failure> {
        let state = self.state.into_inner();
        let report = Report {
            newer: state.newer(self.queue.opened),
            messages: state.told,
            hidden,
        };
        let said = say(&report.text(self.format, self.queue.hidden));
        if let Some(failure) = state.first_error {
            return Err(failure);
        }
        said?;
        Ok(if state.is_stopping {
            Outcome::Interrupted
        } else if report.leaves_something() {
            Outcome::Failed
        } else {
            Outcome::Fine
        })
    }
}
