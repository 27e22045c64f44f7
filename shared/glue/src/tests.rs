use super::*;
use aws_sdk_glue::operation::get_crawler::GetCrawlerOutput;
use aws_sdk_glue::operation::get_crawler_metrics::GetCrawlerMetricsOutput;
use aws_sdk_glue::operation::list_crawls::ListCrawlsOutput;
use aws_sdk_glue::types::{CrawlerHistory, CrawlerHistoryState, CrawlerMetrics};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use crawl::crawler::CrawlState;
use std::time::SystemTime;

fn orders() -> CrawlerName {
    CrawlerName::new("orders").expect("a legal name")
}

fn glue(rules: &[&Rule]) -> Glue {
    Glue::from(mock_client!(
        aws_sdk_glue,
        RuleMode::Sequential,
        rules,
        |config| config.retry_config(connect::retries())
    ))
}

/// An answer as it comes over the wire.
fn answer(status: u16, body: &'static str) -> HttpResponse {
    let mut response = HttpResponse::new(
        StatusCode::try_from(status).expect("a status"),
        SdkBody::from(body),
    );
    response.headers_mut().insert("x-amzn-requestid", "req-1");
    response.headers_mut().insert("x-secret", "hunter2");
    response
}

async fn refusal(status: u16, body: &'static str) -> Failure {
    let rule = mock!(Client::start_crawler).then_http_response(move || answer(status, body));
    glue(&[&rule])
        .start_crawler(&orders())
        .await
        .expect_err("a refusal")
}

/// `ErrorEquals` matches AWS's names only if they arrive as boto3 gives them, modelled or not.
#[tokio::test]
async fn aws_error_codes_pass_through_verbatim() {
    for code in [
        "EntityNotFoundException",
        "CrawlerRunningException",
        "AccessDeniedException",
        "SomethingNewException",
    ] {
        let body = format!(
            "{{\"__type\":\"{code}\",\"Message\":\"Crawler entry with name orders does not exist\"}}"
        );
        let error = refusal(400, body.leak()).await;
        assert_eq!(error.error_type(), code);
        assert_eq!(
            error.to_string(),
            "crawler orders: Crawler entry with name orders does not exist (AWS request req-1)"
        );
    }
}

