//! The steps of a run, from the plan that plan-pipeline answers.

use serde::Deserialize;

use super::{Crawl, Kind, Stage, Step, Work};

/// As much of the plan as a run tells.
#[derive(Debug, Deserialize)]
pub(super) struct Plan {
    pub(super) stages: Vec<PlannedStage>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PlannedStage {
    name: Option<String>,
    pub(super) steps: Vec<PlannedStep>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PlannedStep {
    pub(super) place: String,
    job: Option<String>,
    function: Option<String>,
    machine: Option<String>,
    request: Option<Request>,
    crawler: Option<String>,
    #[serde(default)]
    r#await: bool,
    #[serde(default)]
    optional: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    work_group: String,
}

impl From<PlannedStage> for Stage {
    fn from(stage: PlannedStage) -> Self {
        let name = stage.name.filter(|name| !name.is_empty());
        let steps = stage.steps.into_iter().map(|planned| {
            let given = given_name(name.as_deref(), &planned.place);
            Step {
                name: given,
                ..Step::from(planned)
            }
        });
        Self {
            steps: steps.collect(),
            name,
        }
    }
}

/// The step's name at the end of its place: "stage 2 (silver), step 1 (revenue)".
fn given_name(stage: Option<&str>, place: &str) -> Option<String> {
    let before = stage.map_or_else(String::new, |name| format!(" ({name})")) + ", step ";
    let (_, step) = place.split_once(&before)?;
    let (_, name) = step.split_once(" (")?;
    name.strip_suffix(')').map(str::to_owned)
}

impl From<PlannedStep> for Step {
    fn from(step: PlannedStep) -> Self {
        let works = [
            (Kind::Job, step.job),
            (Kind::Function, step.function),
            (Kind::Query, step.request.map(|query| query.work_group)),
            (Kind::Machine, step.machine),
        ];
        let work = (works.into_iter()).find_map(|(kind, subject)| Some((kind, subject?)));
        Self {
            place: step.place,
            name: None,
            work: work.map(|(kind, subject)| Work {
                kind,
                subject,
                attempts: Vec::new(),
            }),
            crawl: step.crawler.map(|crawler| Crawl {
                crawler,
                awaited: step.r#await,
                execution: None,
            }),
            optional: step.optional,
            waits: Vec::new(),
            failure: None,
        }
    }
}
