//! Runs of hours and of many steps, over time.

use jiff::{SignedDuration, Timestamp};

use super::super::mark::Mark;
use super::super::timeline::{Shape, Timeline};
use super::hostile::told;
use super::*;
use crate::stack::Machine;
use crate::stack::run::tests::ENDED;
use crate::stack::run::{
    Attempt, Crawl, Crawled, Crawling, Kind, Reason, Stage, Start, Status, Step, Wait, Work,
};

fn at(minutes: i64) -> Timestamp {
    let midnight: Timestamp = "2026-01-31T00:00:00Z".parse().expect("it is a moment");
    midnight + SignedDuration::from_mins(minutes)
}

/// A run of this many steps, a job of an hour and its crawl each, of which ten run side by side.
fn long(steps: usize) -> Run {
    let stages = (0..)
        .zip((0..steps).step_by(10))
        .map(|(number, first)| Stage {
            name: Some(format!("part {}", number + 1)),
            steps: (first..steps.min(first + 10))
                .map(|index| step(index, at(70 + 75 * number)))
                .collect(),
        });
    let stages: Vec<_> = stages.collect();
    let ended = at(70 + 75 * i64::try_from(stages.len()).expect("few"));
    Run {
        pipeline: "everything".to_owned(),
        name: "everything-1".to_owned(),
        arn: home().execution(Machine::Pipeline, "everything-1"),
        started_by: Start::Window {
            start: at(0),
            end: at(60),
        },
        date: "2026-01-31".to_owned(),
        began: at(0),
        status: Status::Succeeded { ended },
        waits: vec![Wait {
            reason: Reason::Window,
            began: at(0),
            ended: Some(at(70)),
        }],
        stages,
        untold: Vec::new(),
        redriven: Vec::new(),
    }
}

fn step(index: usize, began: Timestamp) -> Step {
    let minutes = SignedDuration::from_mins;
    Step {
        place: format!("stage 1, step {index}"),
        name: None,
        work: Some(Work {
            kind: Kind::Job,
            subject: format!("job-{index}"),
            attempts: vec![Attempt {
                began,
                id: Some("jr_1".to_owned()),
                log_group: Some("/aws-glue/jobs".to_owned()),
                standing: Standing::Succeeded {
                    ended: began + minutes(60),
                },
            }],
        }),
        crawl: Some(Crawl {
            crawler: format!("crawler-{index}"),
            awaited: true,
            execution: Some(Crawling {
                began: began + minutes(60),
                arn: Some("arn:aws:states:eu-west-1:123456789012:execution:etl-crawl:1".to_owned()),
                standing: Standing::Succeeded {
                    ended: began + minutes(75),
                },
                news: None,
                result: Some(Crawled {
                    outcome: "JOINED".to_owned(),
                    ..Crawled::default()
                }),
            }),
        }),
        optional: false,
        waits: Vec::new(),
        failure: None,
    }
}

fn timeline(run: &Run, now: Timestamp) -> Timeline {
    Timeline::of(run, now).expect("something ran")
}

/// Where a bar begins and how long it is, in percent.
fn place(timeline: &Timeline, row: usize, bar: usize) -> (String, String) {
    let bar = &timeline.rows[row].bars[bar];
    (bar.x.to_string(), bar.width.to_string())
}

/// Bars lie where their times do: a run of 120 minutes whose work begins after 30.
#[test]
fn bars_lie_where_their_times_do() {
    let mut run = long(1);
    run.waits[0].ended = Some(at(30));
    let step = &mut run.stages[0].steps[0];
    let work = step.work.as_mut().expect("it has work");
    work.attempts[0].began = at(30);
    work.attempts[0].standing = Standing::Succeeded { ended: at(90) };
    let crawling = step
        .crawl
        .as_mut()
        .and_then(|crawl| crawl.execution.as_mut());
    let crawling = crawling.expect("it has begun");
    crawling.began = at(90);
    crawling.standing = Standing::Succeeded { ended: at(120) };
    run.status = Status::Succeeded { ended: at(120) };
    let timeline = timeline(&run, at(500));
    let told = |x: &str, width: &str| (x.to_owned(), width.to_owned());
    assert_eq!(place(&timeline, 0, 0), told("0.00%", "100.00%"));
    assert_eq!(place(&timeline, 0, 1), told("0.00%", "25.00%"));
    assert_eq!(place(&timeline, 1, 0), told("25.00%", "75.00%"));
    assert_eq!(place(&timeline, 2, 0), told("25.00%", "50.00%"));
    assert_eq!(place(&timeline, 2, 1), told("75.00%", "25.00%"));
    assert_eq!(timeline.rows[2].bars[1].shape, Shape::Crawl);
    assert!(timeline.fold.is_none());
}

