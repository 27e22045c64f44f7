//! What is advised.

use super::*;

/// A copied command must not land in another account, Region or stack.
#[test]
fn commands_go_where_the_question_went() {
    let report = told(&facts());
    assert_eq!(report.verdict, Verdict::NotCovered);
    assert_eq!(
        commands(&report),
        [
            "crawler-sync run orders --date 2026-01-01 --stack etl --region eu-west-1 --profile 'data ops'"
        ]
    );
}

/// A bucket without EventBridge is the reason unless the rule waits for a trail; nothing is on its way.
#[test]
fn a_silent_bucket_is_the_reason_where_the_rule_takes_its_own_events() {
    for (source, has_others, verdict, command) in [
        (
            Source::S3,
            false,
            Verdict::NotCovered,
            "aws s3api put-bucket-",
        ),
        (
            Source::Both,
            true,
            Verdict::Unknown,
            "aws s3api get-bucket-",
        ),
        (
            Source::CloudTrail,
            false,
            Verdict::Coming,
            "aws s3api put-bucket-",
        ),
    ] {
        let mut concerned = concerned("orders", 60, Vec::new());
        concerned.concern.source = source;
        let report = told(&Facts {
            now: at(60),
            bucket: Ok(Bucket::Silent { has_others }),
            concerned: Ok(vec![concerned]),
            ..facts()
        });
        assert_eq!(report.verdict, verdict, "{report}");
        assert!(commands(&report)[0].starts_with(command), "{report}");
    }
}

/// A trail may tell of it for twenty minutes; what a run has needs no events any more.
#[test]
fn a_silent_bucket_with_a_trail_may_have_a_run() {
    let silent = |facts: Facts| Facts {
        bucket: Ok(Bucket::Silent { has_others: false }),
        ..facts
    };
    for (minutes, verdict) in [(19, Verdict::Unknown), (21, Verdict::NotCovered)] {
        let now = at(0) + SignedDuration::from_mins(minutes);
        let report = told(&silent(Facts { now, ..facts() }));
        assert_eq!(report.verdict, verdict, "{minutes} {report}");
    }
    let report = told(&silent(with_runs(vec![run("done", Standing::Succeeded)])));
    assert_eq!(
        (report.verdict, report.next),
        (Verdict::Covered, Vec::new())
    );
}

/// A run for another day is told of, and is no proof; the advice is to run its own.
#[test]
fn a_run_for_another_day_is_no_proof() {
    let mut concerned = concerned("orders", 60, Vec::new());
    let mut other = run("other", Standing::Succeeded);
    other.date = Some("2026-01-03".to_owned());
    concerned.found = Some(Ok(Found {
        other_day: Some(other),
        ..Found::default()
    }));
    let report = told(&Facts {
        concerned: Ok(vec![concerned]),
        ..facts()
    });
    assert_eq!(report.verdict, Verdict::Unknown);
    assert!(report.says.contains("other is for 2026-01-03"), "{report}");
    assert!(commands(&report)[0].contains("run orders --date 2026-01-01"));
}

/// Advice that cannot be followed is worse than none.
#[test]
fn what_cannot_be_run_by_hand_is_written_again() {
    for argument in ["{window_start}", "{key}"] {
        let mut concerned = concerned("orders", 60, vec![failed("first")]);
        let step = json!({"job": "load", "arguments": {"--from": argument}});
        concerned.concern.given = json!({"name": "orders", "stages": [{"steps": [step]}]});
        let facts = Facts {
            concerned: Ok(vec![concerned]),
            ..facts()
        };
        let report = told(&facts);
        let copy = "aws s3 cp s3://landing/orders/a.csv s3://landing/orders/a.csv ";
        assert!(commands(&report)[0].starts_with(copy), "{report}");
        let object = Ok(Object::Deleted(written()));
        let report = told(&Facts { object, ..facts });
        assert_eq!(commands(&report), [""; 0], "{report}");
        assert!(report.next[0].why.contains("upload it again"), "{report}");
    }
}

/// Where each object has a run of its own, a run by hand would have none.
#[test]
fn a_pipeline_that_runs_for_each_object_needs_another_event() {
    let report = told(&Facts {
        concerned: Ok(vec![concerned("orders", 0, Vec::new())]),
        ..facts()
    });
    let [copy] = commands(&report)[..] else {
        panic!("{report}");
    };
    assert!(copy.starts_with("aws s3 cp s3://landing/orders/a.csv s3://landing/orders/a.csv "));
}
