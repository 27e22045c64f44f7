//! What runs tell of an object.

use crate::stack::explain::report::{Link, Mark};
use crate::stack::explain::runs::{Run, Standing};
use crate::stack::moments;

/// The run that tells how the object stands: the first that succeeded, else one under way, else the last that failed.
pub(super) fn decisive(runs: &[Run]) -> Option<&Run> {
    let first = |is_so: fn(&Standing) -> bool| runs.iter().find(|run| is_so(&run.standing));
    first(|standing| *standing == Standing::Succeeded)
        .or_else(|| first(|standing| !matches!(standing, Standing::Failed { .. })))
        .or_else(|| runs.last())
}

/// The link of a run.
pub(super) fn told(run: &Run) -> Link {
    let name = match run.instead_of.as_slice() {
        [] => run.name.clone(),
        others => format!(
            "{} left its objects to {}, which",
            others.join(", "),
            run.name
        ),
    };
    let ended = run
        .ended
        .map_or_else(String::new, |at| format!(" at {} UTC", moments::told(at)));
    let (mark, says) = match &run.standing {
        Standing::Succeeded => (Mark::Fine, format!("{name} succeeded{ended}")),
        Standing::Failed { why } => (Mark::Missing, format!("{name} failed{ended}: {why}")),
        Standing::WaitsForWindow { until } => (
            Mark::Waiting,
            format!(
                "{name} waits until {} UTC for its window to close",
                moments::told(*until)
            ),
        ),
        Standing::Runs { state: Some(state) } => {
            (Mark::Waiting, format!("{name} is at \"{state}\""))
        }
        Standing::Runs { state: None } => (Mark::Waiting, format!("{name} is under way")),
    };
    Link::new("run", mark, says)
}
