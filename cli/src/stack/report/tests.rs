//! Pages of runs that were recorded on the local AWS, and of runs that no test can wait for.

use jiff::{SignedDuration, Timestamp};

mod hostile;
mod html;
mod long;

use html::{links, tags, words};

use super::super::Home;
use super::super::run::tests::Recorded;
use super::super::run::{Problem, Run, Standing};
use super::page::page;

fn home() -> Home {
    Home {
        partition: "aws".to_owned(),
        region: "eu-west-1".to_owned(),
        account: "123456789012".to_owned(),
        stack: "etl".to_owned(),
    }
}

fn rendered(run: &Run, now: Timestamp) -> String {
    page(run, &["older-one".to_owned()], &home(), now).expect("it can be rendered")
}

fn recorded(file: &str) -> String {
    let run = Recorded::load(file).run();
    let now = run.began + SignedDuration::from_mins(5);
    rendered(&run, now)
}

/// What people ask first: how it stands, why not, and where to look.
#[test]
fn a_failed_run_tells_where_and_why_with_its_logs() {
    let page = recorded("job-failed");
    let told = words(&page);
    assert!(told.contains("late ✗ failed"), "{told}");
    assert!(
        told.contains("JobFailed in stage 1 (part 1), step 2 job fail: no space left on /data")
    );
    assert!(told.contains("Steps 1 failed, 2 stopped"));
    let links = links(&page);
    let log = "#logsV2:log-groups/log-group/$252Faws-glue$252Fjobs$252Ferror/log-events/jr_";
    for part in [
        "/states/home?region=eu-west-1#/v2/executions/details/",
        "gluestudio/home",
        log,
    ] {
        assert!(
            links.iter().any(|link| link.contains(part)),
            "{part}: {links:?}"
        );
    }

    let told = words(&recorded("crawl-failed"));
    assert!(told.contains("CrawlFailed in stage 1 (part 1), step 1 crawler broken"));
    assert!(told.contains("Insufficient Lake Formation permissions"));
    assert!(told.contains("Stage 2 · part 2 ○ not begun"));
}

/// Each kind of work is told with what came of it and its page; attempts one by one, waits apart from them.
#[test]
fn each_part_of_a_run_is_told() {
    let page = recorded("succeeded");
    let told = words(&page);
    for part in [
        "✓ succeeded",
        "1.1 job load ✓ succeeded",
        "crawler tables ✓ succeeded: nothing changed",
        "1.2 function check",
        "1.3 query primary",
        "1.4 tell the others machine publish",
        "job fail optional attempt 1 of 2 ✗ failed",
        "paused before the next attempt",
        "waited for a turn",
        "crawler slow the run does not wait for it",
        "An optional step: JobFailed in stage 2 (part 2), step 1 job fail: no space left on /data",
        "7 succeeded, 1 failed (optional)",
        "objects that came from 2026-01-31 01:59:00 to 02:00:00 UTC",
        "Runs that left their windows to this one older-one",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let links = links(&page);
    for part in [
        "athena/home?region=eu-west-1#/query-editor/history/",
        "lambda/home?region=eu-west-1#/functions/check",
        "log-group/$252Faws$252Flambda$252Fcheck/log-events$3Fstart$3D",
        "#/v2/executions/details/arn:aws:states:eu-west-1:000000000000:execution:publish:",
        "log-group/$252Faws-glue$252Fcrawlers/log-events/slow",
    ] {
        assert!(
            links.iter().any(|link| link.contains(part)),
            "{part}: {links:?}"
        );
    }
}

/// Every end that a run can have says so at the top.
#[test]
fn each_end_is_told_first() {
    for (file, told) in [
        ("refused", "misspelt ✗ failed"),
        ("refused", "payload without a function"),
        ("timed-out", "PipelineTimedOut in stage 1 (part 1), step 1"),
        ("stopped", "stopped ■ stopped"),
        ("stopped", "Somebody stopped it Stopped: by the night shift"),
        ("running", "For a newer page: crawler-sync report stopped-"),
        ("absorbed", "queue → absorbed"),
        (
            "absorbed",
            "A newer run of the pipeline covers its window, too queue-",
        ),
        ("queued", "of it waiting for the run before"),
    ] {
        let words = words(&recorded(file));
        assert!(words.contains(told), "{file}: {words}");
    }
}

/// A crawl that failed after its run had succeeded is not overlooked.
#[test]
fn a_failed_crawl_that_nobody_awaited_is_told() {
    let mut run = Recorded::load("succeeded").run();
    let crawl = run.stages[2].steps[0].crawl.as_mut().expect("it has one");
    let crawling = crawl.execution.as_mut().expect("it has begun");
    let problem = Problem {
        error: "CrawlFailed".to_owned(),
        cause: "no access".to_owned(),
    };
    crawling.standing = Standing::Failed {
        ended: crawling.began,
        problem,
    };
    crawling.result = None;
    let told = words(&rendered(&run, run.began));
    assert!(told.contains("everything ✗ a crawl failed"), "{told}");
    assert!(told.contains(
        "A crawl that it does not wait for: CrawlFailed in stage 3 (part 3), step 1 no access"
    ));
}

/// Owners who were not told may wait for a message: a reader of the page can tell them.
#[test]
fn topics_that_were_not_told_are_named() {
    let mut run = Recorded::load("job-failed").run();
    run.untold = vec!["owners: SNS.AuthorizationErrorException".to_owned()];
    let told = words(&rendered(&run, run.began));
    let note = "Not everybody was told how it ended owners: SNS.AuthorizationErrorException";
    assert!(told.contains(note), "{told}");
}

/// A page asks nothing of anybody: no script, no request, and every link goes to the page itself or to AWS.
#[test]
fn a_page_needs_nothing_else() {
    let page = recorded("succeeded");
    let tags = tags(&page);
    for tag in &tags {
        assert_ne!(*tag.name, b"script"[..]);
        for (name, value) in &tag.attributes {
            let value = String::from_utf8_lossy(value);
            assert_ne!(**name, b"src"[..]);
            assert!(
                **name != b"href"[..]
                    || ["#", "data:,", "https://eu-west-1.console.aws.amazon.com/"]
                        .iter()
                        .any(|start| value.starts_with(start)),
                "{value}"
            );
        }
    }
    let ids: Vec<_> = tags
        .iter()
        .filter_map(|tag| tag.attributes.get(&b"id"[..]))
        .map(|id| format!("#{}", String::from_utf8_lossy(id)))
        .collect();
    for link in links(&page).iter().filter(|link| link.starts_with('#')) {
        assert_eq!(ids.iter().filter(|id| *id == link).count(), 1, "{link}");
    }
}
