//! The runs that a file's trigger and schedule will start: what no plan can be made of is found before.

use input::Mistakes;
use pipeline::plan::{Execution, plan};
use pipeline::spec::{Object, Pipeline};
use pipeline::window::Window;
use time::{Duration, OffsetDateTime};

use super::{File, Finding};

/// What plan-pipeline would refuse of each such run.
pub(crate) fn check(file: &File) -> Vec<Finding> {
    let refused = sample_runs(&file.pipeline).find_map(|pipeline| refusal(pipeline).err());
    let mistakes = refused.as_ref().map_or(&[][..], Mistakes::all);
    mistakes
        .iter()
        .map(|mistake| file.mistake(mistake))
        .collect()
}

fn refusal(pipeline: Pipeline) -> Result<(), Mistakes> {
    let execution = Execution {
        name: "run".to_owned(),
        start_time: OffsetDateTime::UNIX_EPOCH,
    };
    plan(pipeline, &execution).map(|_| ())
}

/// The pipeline as a run of each kind gets it. Of what kind a trigger's are, where it does not say, the machinery's
/// stack decides.
fn sample_runs(pipeline: &Pipeline) -> impl Iterator<Item = Pipeline> {
    let trigger = pipeline.trigger.as_ref();
    let of_trigger = trigger
        .and_then(|trigger| trigger.coalesce_seconds)
        .map(|seconds| {
            let mut run = pipeline.clone();
            if seconds == 0 {
                run.object = Some(Object {
                    bucket: "bucket".to_owned(),
                    key: "key".to_owned(),
                });
            } else {
                run.window = Some(Window {
                    queue: "x".to_owned(),
                    start: OffsetDateTime::UNIX_EPOCH,
                    end: OffsetDateTime::UNIX_EPOCH + Duration::seconds(seconds.into()),
                });
            }
            run
        });
    let of_schedule = pipeline.schedule.as_ref().map(|_| pipeline.clone());
    of_schedule.into_iter().chain(of_trigger)
}
