use aws_sdk_sfn::operation::list_executions::ListExecutionsOutput;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

use super::find::newest;
use super::*;

/// 2026-01-31T02:00:00Z.
const START: i64 = 1_769_824_800;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).expect("it is in range")
}

fn date(seconds: i64) -> DateTime {
    DateTime::from_secs(START + seconds)
}

/// One that began and ended then, or runs.
fn item(name: &str, began: i64, ended: Option<i64>) -> ExecutionListItem {
    let status = if ended.is_some() {
        ExecutionStatus::Succeeded
    } else {
        ExecutionStatus::Running
    };
    ExecutionListItem::builder()
        .name(name)
        .execution_arn(name)
        .state_machine_arn("machine")
        .status(status)
        .start_date(date(began))
        .set_stop_date(ended.map(date))
        .build()
        .expect("nothing is missing")
}

/// A window's run, as trigger names it.
fn window(pipeline: &str, end: i64) -> String {
    format!(
        "{pipeline}-0123456789abcdef0123456789abcdef-{}",
        START + end
    )
}

/// The pages of a list, of which each has to be asked for.
fn pages(pages: &[&[ExecutionListItem]]) -> Vec<Rule> {
    let last = pages.len() - 1;
    let rules = pages.iter().enumerate().map(|(number, page)| {
        let page = page.to_vec();
        mock!(Client::list_executions).then_output(move || {
            let output = ListExecutionsOutput::builder().set_executions(Some(page.clone()));
            let next = (number < last).then(|| format!("page {number}"));
            output.set_next_token(next).build().expect("it has runs")
        })
    });
    rules.collect()
}

/// What a run says of itself.
fn told(name: &str, input: &'static str, output: &'static str) -> Rule {
    let (name, asked) = (name.to_owned(), name.to_owned());
    mock!(Client::describe_execution)
        .match_requests(move |request| request.execution_arn() == Some(asked.as_str()))
        .then_output(move || {
            let told = DescribeExecutionOutput::builder()
                .execution_arn(name.clone())
                .state_machine_arn("machine")
                .status(ExecutionStatus::Succeeded)
                .start_date(date(0))
                .input(input)
                .output(output);
            told.build().expect("nothing is missing")
        })
}

fn names(items: &[ExecutionListItem]) -> Vec<&str> {
    items.iter().map(ExecutionListItem::name).collect()
}

/// The run that ended last stands first, though it began before all others: those after it are listed all the same.
#[tokio::test]
async fn a_long_run_that_has_just_ended_hides_no_other() {
    let pages = pages(&[
        &[item("long", 0, Some(1_000)), item("newest", 900, Some(950))],
        &[item("new", 600, Some(700)), item("old", 100, Some(400))],
        &[item("beyond", 50, Some(60))],
    ]);
    let client = mock_client!(aws_sdk_sfn, RuleMode::Sequential, &pages);
    let progress = ProgressBar::hidden();
    let found = executions::since(&Stack::sample(), &client, None, at(500), &progress).await;
    assert_eq!(names(&found.expect("it is listed")), ["newest", "new"]);
    assert_eq!(pages[1].num_calls(), 1);
    assert_eq!(
        pages[2].num_calls(),
        0,
        "nothing there can have begun since"
    );
}

/// People follow what they have just started, not what has just ended.
#[tokio::test]
async fn the_newest_run_is_the_one_that_began_last() {
    for pipeline in [None, Some("orders")] {
        let orders = [10, 600, 900].map(|end| window("orders", end));
        let other = window("customers", 990);
        let pages = pages(&[
            &[item(&orders[0], 0, Some(2_000))],
            &[
                item(&orders[2], 900, Some(950)),
                item(&orders[1], 600, Some(940)),
            ],
            &[item(&other, 20, Some(30))],
        ]);
        let client = mock_client!(aws_sdk_sfn, RuleMode::Sequential, &pages);
        let found = newest(&Stack::sample(), &client, pipeline).await;
        assert_eq!(
            found.expect("it is found").as_deref(),
            Some(orders[2].as_str())
        );
        assert_eq!(
            pages[2].num_calls(),
            1,
            "one that began later may have ended before"
        );
    }
}

/// The run that it waited for began before all that is asked for, and tells all the same that it did nothing.
#[tokio::test]
async fn a_run_is_absorbed_however_early_the_run_before_began() {
    let [before, left, takes] = [60, 120, 180].map(|end| window("orders", end));
    let absorbed = told(&left, r#"{"name": "orders"}"#, r#"{"absorbedBy": "it"}"#);
    let client = mock_client!(aws_sdk_sfn, RuleMode::MatchAny, [&absorbed]);
    let listed = vec![
        item(&before, 0, Some(300)),
        item(&left, 120, Some(185)),
        item(&takes, 180, None),
    ];
    let rows = rows(
        &Stack::sample(),
        &client,
        listed,
        at(100),
        &ProgressBar::hidden(),
    )
    .await;
    let rows = rows.expect("they are told");
    let words: Vec<_> = rows.iter().map(|row| row.status.word()).collect();
    assert_eq!(words, ["running", "absorbed"]);
}

/// Names of runs cannot hold every pipeline's: one of a queue is asked, so that a pipeline has one name everywhere.
#[tokio::test]
async fn a_pipeline_has_one_name() {
    let ends = [0, 600, 1_200];
    let asked = told(&window("t-glich", ends[2]), r#"{"name": "täglich"}"#, "{}");
    let client = mock_client!(aws_sdk_sfn, RuleMode::MatchAny, [&asked]);
    let mut listed: Vec<_> = (ends.iter())
        .map(|end| item(&window("t-glich", *end), *end, Some(*end + 10)))
        .collect();
    listed.push(item(&window("orders", 0), 0, Some(10)));
    let rows = rows(
        &Stack::sample(),
        &client,
        listed,
        at(0),
        &ProgressBar::hidden(),
    )
    .await;
    let rows = rows.expect("they are told");
    let pipelines: Vec<_> = rows.iter().map(|row| row.pipeline.as_str()).collect();
    assert_eq!(pipelines, ["täglich", "täglich", "täglich", "orders"]);
    assert_eq!(asked.num_calls(), 1);
}
