//! What an event changes in a step.

use aws_sdk_sfn::types::HistoryEvent;
use jiff::Timestamp;
use serde_json::Value;

use super::super::said::{log_group, nested, said};
use super::super::{Attempt, Crawling, Problem, Reason, Standing, Step, Wait};
use super::events::{answered, crawled, ending, failure, id, json};
use super::{CRAWL, News, Place, Reader, WAITS, WORK, What, moments};

impl Reader {
    pub(super) fn read_of_step(
        &mut self,
        event: &HistoryEvent,
        at: Timestamp,
        place: Place,
    ) -> Option<What> {
        let step = &mut self.run.stages[place.0].steps[place.1];
        if let Some(details) = event.state_entered_event_details() {
            if event.r#type().as_str() == "FailStateEntered" {
                self.failing = Some(place);
            }
            return enter(step, details.name(), at, place);
        }
        if let Some(details) = event.state_exited_event_details() {
            if let Some(wait) = open(&mut step.waits)
                && WAITS.contains(&(details.name(), wait.reason))
            {
                wait.ended = Some(at);
            }
            let mut output = json(details.output())?;
            let failure = output.get_mut("failure")?.take();
            let mut failure: Problem = serde_json::from_value(failure).ok()?;
            let known = format!("{}, ", step.place);
            failure.cause = failure.cause.replacen(&known, "", 1);
            step.failure = Some(failure);
            return Some(What::StepFailed(place));
        }
        if event.task_scheduled_event_details().is_some() {
            start_again(step, at);
            return None;
        }
        if let Some(details) = event.task_submitted_event_details() {
            let id = id(&json(details.output())?)?;
            if let Some(crawling) = crawling(step) {
                crawling.arn = Some(id.clone());
                self.crawls.insert(id, place);
            } else if let Some(attempt) = attempt(step) {
                attempt.id = Some(id);
            }
            return None;
        }
        if let Some(details) = event.task_succeeded_event_details() {
            let output = json(details.output()).unwrap_or_default();
            return self.succeed(&output, at, place);
        }
        let (error, cause) = failure(event)?;
        let ended = Standing::Failed {
            ended: at,
            problem: Problem {
                error: nested(error, cause),
                cause: said(error, cause),
            },
        };
        if let Some(crawling) = crawling(step) {
            crawling.standing = ended;
            return Some(What::CrawlEnded(place));
        }
        let attempt = attempt(step)?;
        attempt.log_group = log_group(cause);
        attempt.standing = ended;
        Some(What::WorkEnded(place))
    }

    fn succeed(&mut self, output: &Value, at: Timestamp, place: Place) -> Option<What> {
        let step = &mut self.run.stages[place.0].steps[place.1];
        let awaited = step.crawl.as_ref().is_some_and(|crawl| crawl.awaited);
        if let Some(crawling) = crawling(step) {
            if !awaited {
                let arn = id(output)?;
                crawling.arn = Some(arn.clone());
                self.crawls.insert(arn, place);
                return None;
            }
            crawling.standing = Standing::Succeeded { ended: at };
            crawling.result = output.get("Output").and_then(crawled);
            return Some(What::CrawlEnded(place));
        }
        let text = |field| output.get(field).and_then(Value::as_str);
        let attempt = attempt(step)?;
        attempt.log_group = text("LogGroupName").map(str::to_owned);
        attempt.standing = match text("JobRunState") {
            // Somebody stopped it.
            Some(state) if state != "SUCCEEDED" => Standing::Failed {
                ended: at,
                problem: Problem {
                    error: "JobFailed".to_owned(),
                    cause: format!("it ended as {state}"),
                },
            },
            _ => Standing::Succeeded { ended: at },
        };
        Some(What::WorkEnded(place))
    }

    /// Takes in an event of one of its crawls.
    pub(crate) fn read_crawl(&mut self, arn: &str, event: &HistoryEvent) -> Option<News> {
        let at = moments::read(event.timestamp());
        let place = *self.crawls.get(arn)?;
        let crawl = self.run.stages[place.0].steps[place.1].crawl.as_mut()?;
        let awaited = crawl.awaited;
        let crawling = crawl.execution.as_mut()?;
        if let Some(details) = event.state_exited_event_details() {
            let news = answered(&json(details.output())?)?;
            if crawling.news.as_ref() == Some(&news) {
                return None;
            }
            crawling.news = Some(news);
            let what = What::CrawlLooked(place);
            return Some(News { at, what });
        }
        // Of one that is awaited the run's own history tells the end.
        let status = ending(event, at).filter(|_| !awaited)?;
        crawling.standing = match status.problem() {
            Some(problem) => Standing::Failed {
                ended: at,
                problem: problem.clone(),
            },
            None => Standing::Succeeded { ended: at },
        };
        crawling.result = event
            .execution_succeeded_event_details()
            .and_then(|details| crawled(&json(details.output())?));
        let what = What::CrawlEnded(place);
        Some(News { at, what })
    }

    /// Gives up one of its crawls whose history cannot be read. Of one that is awaited the run's own history tells.
    pub(crate) fn leave_crawl(&mut self, arn: &str, at: Timestamp, why: String) -> Option<News> {
        let place = self.crawls.remove(arn)?;
        let crawl = self.run.stages[place.0].steps[place.1].crawl.as_mut()?;
        let crawling = crawl.execution.as_mut()?;
        if crawl.awaited {
            return None;
        }
        let began = crawling.began;
        crawling.standing = Standing::Untold { began, why };
        let what = What::CrawlEnded(place);
        Some(News { at, what })
    }
}

