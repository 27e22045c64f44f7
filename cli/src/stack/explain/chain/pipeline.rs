//! The chain of one pipeline: rule, filter, window, run, queue.

use event::decision::Decision;
use jiff::SignedDuration;

use super::Chains;
use super::again::by_hand;
use super::runs::{decisive, told};
use crate::stack::explain::concern::{Concern, Source};
use crate::stack::explain::days::timestamp;
use crate::stack::explain::facts::{Concerned, Parked};
use crate::stack::explain::object::{Bucket, Written};
use crate::stack::explain::report::{Chain, Link, Mark, Next, Verdict};
use crate::stack::explain::runs::{Found, Run, Standing};
use crate::stack::moments;

/// An event may take so long to its run: seconds most often, by CloudTrail minutes; trigger alone tries for five.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_mins(5);
const ON_ITS_WAY_BY_TRAIL: SignedDuration = SignedDuration::from_mins(20);
/// What Step Functions remembers of executions that have ended.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
const REMEMBERED: SignedDuration = SignedDuration::from_hours(90 * 24);
const RUN_NOW: &str = "have the object in a run now";

impl Chains<'_> {
    pub(super) fn pipeline(&self, concerned: &Concerned) -> Chain {
        let Concerned { concern, found } = concerned;
        let mut chain = Chain {
            pipeline: concern.pipeline.clone(),
            rule: concern.rule.clone(),
            verdict: Verdict::NotCovered,
            says: String::new(),
            links: Vec::new(),
            runs: Vec::new(),
            next: Vec::new(),
        };
        self.rule(&mut chain, concern);
        let decision = match &concern.judged {
            Ok(decision) => decision,
            Err(refusal) => {
                self.refused(&mut chain, concern, refusal);
                return chain;
            }
        };
        if let Some(reason) = &decision.reason {
            ignored(&mut chain, reason);
            return chain;
        }
        chain.add("filter", Mark::Fine, "lets it pass");
        if let Some(window) = &decision.window {
            let [start, end] = [window.start, window.end].map(|at| moments::told(timestamp(at)));
            let says = format!("{start} to {end} UTC");
            match &self.facts.coalesce_seconds {
                Err(failure) if !concern.has_own_window => {
                    let says = format!("{says}, if the stack sets no other length: {failure}");
                    chain.add("window", Mark::Unknown, says);
                }
                _ => chain.add("window", Mark::Fine, says),
            }
        }
        match (found, self.facts.written()) {
            (Some(Ok(found)), Some(written)) => {
                chain.runs = found.runs.iter().chain(&found.other_day).cloned().collect();
                match decisive(&found.runs) {
                    Some(run) => self.run(&mut chain, concern, decision, run, written),
                    None => self.no_run(&mut chain, concern, decision, found, written),
                }
                other_day(&mut chain, found);
            }
            (Some(Err(failure)), _) => {
                chain.verdict = Verdict::Unknown;
                "its run could not be looked at".clone_into(&mut chain.says);
                chain.add("run", Mark::Unknown, failure);
                self.queue(&mut chain);
            }
            _ => {
                chain.verdict = Verdict::Unknown;
                "its run is unknown, because its write time could not be read"
                    .clone_into(&mut chain.says);
            }
        }
        chain
    }

    fn rule(&self, chain: &mut Chain, concern: &Concern) {
        let name = &concern.rule;
        if !concern.is_enabled {
            let says = format!("{name} would take it, and is disabled");
            chain.add("rule", Mark::Missing, says);
            chain.next.push(Next::run(
                "enable the rule, for what is written from then on",
                self.commands.aws(["events", "enable-rule", "--name", name]),
            ));
            return;
        }
        let events = match concern.source {
            Source::S3 | Source::Both => "",
            Source::CloudTrail => " from CloudTrail, if a trail records the bucket's data events",
        };
        chain.add("rule", Mark::Fine, format!("{name} takes it{events}"));
    }

    /// A parked event keeps its old input, so that a redrive would park it again.
    fn refused(&self, chain: &mut Chain, concern: &Concern, refusal: &str) {
        chain.says = format!("trigger refuses what the rule hands over: {refusal}");
        chain.add("filter", Mark::Missing, chain.says.clone());
        chain.next.push(Next::by_hand(format!(
            "correct the input template of rule {}: write the template of the pipeline's file again, and deploy that",
            concern.rule
        )));
        let day = self.facts.written().map(Written::day);
        chain.next.push(self.again(RUN_NOW, concern, day));
        if let Some(reason) = self.parked() {
            let says = format!("its event is parked: {reason}");
            chain.add("queue", Mark::Missing, says);
            chain.next.push(Next::by_hand(
                "delete the parked message: it keeps its old input, and would be parked again",
            ));
        }
    }

    /// One has it, is on its way with it, or failed.
    fn run(
        &self,
        chain: &mut Chain,
        concern: &Concern,
        decision: &Decision,
        run: &Run,
        written: &Written,
    ) {
        let first = chain.runs.first().filter(|first| *first != run).map(told);
        chain.links.extend(first);
        chain.links.push(told(run));
        let name = &run.name;
        match &run.standing {
            Standing::Succeeded => {
                chain.verdict = Verdict::Covered;
                chain.says = format!("the run {name} has it");
                if written.in_parts {
                    // S3 tells when an upload in parts began, and an event comes when it is complete.
                    let end = decision.window.as_ref().map(|window| timestamp(window.end));
                    let end = moments::told(end.unwrap_or(run.began));
                    chain.says = format!(
                        "the run {name} has it, if its last part was there by {end} UTC; else a later one"
                    );
                }
            }
            Standing::WaitsForWindow { .. } | Standing::Runs { .. } => {
                chain.verdict = Verdict::Coming;
                chain.says = format!("the run {name} is under way");
                let follow = self.commands.own(["follow", name]);
                chain.next = vec![Next::run("watch it", follow)];
            }
            Standing::Failed { .. } => {
                chain.says = format!("the run {name} failed");
                let page = self.facts.home.page_of_execution(&run.arn);
                let why = format!("mend what it failed of ({page}), and run the pipeline again");
                chain
                    .next
                    .push(self.again(&why, concern, by_hand(decision, written)));
            }
        }
    }

    fn no_run(
        &self,
        chain: &mut Chain,
        concern: &Concern,
        decision: &Decision,
        found: &Found,
        written: &Written,
    ) {
        if self.queue(chain) {
            return;
        }
        let age = self.facts.now.duration_since(written.at);
        let is_silent = matches!(self.facts.bucket, Ok(Bucket::Silent { .. }));
        let grace = match (concern.source, &self.facts.bucket) {
            (Source::S3, _) | (Source::Both, Ok(Bucket::Sends)) => ON_ITS_WAY,
            _ => ON_ITS_WAY_BY_TRAIL,
        };
        let (mark, verdict, says) = if !concern.is_enabled {
            (Mark::Missing, Verdict::NotCovered, "its rule is disabled")
        } else if is_silent && concern.source == Source::Both && age < grace {
            // Most often there is no trail: to call it on its way would hide that for twenty minutes.
            let says = "its bucket sends no events to EventBridge; if a trail of CloudTrail records it, its event may \
                        be on its way";
            (Mark::Unknown, Verdict::Unknown, says)
        } else if is_silent && concern.source != Source::CloudTrail {
            let says = "its bucket sends no events to EventBridge, and no trail of CloudTrail has told of it instead";
            (Mark::Missing, Verdict::NotCovered, says)
        } else if age < grace {
            (
                Mark::Waiting,
                Verdict::Coming,
                "its event may be on its way",
            )
        } else if age > REMEMBERED {
            let says = "Step Functions remembers runs for 90 days, and it is older";
            (Mark::Unknown, Verdict::Unknown, says)
        } else if found.has_more {
            let says = "there are more runs since than are looked through";
            (Mark::Unknown, Verdict::Unknown, says)
        } else {
            let says = "no event of it has come: the rule, or the setting of the bucket, is younger than the object; or \
                        the event was lost";
            (Mark::Missing, Verdict::NotCovered, says)
        };
        chain.add("run", mark, "none that began after it was written");
        chain.verdict = verdict;
        says.clone_into(&mut chain.says);
        chain.next.push(if verdict == Verdict::Coming {
            let explain = self.commands.own(["explain", &self.facts.url.to_string()]);
            Next::run("look again in a minute", explain)
        } else {
            self.again(RUN_NOW, concern, by_hand(decision, written))
        });
    }

    /// Adds what the dead-letter queue says; whether the event is there.
    fn queue(&self, chain: &mut Chain) -> bool {
        match &self.facts.parked {
            Some(Err(failure)) => chain.add("queue", Mark::Unknown, failure),
            Some(Ok(parked)) if parked.reason.is_none() && parked.has_hidden => {
                let says = "has messages that cannot be looked at now; look again in six minutes";
                chain.add("queue", Mark::Unknown, says);
            }
            _ => {}
        }
        let Some(reason) = self.parked() else {
            return false;
        };
        let says = format!("its event is parked: {reason}");
        if chain.verdict == Verdict::NotCovered {
            chain.says.clone_from(&says);
        }
        chain.add("queue", Mark::Missing, says);
        let redrive = self.commands.own(["redrive"]);
        chain.next.push(Next::run(
            "mend the cause, and have what is parked handled again",
            redrive,
        ));
        true
    }

    fn parked(&self) -> Option<&str> {
        match &self.facts.parked {
            Some(Ok(Parked { reason, .. })) => reason.as_deref(),
            _ => None,
        }
    }
}

impl Chain {
    fn add(&mut self, name: &'static str, mark: Mark, says: impl Into<String>) {
        self.links.push(Link::new(name, mark, says));
    }
}

/// A run for another day has the object only if its jobs read more than that day.
fn other_day(chain: &mut Chain, found: &Found) {
    let Some(run) = (found.other_day.as_ref()).filter(|_| chain.verdict == Verdict::NotCovered)
    else {
        return;
    };
    let (name, date) = (&run.name, run.date.as_deref().unwrap_or_default());
    let says = format!("{name} is for {date}, and has it only if its jobs do not go by --date");
    chain.verdict = Verdict::Unknown;
    chain.says = format!("{}; {says}", chain.says);
    chain.add("run", Mark::Unknown, says);
}

fn ignored(chain: &mut Chain, reason: &str) {
    chain.add("filter", Mark::Missing, reason);
    chain.verdict = Verdict::Ignored;
    chain.says = format!("the filter leaves it out: {reason}");
    chain.next = vec![Next::by_hand(format!(
        "if {} is to have it, change the trigger in its file, write the template again, and deploy that",
        chain.pipeline
    ))];
}
