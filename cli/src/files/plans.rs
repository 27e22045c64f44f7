//! The runs that a file can have: what no plan can be made of is found before.

use input::Mistakes;
use pipeline::plan::{Execution, plan};
use pipeline::spec::{Object, Pipeline};
use pipeline::window::Window;
use time::{Duration, OffsetDateTime};

use super::resources::OF_ONE_RUN;
use super::{File, Finding};

/// What a run is about.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Started by the clock, or by hand.
    Day,
    Window,
    Object,
}

/// What belongs to one run, and what plan-pipeline would refuse of each.
pub(crate) fn check(file: &File) -> Vec<Finding> {
    let of_one_run = OF_ONE_RUN
        .into_iter()
        .filter(|field| file.value.get(field).is_some_and(|value| !value.is_null()))
        .map(|field| {
            let rule = "belongs to one run; a file must not have it";
            file.wrong(&format!("/{field}"), rule)
        });
    let refused = starts(&file.pipeline)
        .into_iter()
        .find_map(|kinds| refusal(&file.pipeline, kinds));
    let mistakes = refused.as_ref().map_or(&[][..], Mistakes::all);
    let mistakes = mistakes.iter().map(|mistake| file.mistake(mistake));
    of_one_run.chain(mistakes).collect()
}

/// What starts the pipeline, each with the kinds of run that it may start: which one, the machinery's stack decides,
/// or whatever else hands the pipeline to the trigger machine.
fn starts(pipeline: &Pipeline) -> Vec<&'static [Kind]> {
    let schedule = pipeline.schedule.as_ref().map(|_| &[Kind::Day][..]);
    let trigger = pipeline
        .trigger
        .as_ref()
        .map(|trigger| match trigger.coalesce_seconds {
            None => &[Kind::Window, Kind::Object][..],
            Some(0) => &[Kind::Object],
            Some(_) => &[Kind::Window],
        });
    let starts: Vec<_> = schedule.into_iter().chain(trigger).collect();
    if starts.is_empty() {
        vec![&[Kind::Day, Kind::Window, Kind::Object]]
    } else {
        starts
    }
}

/// Why none of these runs can be, in the words of the first.
fn refusal(pipeline: &Pipeline, kinds: &[Kind]) -> Option<Mistakes> {
    let execution = Execution {
        name: "run".to_owned(),
        start_time: OffsetDateTime::UNIX_EPOCH,
        home: None,
    };
    let plans = kinds
        .iter()
        .map(|kind| plan(sample(pipeline, *kind), &execution).map(|_| ()));
    let refused: Result<Vec<_>, ()> = plans.map(|plan| plan.err().ok_or(())).collect();
    refused.ok()?.into_iter().next()
}

/// The pipeline as a run of the kind gets it.
fn sample(pipeline: &Pipeline, kind: Kind) -> Pipeline {
    let mut run = Pipeline {
        start_after: None,
        scheduled_time: None,
        window: None,
        object: None,
        ..pipeline.clone()
    };
    match kind {
        Kind::Day => {}
        Kind::Window => {
            run.window = Some(Window {
                queue: "x".to_owned(),
                start: OffsetDateTime::UNIX_EPOCH,
                end: OffsetDateTime::UNIX_EPOCH + Duration::MINUTE,
            });
        }
        Kind::Object => {
            run.object = Some(Object {
                bucket: "bucket".to_owned(),
                key: "key".to_owned(),
            });
        }
    }
    run
}