/// A proxy's page is no answer of Glue's, and neither its body nor its headers may leak.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_glues_is_named_by_its_status_only() {
    for status in [200, 403, 503] {
        let page = move || {
            let mut page = answer(status, "<html>token=hunter2</html>");
            page.headers_mut().remove("x-amzn-requestid");
            page
        };
        let rule = mock!(Client::start_crawler).then_http_response(page);
        let started = glue(&[&rule]).start_crawler(&orders()).await;
        let error = started.expect_err("a page is no success");
        assert_eq!(error.error_type(), "GlueUnreachable", "{status}");
        assert!(
            error
                .to_string()
                .contains(&format!("HTTP status {status} without an answer of Glue's")),
            "{error}"
        );
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

/// Throttling is over in a moment most of the time: three attempts, then AWS's own name for it.
#[tokio::test(start_paused = true)]
async fn throttling_is_retried_by_the_sdk_and_then_named() {
    let throttled = || {
        answer(
            400,
            r#"{"__type":"ThrottlingException","Message":"Rate exceeded"}"#,
        )
    };
    let twice = mock!(Client::get_crawler)
        .sequence()
        .http_response(throttled)
        .times(2)
        .output(|| {
            GetCrawlerOutput::builder()
                .crawler(
                    aws_sdk_glue::types::Crawler::builder()
                        .state(aws_sdk_glue::types::CrawlerState::Ready)
                        .build(),
                )
                .build()
        })
        .build();
    let crawler = glue(&[&twice]).get_crawler(&orders()).await;
    assert_eq!((crawler.is_ok(), twice.num_calls()), (true, 3));

    let for_ever = mock!(Client::get_crawler)
        .sequence()
        .http_response(throttled)
        .repeatedly()
        .build();
    let error = glue(&[&for_ever])
        .get_crawler(&orders())
        .await
        .expect_err("throttled");
    assert_eq!(
        (error.error_type(), for_ever.num_calls()),
        ("ThrottlingException", 3)
    );
}

/// A state that nobody knows would keep callers polling for ever.
#[tokio::test]
async fn a_crawler_without_a_state_is_no_answer() {
    let stateless = mock!(Client::get_crawler).then_output(|| {
        GetCrawlerOutput::builder()
            .crawler(aws_sdk_glue::types::Crawler::builder().build())
            .build()
    });
    assert_eq!(
        glue(&[&stateless]).get_crawler(&orders()).await,
        Err(unreachable(&orders(), "GetCrawler's answer has no state"))
    );
}

/// A page left out could hold the very crawl that proves freshness.
#[tokio::test]
async fn all_pages_of_the_history_are_read_from_the_requested_millisecond_on() {
    let page = |token: Option<&str>, id: &str| {
        ListCrawlsOutput::builder()
            .crawls(
                CrawlerHistory::builder()
                    .crawl_id(id)
                    .state(CrawlerHistoryState::Completed)
                    .start_time(DateTime::from_secs_f64(1_661_000_000.123))
                    .build(),
            )
            .set_next_token(token.map(str::to_owned))
            .build()
    };
    let first = mock!(Client::list_crawls)
        .match_requests(|request| {
            let filter = &request.filters()[0];
            request.next_token().is_none()
                && filter.field_value() == Some("1661000000123")
                && filter.filter_operator() == Some(&FilterOperator::Ge)
        })
        .then_output(move || page(Some("more"), "1"));
    let second = mock!(Client::list_crawls)
        .match_requests(|request| request.next_token() == Some("more"))
        .then_output(move || page(None, "2"));
    let since =
        OffsetDateTime::from_unix_timestamp_nanos(1_661_000_000_123_000_000).expect("a time");
    let crawls = glue(&[&first, &second])
        .crawls_since(&orders(), since)
        .await
        .expect("two pages");
    let ids: Vec<_> = crawls
        .iter()
        .filter_map(|crawl| crawl.id.as_deref())
        .collect();
    assert_eq!(ids, ["1", "2"]);
    assert_eq!(
        (crawls[0].start_time, &crawls[0].state),
        (Some(since), &CrawlState::Completed)
    );
}

/// A crawler without a finished crawl has no estimate; 0 would make every poll come too early.
#[tokio::test]
async fn a_median_of_zero_is_no_estimate() {
    for (seconds, median) in [
        (0.0, None),
        (61.5, Some(Duration::from_millis(61_500))),
        (f64::NAN, None),
    ] {
        let rule = mock!(Client::get_crawler_metrics).then_output(move || {
            let metrics = CrawlerMetrics::builder()
                .crawler_name("orders")
                .median_runtime_seconds(seconds)
                .build();
            GetCrawlerMetricsOutput::builder()
                .crawler_metrics_list(metrics)
                .build()
        });
        assert_eq!(glue(&[&rule]).median_runtime(&orders()).await, Ok(median));
    }
}

/// A detail that a function can do without must not hold up its answer.
#[tokio::test(start_paused = true)]
async fn best_effort_gives_up_soon() {
    let deadline = SystemTime::now() + Duration::from_secs(30);
    let started = tokio::time::Instant::now();
    let silent = std::future::pending::<Result<(), Failure>>();
    assert_eq!(best_effort(&orders(), deadline, silent).await, None);
    assert_eq!(started.elapsed(), Duration::from_secs(3));
    let refused = std::future::ready(Err::<(), _>(unreachable(&orders(), "down")));
    assert_eq!(best_effort(&orders(), deadline, refused).await, None);
}

/// Lambda's own timeout is an untyped error: a slow Glue must be named before it strikes, and not long
/// before, for a slow answer is better than none.
#[tokio::test(start_paused = true)]
async fn work_ends_before_lambda_ends_the_function() {
    let deadline = SystemTime::now() + Duration::from_secs(30);
    let started = tokio::time::Instant::now();
    let silent = std::future::pending::<Result<(), Failure>>();
    let error = in_time(&orders(), deadline, silent)
        .await
        .expect_err("too late");
    assert_eq!(error.error_type(), "GlueUnreachable");
    let elapsed = started.elapsed();
    assert!((28..30).contains(&elapsed.as_secs()), "{elapsed:?}");
}
