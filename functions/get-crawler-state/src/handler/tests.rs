use super::*;
use aws_sdk_glue::Client;
use aws_sdk_glue::config::{AsyncSleep, Sleep};
use aws_sdk_glue::error::ErrorMetadata;
use aws_sdk_glue::operation::get_crawler::GetCrawlerError;
use aws_sdk_glue::operation::list_crawls::ListCrawlsError;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::json;
use time::format_description::well_known::Rfc3339;

/// A whole answer of GetCrawler, as published for a crawler of the medallion tutorial.
const GET_CRAWLER: &str = include_str!("../../samples/get-crawler-stopping.json");
const LIST_CRAWLS: &str = include_str!("../../samples/list-crawls.json");

fn ok(body: String) -> HttpResponse {
    HttpResponse::new(
        StatusCode::try_from(200).expect("a status"),
        SdkBody::from(body),
    )
}

/// GetCrawler's sample answer, with another state and last crawl.
fn crawler(state: &str, last_crawl: Value) -> Rule {
    let mut answer: Value = serde_json::from_str(GET_CRAWLER).expect("JSON");
    answer["Crawler"]["State"] = state.into();
    answer["Crawler"]["LastCrawl"] = last_crawl;
    let answer = answer.to_string();
    mock!(Client::get_crawler).then_http_response(move || ok(answer.clone()))
}

fn last_crawl(status: &str) -> Value {
    json!({
        "Status": status, "StartTime": 1_660_896_085.0, "LogGroup": "/aws-glue/crawlers", "LogStream": "sales",
    })
}

fn history() -> Rule {
    entry(&json!({}))
}

/// ListCrawls' answer, with `changes` in its one entry.
fn entry(changes: &Value) -> Rule {
    let answer = listed(changes);
    mock!(Client::list_crawls).then_http_response(move || ok(answer.clone()))
}

