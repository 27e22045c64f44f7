//! From a pipeline and the execution that runs it to the plan.

use input::{Mistakes, Node};
use lambda::failure::{Failure, INVALID_PIPELINE};
use pipeline::notify::Home;
use pipeline::plan::{self, Execution, Plan};
use pipeline::spec::Pipeline;
use serde_json::Value;

/// Answers one invocation, and logs how it went.
pub(crate) fn handle(payload: &Value) -> Result<Plan, Failure> {
    let result = respond(payload);
    match &result {
        Ok(plan) => tracing::info!(
            outcome = "planned",
            pipeline = plan.name,
            steps = plan
                .stages
                .iter()
                .map(|stage| stage.steps.len())
                .sum::<usize>(),
            "the run was planned"
        ),
        Err(failure) => failure.log("there is no plan for the run"),
    }
    result
}

fn respond(payload: &Value) -> Result<Plan, Failure> {
    let (pipeline, execution) = request(payload)?;
    let invalid = |mistakes: Mistakes| {
        let name = pipeline.get("name").and_then(Value::as_str);
        let subject = name
            .map(|name| format!("pipeline {name}: "))
            .unwrap_or_default();
        Failure::new(INVALID_PIPELINE, format!("{subject}{mistakes}"))
    };
    let read = Pipeline::read(pipeline).map_err(invalid)?;
    plan::plan(read, &execution).map_err(invalid)
}

/// The input: the pipeline, still unread, and the execution that is to run it.
fn request(payload: &Value) -> Result<(&Value, Execution), Mistakes> {
    input::read(payload, "input", |input| {
        let mut fields = input.fields()?;
        let pipeline = fields
            .take("pipeline")
            .map_or(&Value::Null, |node| node.value());
        let execution = fields.required("execution", execution);
        fields.finish();
        Some((pipeline, execution?))
    })
}

fn execution(node: &Node<'_>) -> Option<Execution> {
    let mut fields = node.fields()?;
    let name = fields.required("name", Node::text);
    let start_time = fields.required("startTime", Node::moment);
    let home = fields.required("id", |node| {
        Home::of(node.text()?).map_or_else(|| node.wrong("must be the ARN of an execution"), Some)
    });
    fields.finish();
    Some(Execution {
        name: name?.to_owned(),
        start_time: start_time?,
        home: Some(home?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_runtime::Diagnostic;
    use serde_json::json;

    fn refused(payload: &Value) -> (String, String) {
        let diagnostic = Diagnostic::from(handle(payload).expect_err("no plan"));
        (diagnostic.error_type, diagnostic.error_message)
    }

    /// What newcomers try first is planned, and gives all that the machine reads.
    #[test]
    fn the_sample_event_is_planned() {
        let payload = serde_json::from_str(include_str!("../events/plan.json")).expect("JSON");
        let plan = handle(&payload).expect("a plan");
        assert_eq!(
            serde_json::to_value(plan).expect("JSON"),
            json!({
                "name": "customers",
                "startAfter": null,
                "timeoutSeconds": 86400,
                "window": null,
                "notify": {"failed": null, "succeeded": null},
                "stages": [
                    {
                        "name": "raw",
                        "steps": [{
                            "place": "stage 1 (raw), step 1",
                            "work": {"kind": "job", "failure": "JobFailed", "subject": "job job1"},
                            "job": "job1",
                            "arguments": {"--date": "2026-01-31"},
                            "retries": 0,
                            "longestPause": 180,
                            "crawl": {"kind": "crawl", "failure": "CrawlFailed", "subject": "crawler crawler1"},
                            "crawler": "crawler1",
                            "await": true,
                            "timeoutSeconds": null,
                            "optional": false,
                        }],
                    },
                ],
            })
        );
    }

    /// Whose fault it is decides who is told: the machine's envelope, or the pipeline's author.
    #[test]
    fn a_bad_pipeline_is_not_a_bad_request() {
        let id = "arn:aws:states:eu-west-1:123456789012:execution:pipeline:run";
        let execution = json!({"id": id, "name": "run", "startTime": "2026-01-31T00:00:00.123Z"});
        for (payload, error_type, message) in [
            (json!([]), "InvalidRequest", "input: must be an object"),
            (
                json!({"pipeline": {}, "execution": {"name": 1, "id": "run"}, "x": 1}),
                "InvalidRequest",
                "execution.name: must be a string; execution.startTime: is missing; execution.id: must be the ARN of an execution; x: is not one of the fields pipeline, execution",
            ),
            (
                json!({"execution": execution}),
                "InvalidPipeline",
                "the pipeline: must be an object",
            ),
            (
                json!({"pipeline": {
                    "name": "p", "stages": [{"steps": [{"crawler": "c"}]}],
                    "notify": {"failed": "arn:aws:sns:us-east-1:123456789012:on-call"},
                }, "execution": execution}),
                "InvalidPipeline",
                "pipeline p: notify.failed: must be a topic of eu-west-1 in the account 123456789012, where the pipeline runs",
            ),
            (
                json!({"pipeline": {"name": "p", "stages": [{"steps": [{"crawlr": "c"}]}]}, "execution": execution}),
                "InvalidPipeline",
                "pipeline p: stage 1, step 1: crawlr: is not one of the fields name, job, arguments, function, payload, query, parameters, database, workgroup, machine, input, crawler, await, retries, timeoutSeconds, optional; stage 1, step 1: needs a job, a function, a query, a machine or a crawler",
            ),
        ] {
            assert_eq!(
                refused(&payload),
                (error_type.to_owned(), message.to_owned())
            );
        }
    }
}
