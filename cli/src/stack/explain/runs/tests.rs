use aws_sdk_sfn::error::ErrorMetadata;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionError;
use aws_sdk_sfn::operation::list_executions::ListExecutionsOutput;
use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::ExecutionListItem;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use event::decision;
use serde_json::json;
use time::OffsetDateTime;

use super::*;

/// 2026-01-01T00:00:30Z.
const WRITTEN: i64 = 1_767_225_630;

fn url() -> Url {
    "s3://landing/orders/a.csv".parse().expect("an object")
}

fn decision(coalesce_seconds: u32) -> Decision {
    let event = json!({
        "source": "aws.s3", "detail-type": "Object Created",
        "detail": {"bucket": {"name": "landing"}, "object": {"key": "orders/a.csv"}},
    });
    let input = json!({"event": event, "pipeline": "orders", "coalesceSeconds": coalesce_seconds});
    let at = OffsetDateTime::from_unix_timestamp(WRITTEN).expect("it is in range");
    decision::decide(&input, at).expect("the input is valid")
}

/// The name of the run of a window that ends so many seconds after the object was written.
fn window(decision: &Decision, seconds: i64) -> String {
    let queue = decision.window.as_ref().map(|window| window.queue.as_str());
    format!("{}{}", queue.unwrap_or_default(), WRITTEN + seconds)
}

fn listed(name: &str, began: i64) -> ExecutionListItem {
    ExecutionListItem::builder()
        .name(name)
        .execution_arn(name)
        .state_machine_arn("etl-pipeline")
        .status(ExecutionStatus::Succeeded)
        .start_date(DateTime::from_secs(WRITTEN + began))
        .build()
        .expect("all is told")
}

/// A page of executions, the newest first, asked for by the token of the page before.
fn page(token: Option<&'static str>, next: Option<&str>, items: Vec<ExecutionListItem>) -> Rule {
    let next = next.map(str::to_owned);
    mock!(Client::list_executions)
        .match_requests(move |request| request.next_token() == token)
        .then_output(move || {
            ListExecutionsOutput::builder()
                .set_executions(Some(items.clone()))
                .set_next_token(next.clone())
                .build()
                .expect("all is told")
        })
}

/// An execution that has succeeded, with what it was given and what it left.
fn execution(name: &str, input: Value, output: Value) -> Rule {
    let name = name.to_owned();
    let end = format!(":{name}");
    mock!(Client::describe_execution)
        .match_requests(move |request| {
            request
                .execution_arn()
                .is_some_and(|arn| arn.ends_with(&end))
        })
        .then_output(move || {
            DescribeExecutionOutput::builder()
                .name(&name)
                .execution_arn(&name)
                .state_machine_arn("etl-pipeline")
                .status(ExecutionStatus::Succeeded)
                .start_date(DateTime::from_secs(WRITTEN))
                .input(input.to_string())
                .output(output.to_string())
                .build()
                .expect("all is told")
        })
}

fn no_other() -> Rule {
    mock!(Client::describe_execution).then_error(|| {
        let told = aws_sdk_sfn::types::error::ExecutionDoesNotExist::builder().meta(
            ErrorMetadata::builder()
                .code("ExecutionDoesNotExist")
                .build(),
        );
        DescribeExecutionError::ExecutionDoesNotExist(told.build())
    })
}

async fn found(decision: &Decision, rules: &[&Rule]) -> Found {
    let client = mock_client!(aws_sdk_sfn, RuleMode::MatchAny, rules);
    let written = Written {
        at: Timestamp::from_second(WRITTEN).expect("it is in range"),
        size: 5,
        in_parts: false,
    };
    let (stack, url) = (Stack::sample(), url());
    let search = Search {
        stack: &stack,
        client: &client,
        pipeline: "orders",
        url: &url,
        written: &written,
        decision,
    };
    search.run().await.expect("nothing is denied")
}

fn names(found: &Found) -> Vec<&str> {
    found.runs.iter().map(|run| run.name.as_str()).collect()
}

/// A stack with a million runs answers as fast as one with ten, where the run of the window has the object.
#[tokio::test]
async fn the_run_of_its_window_takes_one_call() {
    let decision = decision(60);
    let own = window(&decision, 30);
    let own_run = execution(&own, json!({"name": "orders"}), json!({}));
    let found = found(&decision, &[&own_run]).await;
    assert_eq!(names(&found), [own]);
    assert_eq!(own_run.num_calls(), 1);
}