fn listed(changes: &Value) -> String {
    let mut answer: Value = serde_json::from_str(LIST_CRAWLS).expect("JSON");
    for (field, value) in changes.as_object().expect("an object") {
        answer["Crawls"][0][field] = value.clone();
    }
    answer.to_string()
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
/// so does a rule that no call asks for, so each test also says which calls its path makes.
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

fn input() -> Value {
    json!({"crawlername": "sales"})
}

/// `$.state` is what existing machines read; while a crawl runs, the last one's details are not its own.
#[tokio::test]
async fn a_crawl_under_way_has_a_status_and_nothing_else() {
    let nothing = mock!(Client::get_crawler).then_http_response(|| ok(GET_CRAWLER.to_owned()));
    assert_eq!(
        answer(&[&nothing], input()).await,
        Ok(json!({
            "crawlername": "sales", "state": "STOPPING", "elapsedSeconds": 49, "pollSeconds": 10,
            "crawl": {
                "status": "RUNNING", "startTime": null, "endTime": null, "crawlId": null, "dpuHours": null,
                "errorMessage": null, "logGroup": null, "logStream": null, "tables": null, "partitions": null,
            },
        }))
    );
}

/// A finished crawl carries its own counts, cost and id, not the crawler's.
#[tokio::test]
async fn a_finished_crawl_is_told_in_full() {
    let one = json!({"created": 1, "updated": 0, "deleted": 0});
    let rules = [crawler("READY", last_crawl("SUCCEEDED")), history()];
    let response = answer(&rules.each_ref(), input()).await.expect("a verdict");
    assert_eq!(
        response["crawl"],
        json!({
            "status": "SUCCEEDED", "startTime": "2022-08-19T08:01:25Z", "endTime": "2022-08-19T08:02:57Z",
            "crawlId": "62ef7b9f-e54d-4b54-805c-d29e905ac4e4", "dpuHours": 0.083, "errorMessage": null,
            "logGroup": "/aws-glue/crawlers", "logStream": "sales", "tables": one, "partitions": one,
        })
    );
    assert_eq!(response["state"], "READY");
}

/// The history is a detail: without it the verdict stands.
#[tokio::test]
async fn without_a_history_the_details_are_null_and_the_verdict_stands() {
    let denied = || {
        mock!(Client::list_crawls).then_error(|| {
            ListCrawlsError::generic(
                ErrorMetadata::builder()
                    .code("AccessDeniedException")
                    .build(),
            )
        })
    };
    let empty =
        || mock!(Client::list_crawls).then_http_response(|| ok(r#"{"Crawls": []}"#.to_owned()));
    let other = || {
        mock!(Client::list_crawls).then_http_response(|| {
            ok(
                r#"{"Crawls": [{"CrawlId": "x", "StartTime": 1660896086.0, "Summary": "{}"}]}"#
                    .to_owned(),
            )
        })
    };
    let running = entry(&json!({"State": "RUNNING", "EndTime": null, "DPUHour": 0.04}));
    for history in [denied(), empty(), other(), running] {
        let rules = [crawler("READY", last_crawl("SUCCEEDED")), history];
        let crawl = answer(&rules.each_ref(), input()).await.expect("a verdict")["crawl"].take();
        assert_eq!(
            (&crawl["status"], &crawl["logStream"]),
            (&json!("SUCCEEDED"), &json!("sales"))
        );
        for field in ["crawlId", "endTime", "dpuHours", "tables", "partitions"] {
            assert_eq!(crawl[field], Value::Null, "{field}");
        }
    }
}

/// What the history has is told, even where what the crawl changed cannot be read from it.
#[tokio::test]
async fn without_a_readable_summary_only_the_counts_are_null() {
    let garbled = entry(&json!({"Summary": "{\"TABLE\": \"garbage\"}"}));
    let rules = [crawler("READY", last_crawl("SUCCEEDED")), garbled];
    let crawl = answer(&rules.each_ref(), input()).await.expect("a verdict")["crawl"].take();
    assert_eq!(
        (&crawl["dpuHours"], &crawl["tables"], &crawl["partitions"]),
        (
            &json!(0.083),
            &Value::Null,
            &json!({"created": 0, "updated": 0, "deleted": 0})
        )
    );
}

/// GetCrawler may round a start up, to a moment after the one that the history has.
#[tokio::test]
async fn the_entry_of_a_crawl_that_began_a_little_earlier_is_found() {
    let filtered = mock!(Client::list_crawls)
        .match_requests(|request| {
            let since = request.filters()[0].field_value();
            since.is_some_and(|since| since <= "1660896084600")
        })
        .then_http_response(|| ok(listed(&json!({"StartTime": 1_660_896_084.6}))));
    let rules = [crawler("READY", last_crawl("SUCCEEDED")), filtered];
    let crawl = answer(&rules.each_ref(), input()).await.expect("a verdict")["crawl"].take();
    assert_eq!(crawl["crawlId"], "62ef7b9f-e54d-4b54-805c-d29e905ac4e4");
    assert_eq!(crawl["startTime"], "2022-08-19T08:01:25Z");
}

/// Lambda's own timeout is an untyped error: a Glue that does not answer in time must be named.
#[tokio::test]
async fn a_call_beyond_the_deadline_is_given_up() {
    let throttled = mock!(Client::get_crawler).then_http_response(|| {
        HttpResponse::new(
            StatusCode::try_from(400).expect("a status"),
            SdkBody::from(r#"{"__type": "ThrottlingException"}"#),
        )
    });
    let rules = [&throttled];
    let answer = answer_by(0, &rules, input());
    let answer = tokio::time::timeout(Duration::from_secs(9), answer).await;
    assert_eq!(
        answer.expect("an end"),
        Err((
            "GlueUnreachable".to_owned(),
            "crawler sales: Glue answered too slowly for the function's timeout".to_owned()
        ))
    );
}

/// READY is not success: the failure and Glue's own words must come through.
#[tokio::test]
async fn a_failed_crawl_says_why() {
    let mut failed = last_crawl("FAILED");
    failed["ErrorMessage"] = "Internal Service Exception".into();
    let rules = [crawler("READY", failed), history()];
    let crawl = answer(&rules.each_ref(), input()).await.expect("a verdict")["crawl"].take();
    assert_eq!(crawl["status"], "FAILED");
    assert_eq!(crawl["errorMessage"], "Internal Service Exception");
}

/// A status that Glue invents later must not pass as success, and must be seen.
#[tokio::test]
async fn a_status_unknown_to_us_is_a_failure_with_its_name() {
    for (last, message) in [
        (
            last_crawl("PAUSED"),
            "Glue reports the crawl's status as PAUSED",
        ),
        (
            json!({"StartTime": 1_660_896_085.0}),
            "Glue reports no status of the crawl",
        ),
    ] {
        let rules = [crawler("READY", last), history()];
        let crawl = answer(&rules.each_ref(), input()).await.expect("a verdict")["crawl"].take();
        assert_eq!(
            (&crawl["status"], &crawl["errorMessage"]),
            (&json!("FAILED"), &json!(message))
        );
    }
}

/// The crawl from before must not be taken for ours; null means that there was none before.
#[tokio::test]
async fn the_crawl_from_before_is_pending() {
    for (last, previous, status) in [
        (
            last_crawl("SUCCEEDED"),
            json!("2022-08-19T08:01:25Z"),
            "PENDING",
        ),
        (
            last_crawl("SUCCEEDED"),
            json!("2022-08-19T10:01:25+02:00"),
            "PENDING",
        ),
        (Value::Null, Value::Null, "PENDING"),
    ] {
        let mut input = input();
        input["previousCrawl"] = previous;
        let response = answer(&[&crawler("READY", last)], input)
            .await
            .expect("a verdict");
        assert_eq!(response["crawl"]["status"], status);
        assert_eq!(response["crawl"]["startTime"], Value::Null);
    }
    let never_ran = answer(&[&crawler("READY", Value::Null)], input())
        .await
        .expect("a verdict");
    assert_eq!(never_ran["crawl"]["status"], "NONE");
}

/// Others restart a crawler in demand at once: the awaited crawl is done all the same, and told in full.
#[tokio::test]
async fn a_crawl_that_succeeded_counts_while_the_next_one_runs() {
    let mut input = input();
    input["requestedAt"] = "2022-08-19T08:00:00Z".into();
    let rules = [crawler("RUNNING", last_crawl("SUCCEEDED")), history()];
    let response = answer(&rules.each_ref(), input).await.expect("a verdict");
    assert_eq!(
        (&response["state"], &response["crawl"]["status"]),
        (&json!("RUNNING"), &json!("SUCCEEDED"))
    );
    assert_eq!(response["crawl"]["startTime"], "2022-08-19T08:01:25Z");
}

/// With an estimate the next look comes half-way to the end.
#[tokio::test]
async fn the_estimate_sets_the_pause() {
    let mut input = input();
    input["expectedSeconds"] = 69.5.into();
    let response = answer(&[&crawler("RUNNING", Value::Null)], input)
        .await
        .expect("a verdict");
    assert_eq!(response["pollSeconds"], 11);
}

/// A machine's own bounds reach the pause, whatever the function's settings are.
#[tokio::test]
async fn the_input_bounds_the_pause() {
    let mut input = input();
    input["expectedSeconds"] = 69.5.into();
    input["pollMaxSeconds"] = 7.into();
    let response = answer(&[&crawler("RUNNING", Value::Null)], input)
        .await
        .expect("a verdict");
    assert_eq!(response["pollSeconds"], 7);
}

/// Who is told of ends looks for safety only; but soon after an announcement that the look does not confirm yet.
#[tokio::test]
async fn who_is_told_of_ends_looks_seldom_but_after_an_announcement() {
    let now = OffsetDateTime::now_utc()
        .format(&Rfc3339)
        .expect("a moment");
    for (announced, pause) in [
        (Value::Null, 60),
        (json!("2022-08-19T08:00:00Z"), 60),
        (json!(now), 5),
    ] {
        let mut input = input();
        input["endsAnnounced"] = true.into();
        input["announcedAt"] = announced;
        input["pollMaxSeconds"] = 300.into();
        let response = answer(&[&crawler("RUNNING", Value::Null)], input)
            .await
            .expect("a verdict");
        assert_eq!(response["pollSeconds"], pause);
    }
}

/// Existing Catch clauses name boto3's exceptions.
#[tokio::test]
async fn errors_pass_through() {
    let missing = mock!(Client::get_crawler).then_error(|| {
        GetCrawlerError::generic(
            ErrorMetadata::builder()
                .code("EntityNotFoundException")
                .message("Crawler sales not found.")
                .build(),
        )
    });
    let (error_type, message) = answer(&[&missing], input()).await.expect_err("missing");
    assert_eq!(error_type, "EntityNotFoundException");
    assert!(
        message.starts_with("crawler sales: Crawler sales not found."),
        "{message}"
    );
}

/// A machine that names the crawler its own way reads the name from the answer in the same way, and may hand
/// start-crawler's answer over whole.
#[tokio::test]
async fn the_name_comes_back_under_the_callers_key() {
    let input = json!({
        "CRAWLER_NAME": "sales", "crawlername": "sales", "outcome": "STARTED", "state": "RUNNING",
        "previousCrawl": null, "expectedSeconds": null, "pollSeconds": 5,
    });
    let response = answer(&[&crawler("RUNNING", json!(null))], input)
        .await
        .expect("an answer");
    assert_eq!(response["CRAWLER_NAME"], "sales");
}

/// Bad input must be named before Glue is asked.
#[tokio::test]
async fn bad_input_names_its_field() {
    for (input, message) in [
        (json!(null), "input: must be an object"),
        (json!({}), "crawlername: is missing"),
        (
            json!({"crawlername": "a", "previousCrawl": "never"}),
            "previousCrawl: must be a moment",
        ),
        (
            json!({"crawlername": "a", "previousCrawl": 0}),
            "previousCrawl: must be a string",
        ),
        (
            json!({"crawlername": "a", "expectedSeconds": -1}),
            "expectedSeconds: must be a number of seconds",
        ),
        (
            json!({"crawlername": "a", "expectedSeconds": "9"}),
            "expectedSeconds: must be a number of seconds",
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
        include_str!("../../events/state.json"),
        include_str!("../../events/await-crawl.json"),
    ] {
        let payload = serde_json::from_str(event).expect("JSON");
        assert!(Request::parse(&payload).is_ok(), "{event}");
    }
}
