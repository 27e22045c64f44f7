//! Looking at every link between an object and its run.

use futures_util::future::join4;
use indicatif::ProgressBar;
use jiff::Timestamp;

use super::concern::{Concern, concerns, default_of, places};
use super::object::{Bucket, Object, Url, Written};
use super::runs::{Found, Search, Standing};
use crate::stack::parked::Parked as Message;
use crate::stack::queue::Queue;
use crate::stack::rules::{self, Rule};
use crate::stack::{Failure, Home, Machine, Stack};

/// Messages that are looked through for the object's event.
const MOST_MESSAGES: usize = 1_000;
/// How long messages are hidden that are looked at, should the looking be killed.
const HIDDEN: std::time::Duration = std::time::Duration::from_secs(30);

/// A link that was looked at, or in words why it could not be.
pub(crate) type Looked<T> = Result<T, String>;

/// All that was found.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) url: Url,
    pub(crate) home: Home,
    pub(crate) now: Timestamp,
    pub(crate) bucket: Looked<Bucket>,
    pub(crate) object: Looked<Object>,
    /// Of the stack's rules those that take the object, with their pipelines.
    pub(crate) concerned: Looked<Vec<Concerned>>,
    /// The stack's own `coalesceSeconds`, if its trigger tells.
    pub(crate) coalesce_seconds: Looked<Option<u64>>,
    /// What the stack's rules take.
    pub(crate) places: Vec<String>,
    /// Why the object's event is parked, if it is; looked for only if a run is missing.
    pub(crate) parked: Option<Looked<Parked>>,
}

/// A rule with its pipeline, and the runs of that which may have the object.
#[derive(Debug)]
pub(crate) struct Concerned {
    pub(crate) concern: Concern,
    /// Looked for only if the pipeline is to have the object.
    pub(crate) found: Option<Looked<Found>>,
}

/// What the dead-letter queue says of the object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parked {
    pub(crate) reason: Option<String>,
    /// Whether there are messages that nobody can look at now.
    pub(crate) has_hidden: bool,
}

impl Facts {
    /// Looks link by link; what cannot be looked at keeps nothing else from being.
    pub(crate) async fn gather(
        stack: &Stack,
        url: &Url,
        now: Timestamp,
        progress: &ProgressBar,
    ) -> Result<Self, Failure> {
        progress.set_message("looking at the object, its bucket and the rules");
        let s3 = aws_sdk_s3::Client::new(&stack.config);
        let look = Look {
            stack,
            url,
            events: aws_sdk_eventbridge::Client::new(&stack.config),
            states: stack.states(),
            progress,
        };
        let (bucket, object, rules, coalesce_seconds) = Box::pin(join4(
            url.bucket(&s3),
            url.object(&s3),
            rules::of_trigger(&look.events, &stack.home),
            look.coalesce_seconds(),
        ))
        .await;
        let mut facts = Self {
            url: url.clone(),
            home: stack.home.clone(),
            now,
            bucket: bucket.map_err(said),
            object: object.map_err(said),
            concerned: Ok(Vec::new()),
            coalesce_seconds: coalesce_seconds?,
            places: Vec::new(),
            parked: None,
        };
        if matches!(facts.object, Ok(Object::Missing)) {
            return Ok(facts);
        }
        facts.concerned = match rules {
            Err(failure) => Err(said(failure)),
            Ok(rules) => {
                let places = rules.iter().flat_map(|rule| places(&rule.pattern));
                facts.places = places.collect();
                let concerned = look.concerned(&rules, &facts).await;
                concerned.map_err(said)
            }
        };
        if facts.lacks_a_run() {
            progress.set_message("looking into the dead-letter queue");
            facts.parked = Some(look.parked().await.map_err(said));
        }
        Ok(facts)
    }

    /// How the object was written, if that is known.
    pub(crate) fn written(&self) -> Option<&Written> {
        match &self.object {
            Ok(Object::There(written) | Object::Deleted(written)) => Some(written),
            _ => None,
        }
    }

    fn lacks_a_run(&self) -> bool {
        let concerned = self.concerned.as_ref().map_or(&[][..], Vec::as_slice);
        concerned.iter().any(|each| match &each.found {
            Some(Ok(found)) => {
                (found.runs.iter()).all(|run| matches!(run.standing, Standing::Failed { .. }))
            }
            Some(Err(_)) => true,
            // Trigger refuses it, and parks it for that.
            None => each.concern.judged.is_err(),
        })
    }
}

/// Looks on where the object and the rules are known.
struct Look<'a> {
    stack: &'a Stack,
    url: &'a Url,
    events: aws_sdk_eventbridge::Client,
    states: aws_sdk_sfn::Client,
    progress: &'a ProgressBar,
}

impl Look<'_> {
    /// The stack's own `coalesceSeconds`. Fails if there is no such stack at all.
    async fn coalesce_seconds(&self) -> Result<Looked<Option<u64>>, Failure> {
        let trigger = self.stack.home.machine(Machine::Trigger);
        let described = self.states.describe_state_machine();
        match described.state_machine_arn(&trigger).send().await {
            Ok(described) => Ok(Ok(default_of(&described.definition))),
            Err(error) => {
                let action = "states:DescribeStateMachine";
                match self.stack.failure(action, &trigger, &error) {
                    failure @ Failure::Denied { .. } => Ok(Err(said(failure))),
                    failure => Err(failure),
                }
            }
        }
    }

    /// The rules that take the object, and the runs of their pipelines.
    async fn concerned(&self, rules: &[Rule], facts: &Facts) -> Result<Vec<Concerned>, Failure> {
        let (url, home) = (self.url, &self.stack.home);
        let unknown = Written::unknown(facts.now);
        let written = facts.written().unwrap_or(&unknown);
        let coalesce_seconds = facts.coalesce_seconds.as_ref().ok().copied().flatten();
        let concerns = concerns(&self.events, home, rules, url, written, coalesce_seconds).await?;
        let mut concerned = Vec::new();
        for concern in concerns {
            let found = match (&concern.judged, facts.written()) {
                (Ok(decision), Some(written)) if decision.matched => {
                    let pipeline = &concern.pipeline;
                    (self.progress).set_message(format!("looking for runs of {pipeline}"));
                    let search = Search {
                        stack: self.stack,
                        client: &self.states,
                        pipeline,
                        url,
                        written,
                        decision,
                    };
                    Some(search.run().await.map_err(said))
                }
                _ => None,
            };
            concerned.push(Concerned { concern, found });
        }
        Ok(concerned)
    }

    /// Looks through the messages of the queue, and gives them back.
    async fn parked(&self) -> Result<Parked, Failure> {
        let queue = Queue::open(self.stack, HIDDEN).await?;
        let hidden = queue.count_hidden().await?;
        let mut seen = Vec::new();
        let looked = loop {
            match queue.take(10).await {
                Ok(messages) if messages.is_empty() => break Ok(()),
                Ok(messages) => seen.extend(messages),
                Err(failure) => break Err(failure),
            }
            if seen.len() >= MOST_MESSAGES {
                break Ok(());
            }
        };
        queue.release(&seen).await?;
        looked?;
        let object = (Some(self.url.bucket.as_str()), Some(self.url.key.as_str()));
        let found = seen.iter().find(|message| message.object() == object);
        Ok(Parked {
            reason: found.map(Message::reason),
            has_hidden: hidden > 0 || seen.len() >= MOST_MESSAGES,
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn said(failure: Failure) -> String {
    failure.to_string()
}