/// An event that came late is in the run of a later window, though that is pages away.
#[tokio::test]
async fn a_later_window_is_found_on_a_later_page() {
    let decision = decision(60);
    let (late, later) = (window(&decision, 630), window(&decision, 690));
    let other = window(&decision, 630).replace("orders", "customers");
    let first = page(
        None,
        Some("2"),
        vec![listed(&later, 640), listed(&other, 600)],
    );
    let second = page(
        Some("2"),
        Some("3"),
        vec![listed(&late, 580), listed("old", -100_000)],
    );
    let given = || json!({"name": "orders"});
    let first_run = execution(&late, given(), json!({}));
    let second_run = execution(&later, given(), json!({}));
    let none = no_other();
    let found = found(
        &decision,
        &[&first, &second, &first_run, &second_run, &none],
    )
    .await;
    assert_eq!(names(&found), [late]);
}

/// Runs that left their objects to another are not the ones that have them.
#[tokio::test]
async fn what_was_left_to_another_run_is_followed() {
    let decision = decision(60);
    let names: Vec<_> = [30, 90, 150].map(|end| window(&decision, end)).into();
    let given = || json!({"name": "orders"});
    let first = execution(&names[0], given(), json!({"absorbedBy": names[1]}));
    let second = execution(&names[1], given(), json!({"absorbedBy": names[2]}));
    let third = execution(&names[2], given(), json!({}));
    let found = found(&decision, &[&first, &second, &third]).await;
    assert_eq!(found.runs[0].name, names[2]);
    assert_eq!(found.runs[0].instead_of, names[..2]);
}

/// Names tell little of runs by hand: what they were given does.
#[tokio::test]
async fn runs_by_hand_count_if_they_are_of_the_pipeline() {
    let decision = decision(60);
    let all = page(None, None, vec![listed("mine", 900), listed("other", 800)]);
    let mine = execution("mine", json!({"name": "orders"}), json!({}));
    let other = execution("other", json!({"name": "customers"}), json!({}));
    let none = no_other();
    let found = found(&decision, &[&all, &mine, &other, &none]).await;
    assert_eq!(names(&found), ["mine"]);
}

/// A job that goes by its --date has nothing of another day, whenever it ran.
#[tokio::test]
async fn runs_for_another_day_do_not_count() {
    let decision = decision(60);
    let [same, other] = ["01", "03"].map(|day| format!("orders-2026-01-{day}-0123456789abcdef"));
    let given = |day: &str| json!({"name": "orders", "arguments": {"--date": day}});
    let same_run = execution(&same, given("2026-01-01"), json!({}));
    let other_run = execution(&other, given("2026-01-03"), json!({}));
    let by_hand = execution("by-hand", given("2026-01-03"), json!({}));
    let none = no_other();
    let names = ["by-hand", &other].map(|name| listed(name, 200_000));
    let all = page(None, None, names.to_vec());
    let found_others = found(&decision, &[&all, &other_run, &by_hand, &none]).await;
    assert_eq!(found_others.runs, []);
    let other_day = found_others.other_day.expect("one has succeeded");
    assert_eq!(other_day.date.as_deref(), Some("2026-01-03"));
    let names = ["by-hand", &other, &same].map(|name| listed(name, 200_000));
    let all = page(None, None, names.to_vec());
    let rules = [&all, &other_run, &by_hand, &same_run, &none];
    let found_own = found(&decision, &rules).await;
    assert_eq!(self::names(&found_own), [same]);
}

/// Where each object has its run, that of another object has nothing of this one.
#[tokio::test]
async fn another_objects_run_does_not_count() {
    let decision = decision(0);
    let hash = "0123456789abcdef0123456789abcdef";
    let [own, other] = [
        format!("orders-{hash}"),
        format!("orders-{}", hash.replace('0', "1")),
    ];
    let all = page(None, None, vec![listed(&own, 20), listed(&other, 10)]);
    let given = |key: &str| json!({"name": "orders", "object": {"bucket": "landing", "key": key}});
    let own_run = execution(&own, given("orders/a.csv"), json!({}));
    let other_run = execution(&other, given("orders/b.csv"), json!({}));
    let found = found(&decision, &[&all, &own_run, &other_run]).await;
    assert_eq!(names(&found), [own]);
}
