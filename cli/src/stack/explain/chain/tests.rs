mod advice;

use event::decision;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use time::OffsetDateTime;

use super::*;
use crate::stack::explain::concern::{Concern, Source};
use crate::stack::explain::facts::{Concerned, Parked};
use crate::stack::explain::runs::{Found, Run, Standing};
use crate::stack::{Format, Home, Options};

/// 2026-01-01T00:00:30Z.
const WRITTEN: i64 = 1_767_225_630;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(WRITTEN + seconds).expect("it is in range")
}

fn written() -> Written {
    Written {
        at: at(0),
        size: 5,
        in_parts: false,
    }
}

fn concerned(pipeline: &str, coalesce_seconds: u32, runs: Vec<Run>) -> Concerned {
    let event = json!({
        "source": "aws.s3", "detail-type": "Object Created",
        "detail": {"bucket": {"name": "landing"}, "object": {"key": "orders/a.csv"}},
    });
    let input = json!({"event": event, "pipeline": pipeline, "coalesceSeconds": coalesce_seconds});
    let handled = OffsetDateTime::from_unix_timestamp(WRITTEN).expect("it is in range");
    Concerned {
        concern: Concern {
            rule: format!("{pipeline}-rule"),
            is_enabled: true,
            source: Source::Both,
            pipeline: pipeline.to_owned(),
            given: json!({"name": pipeline, "stages": [{"steps": [{"job": "load"}]}]}),
            has_own_window: false,
            judged: decision::decide(&input, handled).map_err(|refusal| refusal.to_string()),
        },
        found: Some(Ok(Found {
            runs,
            ..Found::default()
        })),
    }
}

fn run(name: &str, standing: Standing) -> Run {
    Run {
        name: name.to_owned(),
        arn: format!("arn:aws:states:eu-west-1:123456789012:execution:etl-pipeline:{name}"),
        began: at(1),
        ended: None,
        date: None,
        standing,
        instead_of: Vec::new(),
    }
}

fn failed(name: &str) -> Run {
    let why = "JobFailed: no memory".to_owned();
    run(name, Standing::Failed { why })
}

/// An hour after an object was written for which there is no run.
fn facts() -> Facts {
    Facts {
        url: "s3://landing/orders/a.csv".parse().expect("an object"),
        home: Home {
            partition: "aws".to_owned(),
            region: "eu-west-1".to_owned(),
            account: "123456789012".to_owned(),
            stack: "etl".to_owned(),
        },
        now: at(3_600),
        bucket: Ok(Bucket::Sends),
        object: Ok(Object::There(written())),
        concerned: Ok(vec![concerned("orders", 60, Vec::new())]),
        coalesce_seconds: Ok(Some(60)),
        places: Vec::new(),
        parked: Some(Ok(Parked::default())),
    }
}

fn with_runs(runs: Vec<Run>) -> Facts {
    Facts {
        concerned: Ok(vec![concerned("orders", 60, runs)]),
        ..facts()
    }
}

fn told(facts: &Facts) -> Report {
    let options = Options {
        stack: "etl".to_owned(),
        region: Some("eu-west-1".to_owned()),
        profile: Some("data ops".to_owned()),
        endpoint_url: None,
        format: Format::Text,
    };
    report(facts, &Commands::new(&options))
}

fn commands(report: &Report) -> Vec<&str> {
    let commands = report
        .next
        .iter()
        .filter_map(|next| next.command.as_deref());
    commands.collect()
}

/// The first run that succeeded counts, then one under way, then the last that failed.
#[test]
fn the_best_run_decides() {
    let done = || run("done", Standing::Succeeded);
    let busy = || run("busy", Standing::Runs { state: None });
    for (runs, verdict, name) in [
        (
            vec![failed("first"), busy(), done()],
            Verdict::Covered,
            "done",
        ),
        (vec![failed("first"), busy()], Verdict::Coming, "busy"),
        (
            vec![failed("first"), failed("last")],
            Verdict::NotCovered,
            "last",
        ),
    ] {
        let report = told(&with_runs(runs));
        assert_eq!(report.verdict, verdict);
        assert!(report.says.contains(name), "{report}");
        assert!(report.to_string().contains("first"), "{report}");
    }
}