/// Waiting of hours does not press minutes of work together: it is drawn shorter, and the page says so.
#[test]
fn a_long_wait_leaves_room_for_the_work() {
    let mut run = long(2);
    run.began = at(-600);
    run.waits[0].began = at(-600);
    let timeline = timeline(&run, at(500));
    assert_eq!(
        place(&timeline, 0, 1),
        ("0.00%".to_owned(), "12.00%".to_owned())
    );
    assert_eq!(timeline.rows[2].bars[0].x.to_string(), "12.00%");
    let told: Vec<_> = timeline
        .ticks
        .iter()
        .map(|tick| tick.told.as_str())
        .collect();
    assert_eq!(told, ["01:20", "01:40", "02:00", "02:20"]);
    assert!(words(&rendered(&run, at(500))).contains("drawn shorter than it was"));
}

/// Whatever a run takes, a few round times are written at its line, and they fit on a telephone.
#[test]
fn times_at_the_line_are_few_and_round() {
    for (minutes, first, count) in [
        (1, "00:00:00", 5),
        (6, "00:00", 4),
        (44, "00:00", 5),
        (170, "00:00", 3),
        (1_439, "00:00", 4),
        (6_000, "31 Jan", 5),
    ] {
        let mut run = long(1);
        run.waits.clear();
        run.stages.clear();
        run.status = Status::Running;
        run.waits.push(Wait {
            reason: Reason::Window,
            began: at(0),
            ended: None,
        });
        let ticks = timeline(&run, at(minutes)).ticks;
        let told: Vec<_> = ticks.iter().map(|tick| tick.told.as_str()).collect();
        assert_eq!((told[0], told.len()), (first, count), "{minutes}: {told:?}");
    }
}

/// What still runs goes on to the moment of the page; what has not begun has a row without bars.
#[test]
fn a_run_under_way_ends_now() {
    let mut run = long(12);
    run.status = Status::Running;
    for step in &mut run.stages[1].steps {
        step.crawl = None;
        step.work.as_mut().expect("it has work").attempts.clear();
    }
    let step = &mut run.stages[0].steps[0];
    step.crawl = None;
    let work = step.work.as_mut().expect("it has work");
    work.attempts[0].standing = Standing::Running;
    let timeline = timeline(&run, at(190));
    let marks: Vec<_> = timeline.rows.iter().map(|row| row.mark).collect();
    assert_eq!(marks[..3], [Mark::Running, Mark::Running, Mark::Running]);
    assert_eq!(marks[12..], [Mark::Absent, Mark::Absent, Mark::Absent]);
    assert_eq!(timeline.rows[2].took, "2 h 0 min");
    assert!(
        timeline.rows[12..]
            .iter()
            .all(|row| row.bars.is_empty() && row.took.is_empty())
    );
}

/// A run of 40 steps has a row for each, and a page that can be mailed.
#[test]
fn a_run_of_forty_steps_is_a_page() {
    let page = rendered(&long(40), at(1_000));
    assert!(page.len() < 200_000, "{}", page.len());
    let told = words(&page);
    for part in [
        "40 succeeded",
        "4.10 job-39",
        "Stage 4 · part 4 ✓ succeeded",
    ] {
        assert!(told.contains(part), "{part}");
    }
}

/// A page that somebody can look at while working on it: `cargo test … pages -- --ignored`.
#[test]
#[ignore = "writes files"]
fn pages_to_look_at() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/reports");
    std::fs::create_dir_all(folder).expect("there is room");
    let files = ENDED.into_iter().chain(["absorbed", "running"]);
    let recorded = files.map(|file| (file, recorded(file)));
    let long = [("long", 40), ("folded", 2)]
        .map(|(name, steps)| (name, rendered(&long(steps), at(1_000))));
    let hostile = (
        "hostile",
        told("job-failed", &"a-long-<b>name</b>-שלום\u{202e}-".repeat(8)),
    );
    for (name, page) in recorded.chain(long).chain([hostile]) {
        std::fs::write(format!("{folder}/{name}.html"), page).expect("there is room");
    }
}
