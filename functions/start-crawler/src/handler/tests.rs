use super::*;
use aws_sdk_glue::Client;
use aws_sdk_glue::config::{AsyncSleep, Sleep};
use aws_sdk_glue::error::ErrorMetadata;
use aws_sdk_glue::operation::get_crawler::GetCrawlerOutput;
use aws_sdk_glue::operation::get_crawler_metrics::GetCrawlerMetricsOutput;
use aws_sdk_glue::operation::list_crawls::ListCrawlsError;
use aws_sdk_glue::operation::list_crawls::ListCrawlsOutput;
use aws_sdk_glue::operation::start_crawler::StartCrawlerError;
use aws_sdk_glue::primitives::DateTime;
use aws_sdk_glue::types::{
    Crawler, CrawlerHistory, CrawlerHistoryState, CrawlerMetrics, CrawlerState as State,
    LastCrawlInfo, LastCrawlStatus,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::json;
use std::time::SystemTime;
use tokio::time::Instant;

/// 2026-11-20T00:00:00Z, the moment that the requests below ask for.
const REQUESTED: i64 = 1_795_132_800;

/// GetCrawler's answer; `last` is the last crawl's status and its start, in seconds after the request.
fn crawler(state: State, last: Option<(LastCrawlStatus, i64)>) -> Rule {
    mock!(Client::get_crawler).then_output(move || {
        let last = last.clone().map(|(status, start)| {
            LastCrawlInfo::builder()
                .status(status)
                .start_time(DateTime::from_secs(REQUESTED + start))
                .build()
        });
        let crawler = Crawler::builder()
            .state(state.clone())
            .crawl_elapsed_time(30_000)
            .set_last_crawl(last);
        GetCrawlerOutput::builder().crawler(crawler.build()).build()
    })
}

fn started() -> Rule {
    mock!(Client::start_crawler).then_http_response(|| http(200, "{}"))
}

fn http(status: u16, body: &'static str) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("a status");
    let mut answer = HttpResponse::new(status, SdkBody::from(body));
    answer.headers_mut().insert("x-amzn-requestid", "req-1");
    answer
}

fn refused(code: &'static str) -> Rule {
    mock!(Client::start_crawler).then_error(move || {
        StartCrawlerError::generic(ErrorMetadata::builder().code(code).message("No.").build())
    })
}

fn crawls(state: CrawlerHistoryState, start: i64) -> Rule {
    mock!(Client::list_crawls).then_output(move || {
        let start = DateTime::from_secs(REQUESTED + start);
        ListCrawlsOutput::builder()
            .crawls(
                CrawlerHistory::builder()
                    .state(state.clone())
                    .start_time(start)
                    .build(),
            )
            .build()
    })
}

fn median(seconds: f64) -> Rule {
    mock!(Client::get_crawler_metrics).then_output(move || {
        let metrics = CrawlerMetrics::builder()
            .crawler_name("orders")
            .median_runtime_seconds(seconds)
            .build();
        GetCrawlerMetricsOutput::builder()
            .crawler_metrics_list(metrics)
            .build()
    })
}

/// Before it tries a call again, the SDK waits for ever: a call that Glue throttles hangs.
#[derive(Debug)]
struct Endless;

impl AsyncSleep for Endless {
    fn sleep(&self, _: Duration) -> Sleep {
        Sleep::new(std::future::pending())
    }
}

/// The answer to `input`, or the error's type and message. A call that `rules` don't foresee panics, and
/// so does a rule that no call asks for, so each test also says which calls its path makes, and in which
/// order.
async fn answer(rules: &[&Rule], input: Value) -> Result<Value, (String, String)> {
    answer_by(u64::MAX, rules, input).await
}

/// The answer that Lambda waits for until `deadline`, in milliseconds since 1970.
async fn answer_by(
    deadline: u64,
    rules: &[&Rule],
    input: Value,
) -> Result<Value, (String, String)> {
    let glue = Glue::from(mock_client!(
        aws_sdk_glue,
        RuleMode::Sequential,
        rules,
        |config| config.sleep_impl(Endless)
    ));
    let mut context = lambda_runtime::Context::default();
    context.deadline = deadline;
    let event = LambdaEvent::new(input, context);
    let result = handle(&glue, event).await;
    for rule in rules {
        assert!(rule.num_calls() > 0, "{rule:?} was not asked for");
    }
    match result {
        Ok(response) => Ok(serde_json::to_value(response).expect("a response is JSON")),
        Err(error) => {
            let diagnostic = lambda_runtime::Diagnostic::from(error);
            Err((diagnostic.error_type, diagnostic.error_message))
        }
    }
}

fn request() -> Value {
    json!({"crawlername": "orders", "requestedAt": "2026-11-20T01:00:00+01:00"})
}

/// The drop-in: one StartCrawler call and no other, whatever the crawler is doing.
#[tokio::test]
async fn without_a_moment_it_is_the_python_lambda() {
    let start = started();
    let expected = json!({
        "crawlername": "orders", "outcome": "STARTED", "state": "RUNNING",
        "previousCrawl": null, "expectedSeconds": null, "pollSeconds": 5,
    });
    assert_eq!(
        answer(&[&start], json!({"crawlername": "orders"})).await,
        Ok(expected.clone())
    );
    let null = json!({"crawlername": "orders", "requestedAt": null});
    assert_eq!(answer(&[&started()], null).await, Ok(expected));
    assert_eq!(start.num_calls(), 1);
}

/// Existing Retry and Catch clauses name boto3's exceptions.
#[tokio::test]
async fn without_a_moment_errors_pass_through() {
    for code in [
        "CrawlerRunningException",
        "EntityNotFoundException",
        "AccessDeniedException",
    ] {
        let (error_type, message) = answer(&[&refused(code)], json!({"crawlername": "orders"}))
            .await
            .expect_err("a refusal");
        assert_eq!(error_type, code);
        assert!(message.starts_with("crawler orders: No."), "{message}");
    }
}

/// The last crawl's start is what tells the new crawl apart; the median is what the first pause is made of.
#[tokio::test]
async fn a_ready_crawler_is_started_and_its_last_crawl_remembered() {
    let rules = [
        crawler(State::Ready, Some((LastCrawlStatus::Succeeded, -60))),
        started(),
        median(61.5),
    ];
    assert_eq!(
        answer(&rules.each_ref(), request()).await,
        Ok(json!({
            "crawlername": "orders", "outcome": "STARTED", "state": "RUNNING",
            "previousCrawl": "2026-11-19T23:59:00Z", "expectedSeconds": 61.5, "pollSeconds": 31,
        }))
    );
}

/// A machine's own bounds reach the pause, whatever the function's settings are.
#[tokio::test]
async fn the_input_bounds_the_pause() {
    let rules = [crawler(State::Ready, None), started(), median(0.0)];
    let mut input = request();
    input["pollMinSeconds"] = 2.into();
    let response = answer(&rules.each_ref(), input).await.expect("a crawl");
    assert_eq!(response["pollSeconds"], 2);
}

/// A crawler that never ran has no predecessor and no median, and is started all the same.
#[tokio::test]
async fn a_crawler_that_never_ran_is_started() {
    let rules = [crawler(State::Ready, None), started(), median(0.0)];
    let response = answer(&rules.each_ref(), request()).await.expect("a crawl");
    assert_eq!(
        (&response["previousCrawl"], &response["expectedSeconds"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(response["pollSeconds"], 5);
}

/// A retry after a lost response finds its own crawl done: nothing is started twice.
#[tokio::test]
async fn a_fresh_crawl_that_succeeded_satisfies() {
    let rules = [crawler(State::Ready, Some((LastCrawlStatus::Succeeded, 0)))];
    assert_eq!(
        answer(&rules.each_ref(), request()).await,
        Ok(json!({
            "crawlername": "orders", "outcome": "SATISFIED", "state": "READY",
            "previousCrawl": null, "expectedSeconds": null, "pollSeconds": 0,
        }))
    );
}

/// While another crawl is under way already, the history shows that ours is done.
#[tokio::test]
async fn a_fresh_crawl_in_the_history_satisfies() {
    let last = Some((LastCrawlStatus::Succeeded, 5));
    let rules = [
        crawler(State::Running, last),
        crawls(CrawlerHistoryState::Completed, 5),
    ];
    let response = answer(&rules.each_ref(), request())
        .await
        .expect("satisfied");
    assert_eq!(
        (&response["outcome"], &response["state"]),
        (&json!("SATISFIED"), &json!("RUNNING"))
    );
}

/// A retry after a lost response joins its own crawl instead of failing.
#[tokio::test]
async fn a_fresh_crawl_under_way_is_joined() {
    let last = Some((LastCrawlStatus::Failed, -600));
    let rules = [
        crawler(State::Running, last),
        crawls(CrawlerHistoryState::Running, 1),
        median(60.0),
    ];
    assert_eq!(
        answer(&rules.each_ref(), request()).await,
        Ok(json!({
            "crawlername": "orders", "outcome": "JOINED", "state": "RUNNING",
            "previousCrawl": "2026-11-20T00:00:00Z", "expectedSeconds": 60.0, "pollSeconds": 15,
        }))
    );
}

/// A crawl that began before the data landed would pass as fresh: the caller comes back when it may have ended.
/// Half the distance to its estimated end is (90 - 30) / 2.
#[tokio::test]
async fn an_older_crawl_under_way_is_busy_until_its_estimated_end() {
    let rules = [
        crawler(State::Stopping, None),
        crawls(CrawlerHistoryState::Running, -1),
        median(90.0),
    ];
    let expected = json!({
        "crawlername": "orders", "outcome": "BUSY", "state": "STOPPING",
        "previousCrawl": null, "expectedSeconds": 90.0, "pollSeconds": 30,
    });
    assert_eq!(answer(&rules.each_ref(), request()).await, Ok(expected));
}

/// Who is told of ends looks soon all the same: an end that was announced before the caller waited is missed. For an
/// older crawl the looks began with the request, which was long ago.
#[tokio::test]
async fn who_is_told_of_ends_looks_soon_and_then_seldom() {
    let told = || {
        let mut input = request();
        input["endsAnnounced"] = true.into();
        input["pollMaxSeconds"] = 300.into();
        input
    };
    let running = || crawler(State::Running, None);
    let history = |began| crawls(CrawlerHistoryState::Running, began);
    for (rules, outcome, pause) in [
        (
            vec![crawler(State::Ready, None), started(), median(0.0)],
            "STARTED",
            5,
        ),
        (vec![running(), history(1), median(0.0)], "JOINED", 5),
        (vec![running(), history(-1), median(0.0)], "BUSY", 60),
    ] {
        let rules: Vec<_> = rules.iter().collect();
        let response = answer(&rules, told()).await.expect("an answer");
        assert_eq!(
            (&response["outcome"], &response["pollSeconds"]),
            (&json!(outcome), &json!(pause))
        );
    }
}

/// Without permission to look, nothing is proven, and nothing else goes wrong.
#[tokio::test]
async fn a_denied_history_proves_nothing() {
    let denied = mock!(Client::list_crawls).then_error(|| {
        ListCrawlsError::generic(
            ErrorMetadata::builder()
                .code("AccessDeniedException")
                .build(),
        )
    });
    let rules = [crawler(State::Running, None), denied, median(0.0)];
    let response = answer(&rules.each_ref(), request()).await.expect("busy");
    assert_eq!(response["outcome"], "BUSY");
}

/// Between our look and our start somebody else started the crawler: their crawl is fresh for us too.
#[tokio::test]
async fn a_lost_race_is_looked_at_again_and_joined() {
    let rules = [
        crawler(State::Ready, None),
        refused("CrawlerRunningException"),
        crawler(State::Running, None),
        crawls(CrawlerHistoryState::Running, 1),
        median(0.0),
    ];
    let response = answer(&rules.each_ref(), request()).await.expect("joined");
    assert_eq!(response["outcome"], "JOINED");
}

/// A crawler that shows READY and refuses to start must not hold the function in a loop.
#[tokio::test]
async fn a_race_lost_again_and_again_ends() {
    let looks = [
        crawler(State::Ready, None),
        crawler(State::Ready, None),
        crawler(State::Ready, None),
    ];
    let starts = [(); LOOKS].map(|()| refused("CrawlerRunningException"));
    let rules: Vec<_> = looks
        .iter()
        .zip(&starts)
        .flat_map(|(look, start)| [look, start])
        .collect();
    let (error_type, _) = answer(&rules, request()).await.expect_err("running");
    assert_eq!(error_type, "CrawlerRunningException");
}

/// The estimate is a comfort: without it the crawl still counts as started.
#[tokio::test]
async fn a_missing_estimate_does_not_fail_a_started_crawl() {
    let denied = mock!(Client::get_crawler_metrics).then_error(|| {
        aws_sdk_glue::operation::get_crawler_metrics::GetCrawlerMetricsError::generic(
            ErrorMetadata::builder()
                .code("AccessDeniedException")
                .build(),
        )
    });
    let rules = [crawler(State::Ready, None), started(), denied];
    let response = answer(&rules.each_ref(), request()).await.expect("started");
    assert_eq!(
        (&response["outcome"], &response["expectedSeconds"]),
        (&json!("STARTED"), &Value::Null)
    );
}

/// A crawl that was started must not be told as failed because Glue keeps its estimate to itself until
/// time is up.
#[tokio::test(start_paused = true)]
async fn a_hanging_estimate_does_not_outlast_the_function() {
    let now = SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("a moment after 1970");
    let (begun, lambda_timeout) = (Instant::now(), Duration::from_secs(3));
    let deadline = u64::try_from((now + lambda_timeout).as_millis()).expect("a moment");
    let hanging = mock!(Client::get_crawler_metrics)
        .then_http_response(|| http(400, r#"{"__type": "ThrottlingException"}"#));
    let rules = [crawler(State::Ready, None), started(), hanging];
    let response = answer_by(deadline, &rules.each_ref(), request())
        .await
        .expect("started");
    assert_eq!(
        (&response["outcome"], &response["expectedSeconds"]),
        (&json!("STARTED"), &Value::Null)
    );
    let elapsed = begun.elapsed();
    assert!(elapsed < lambda_timeout, "{elapsed:?}");
}

/// The Python Lambda knows no limits: its callers' other fields do not concern us.
#[tokio::test]
async fn without_a_moment_other_fields_are_ignored() {
    let input = json!({"Crawler_Name": "orders", "timeoutSeconds": "600", "stopOnTimeout": 1});
    let response = answer(&[&started()], input).await.expect("started");
    assert_eq!(
        (&response["Crawler_Name"], &response["crawlername"]),
        (&json!("orders"), &json!("orders"))
    );
}

/// Bad input must be named before anything is started.
#[tokio::test]
async fn bad_input_names_its_field() {
    for (input, message) in [
        (json!("orders"), "input: must be an object"),
        (
            json!({"requestedAt": "2026-11-20T00:00:00Z"}),
            "crawlername: is missing",
        ),
        (
            json!({"crawlername": "orders", "requestedAt": "yesterday"}),
            "requestedAt: must be a moment",
        ),
        (
            json!({"crawlername": "orders", "requestedAt": 1}),
            "requestedAt: must be a string",
        ),
        (
            json!({"crawler": "b", "crawlername": "a"}),
            "crawlername: \"a\" contradicts crawler \"b\"",
        ),
        (
            json!({"crawlername": "a", "requestedAt": "2026-11-20T00:00:00Z", "timeoutSeconds": 1e306}),
            "timeoutSeconds: must be a whole number from 1 to 86400",
        ),
        (
            json!({"crawlername": "a", "requestedAt": "2026-11-20T00:00:00Z", "stopOnTimeout": "no"}),
            "stopOnTimeout: must be true or false",
        ),
    ] {
        let (error_type, text) = answer(&[], input).await.expect_err("bad input");
        assert_eq!(error_type, "InvalidRequest");
        assert!(text.starts_with(message), "{text}");
    }
}

/// The samples are what newcomers try first.
#[test]
fn the_sample_events_are_requests() {
    for event in [
        include_str!("../../events/start.json"),
        include_str!("../../events/ensure-fresh.json"),
    ] {
        let payload = serde_json::from_str(event).expect("JSON");
        assert!(Request::parse(&payload).is_ok(), "{event}");
    }
}
