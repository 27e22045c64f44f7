//! How an object gets into another run.

use event::decision::Decision;
use jiff::civil::Date;

use super::Chains;
use crate::stack::explain::concern::Concern;
use crate::stack::explain::days::day;
use crate::stack::explain::object::{Object, Written};
use crate::stack::explain::report::Next;
use crate::stack::start::input;

impl Chains<'_> {
    /// A run for that day of all that lies under the prefix; of a pipeline whose runs need what only an event tells, an
    /// event of the object.
    pub(super) fn again(&self, why: &str, concern: &Concern, day: Option<Date>) -> Next {
        if matches!(self.facts.object, Ok(Object::Deleted(_))) {
            return Next::by_hand(format!(
                "{why}: the object was deleted since, so upload it again"
            ));
        }
        if let Some(day) = day.filter(|day| self.can_run(concern, *day)) {
            let words = ["run", &concern.pipeline, "--date", &day.to_string()];
            return Next::run(why, self.commands.own(words));
        }
        let url = &self.facts.url.to_string();
        let copy = ["s3", "cp", url, url, "--metadata-directive", "REPLACE"];
        let why =
            format!("{why}: only an event of the object starts it, so write the object again");
        Next::run(why, self.commands.aws(copy))
    }

    /// Whether a run by hand has all that the pipeline's jobs are told.
    fn can_run(&self, concern: &Concern, day: Date) -> bool {
        let given = input::for_day(concern.given.clone(), Some(day));
        input::check(&given, "by-hand", self.facts.now, &self.facts.home).is_ok()
    }
}

/// The day for which a run by hand has the object; none where each object has a run of its own.
pub(super) fn by_hand(decision: &Decision, written: &Written) -> Option<Date> {
    decision.window.is_some().then(|| day(decision, written))
}
