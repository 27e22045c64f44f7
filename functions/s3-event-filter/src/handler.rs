//! Answers an invocation with the decision on its event.

use event::decision::{self, Decision, Refusal};
use lambda::failure::{Failure, INVALID_EVENT, INVALID_FILTER};
use serde_json::Value;
use time::OffsetDateTime;

/// Answers one invocation at `now` (UTC), and logs how it went.
pub(crate) fn handle(payload: &Value, now: OffsetDateTime) -> Result<Decision, Failure> {
    let result = decision::decide(payload, now).map_err(|refusal| match refusal {
        Refusal::Request(mistakes) => mistakes.into(),
        Refusal::Filter(mistakes) => Failure::new(INVALID_FILTER, mistakes),
        Refusal::Event(mistake) => Failure::new(INVALID_EVENT, mistake),
    });
    match &result {
        Ok(decision) => tracing::info!(
            outcome = if decision.matched {
                "matched"
            } else {
                "ignored"
            },
            bucket = decision.report.bucket,
            key = decision.report.key,
            executionName = decision.execution_name,
            reason = decision.reason,
            "the event was judged"
        ),
        Err(failure) => failure.log("the event could not be judged"),
    }
    result
}

#[cfg(test)]
mod tests;