/// A task that has ended is tried once more: its state does, or somebody has redriven the run.
pub(super) fn start_again(step: &mut Step, began: Timestamp) {
    if let Some(crawling) = crawling(step) {
        if crawling.standing != Standing::Running {
            *crawling = Crawling::new(began);
        }
    } else if let Some(work) = &mut step.work
        && work
            .attempts
            .last()
            .is_some_and(|last| last.standing != Standing::Running)
    {
        work.attempts.push(Attempt::new(began));
    }
}

/// A step enters a state.
pub(super) fn enter(step: &mut Step, state: &str, at: Timestamp, place: Place) -> Option<What> {
    if WORK.contains(&state) {
        step.work.as_mut()?.attempts.push(Attempt::new(at));
        return Some(What::WorkBegan(place));
    }
    if CRAWL.contains(&state) {
        step.crawl.as_mut()?.execution = Some(Crawling::new(at));
        return Some(What::CrawlBegan(place));
    }
    let reason = waited_for(state)?;
    if reason == Reason::Turn {
        // What was refused has not begun.
        if crawling(step).is_some() {
            step.crawl.as_mut()?.execution = None;
        } else {
            step.work.as_mut()?.attempts.pop();
        }
    }
    wait(&mut step.waits, reason, at).then_some(What::StepWaits(place, reason))
}

pub(super) fn waited_for(state: &str) -> Option<Reason> {
    let (_, reason) = WAITS.iter().find(|(name, _)| *name == state)?;
    Some(*reason)
}

/// Begins to wait, or goes on with it: whether it is news. Who polls looks in between.
pub(super) fn wait(waits: &mut Vec<Wait>, reason: Reason, began: Timestamp) -> bool {
    let polls = matches!(reason, Reason::RunBefore | Reason::Turn);
    if let Some(last) = waits.last_mut()
        && last.reason == reason
        && polls
    {
        last.ended = None;
        return false;
    }
    waits.push(Wait {
        reason,
        began,
        ended: None,
    });
    true
}

/// The wait that goes on.
pub(super) fn open(waits: &mut [Wait]) -> Option<&mut Wait> {
    waits.last_mut().filter(|wait| wait.ended.is_none())
}

pub(super) fn attempt(step: &mut Step) -> Option<&mut Attempt> {
    step.work.as_mut()?.attempts.last_mut()
}

pub(super) fn crawling(step: &mut Step) -> Option<&mut Crawling> {
    step.crawl.as_mut()?.execution.as_mut()
}