/// Of pipelines that are to have the object the worst counts; one that is not to have it does not, unless it is alone.
#[test]
fn the_worst_pipeline_decides() {
    let covered = || concerned("a", 60, vec![run("done", Standing::Succeeded)]);
    let missing = || concerned("b", 60, Vec::new());
    let ignored = || {
        let mut ignored = concerned("c", 60, Vec::new());
        if let Ok(decision) = &mut ignored.concern.judged {
            decision.matched = false;
            decision.reason = Some("too small".to_owned());
        }
        ignored
    };
    for (pipelines, verdict, says) in [
        (vec![covered(), ignored()], Verdict::Covered, "a: "),
        (vec![covered(), missing()], Verdict::NotCovered, "b: "),
        (vec![ignored()], Verdict::NotCovered, "too small"),
    ] {
        let concerned = Ok(pipelines);
        let report = told(&Facts {
            concerned,
            ..facts()
        });
        assert_eq!(report.verdict, verdict);
        assert!(report.says.contains(says), "{report}");
    }
}

/// For minutes an event may be on its way, by CloudTrail longer; after 90 days nobody knows any more.
#[test]
fn without_a_run_the_age_decides() {
    for (source, minutes, verdict) in [
        (Source::Both, 4, Verdict::Coming),
        (Source::Both, 6, Verdict::NotCovered),
        (Source::CloudTrail, 6, Verdict::Coming),
        (Source::CloudTrail, 21, Verdict::NotCovered),
        (Source::Both, 89 * 24 * 60, Verdict::NotCovered),
        (Source::Both, 91 * 24 * 60, Verdict::Unknown),
    ] {
        let mut concerned = concerned("orders", 60, Vec::new());
        concerned.concern.source = source;
        let report = told(&Facts {
            now: at(0) + SignedDuration::from_mins(minutes),
            concerned: Ok(vec![concerned]),
            ..facts()
        });
        assert_eq!(report.verdict, verdict, "{minutes} {report}");
    }
}

/// A window whose length nobody could look up is a guess.
#[test]
fn a_window_of_unknown_length_is_told_as_that() {
    let denied = || Err("states:DescribeStateMachine is denied".to_owned());
    for (has_own_window, mark) in [(true, Mark::Fine), (false, Mark::Unknown)] {
        let mut concerned = concerned("orders", 60, Vec::new());
        concerned.concern.has_own_window = has_own_window;
        let report = told(&Facts {
            coalesce_seconds: denied(),
            concerned: Ok(vec![concerned]),
            ..facts()
        });
        let mut links = report.pipelines[0].links.iter();
        let window = links.find(|link| link.name == "window");
        assert_eq!(window.map(|link| link.mark), Some(mark), "{report}");
    }
}

/// In another Region nothing can be found, and looking on would mislead.
#[test]
fn a_bucket_in_another_region_ends_the_chain() {
    let report = told(&Facts {
        bucket: Ok(Bucket::Elsewhere(Some("us-east-1".to_owned()))),
        object: Err("moved".to_owned()),
        ..facts()
    });
    assert_eq!(report.verdict, Verdict::NotCovered);
    assert!(report.says.contains("landing is in us-east-1"), "{report}");
    assert_eq!((report.links.len(), report.pipelines.len()), (1, 0));
}

/// S3 tells only when an upload in parts began: the answer must not claim more.
#[test]
fn an_upload_in_parts_is_covered_with_a_reservation() {
    let mut facts = with_runs(vec![run("done", Standing::Succeeded)]);
    let in_parts = true;
    facts.object = Ok(Object::There(Written {
        in_parts,
        ..written()
    }));
    let report = told(&facts);
    assert_eq!(report.verdict, Verdict::Covered);
    let reservation = "if its last part was there by 2026-01-01 00:01:00 UTC";
    assert!(report.says.contains(reservation), "{report}");
}

/// A queue that is hidden in part may hold the event: that is told, not passed over.
#[test]
fn hidden_messages_are_told_of() {
    let hidden = Parked {
        reason: None,
        has_hidden: true,
    };
    let report = told(&Facts {
        parked: Some(Ok(hidden)),
        ..facts()
    });
    let links = &report.pipelines[0].links;
    assert!(
        links
            .iter()
            .any(|link| link.name == "queue" && link.mark == Mark::Unknown)
    );
}

/// What nobody may look at is told with the permission; whether a run has it is then not known.
#[test]
fn what_could_not_be_looked_at_leaves_the_rest() {
    let denied = || Err("s3:ListBucket is denied".to_owned());
    let mut unknown = concerned("orders", 60, Vec::new());
    unknown.found = None;
    let report = told(&Facts {
        object: denied(),
        concerned: Ok(vec![unknown]),
        parked: None,
        ..facts()
    });
    assert_eq!(report.verdict, Verdict::Unknown);
    assert!(
        report
            .to_string()
            .contains("? object  s3:ListBucket is denied")
    );
    assert!(report.to_string().contains("✓ filter"));
}
