//! What ran when: a row the run, each stage and each step, of bars over time.

use jiff::{SignedDuration, Timestamp};

use super::super::moments::took;
use super::super::run::{Reason, Run, Stage, Standing, Step, Wait};
use super::mark::Mark;
use super::scale::{Percent, Scale, Tick};
use super::span::{Span, joined, of_crawl, of_step};

/// The rows of a run, below one scale.
#[derive(Debug)]
pub(super) struct Timeline {
    pub(super) ticks: Vec<Tick>,
    pub(super) fold: Option<Percent>,
    pub(super) rows: Vec<Row>,
    /// What the bars mean, as far as there are any.
    pub(super) legend: Vec<Legend>,
}

#[derive(Debug)]
pub(super) struct Row {
    /// What the row is of: run, stage or step.
    pub(super) level: &'static str,
    /// Where the page tells more.
    pub(super) anchor: String,
    pub(super) mark: Mark,
    pub(super) number: String,
    pub(super) name: String,
    pub(super) bars: Vec<Bar>,
    /// Empty if it has not begun.
    pub(super) took: String,
}

#[derive(Debug)]
pub(super) struct Bar {
    pub(super) shape: Shape,
    pub(super) mark: Mark,
    pub(super) x: Percent,
    pub(super) width: Percent,
    pub(super) told: String,
}

/// What a bar is of. Each looks different without colours too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The run or a stage from end to end.
    Span,
    Work,
    Crawl,
    /// A crawl that the run does not wait for.
    Aside,
    Wait,
}

#[derive(Debug)]
pub(super) struct Legend {
    pub(super) shape: Shape,
    pub(super) mark: Mark,
    pub(super) told: &'static str,
}

/// The shapes in the order of the legend.
const LEGEND: [(Shape, &str); 4] = [
    (Shape::Work, "work"),
    (Shape::Crawl, "crawl"),
    (Shape::Aside, "crawl that the run does not wait for"),
    (Shape::Wait, "waiting"),
];

impl Timeline {
    /// None if nothing was to run.
    pub(super) fn of(run: &Run, now: Timestamp) -> Option<Self> {
        let scale = Scale::of(run, now);
        let drawing = Drawing { scale, now };
        let mut rows = vec![drawing.run(run)];
        for (number, stage) in (1..).zip(&run.stages) {
            rows.push(drawing.stage(number, stage));
            let steps = (1..).zip(&stage.steps);
            rows.extend(
                steps.map(|(place, step)| drawing.step(&format!("{number}.{place}"), step)),
            );
        }
        if rows
            .iter()
            .all(|row| row.bars.iter().all(|bar| bar.shape == Shape::Span))
        {
            return None;
        }
        Some(Self {
            ticks: scale.ticks(),
            fold: scale.fold(),
            legend: legend(&rows),
            rows,
        })
    }
}

/// What the rows are drawn by.
struct Drawing {
    scale: Scale,
    /// When what has not ended is cut off.
    now: Timestamp,
}

impl Drawing {
    fn run(&self, run: &Run) -> Row {
        let ended = run.status.ended();
        let whole = self.bar(Shape::Span, Mark::of_run(run), run.began, ended, "the run");
        let waits = run.waits.iter().map(|wait| self.wait(wait));
        Row {
            level: "run",
            anchor: "run".to_owned(),
            mark: Mark::of_run(run),
            number: String::new(),
            name: "the whole run".to_owned(),
            bars: [whole].into_iter().chain(waits).collect(),
            took: took(self.span(run.began, ended)),
        }
    }

    fn stage(&self, number: usize, stage: &Stage) -> Row {
        let mark = Mark::of_stage(stage);
        let whole = of_stage(stage).map(|(began, ended)| {
            let told = format!("stage {number}");
            (
                self.bar(Shape::Span, mark, began, ended, &told),
                self.span(began, ended),
            )
        });
        let (bar, span) = whole.unzip();
        Row {
            level: "stage",
            anchor: format!("stage-{number}"),
            mark,
            number: format!("stage {number}"),
            name: stage.name.clone().unwrap_or_default(),
            bars: bar.into_iter().collect(),
            took: span.map(took).unwrap_or_default(),
        }
    }

    fn step(&self, number: &str, step: &Step) -> Row {
        let mut bars: Vec<_> = step.waits.iter().map(|wait| self.wait(wait)).collect();
        if let Some(work) = &step.work {
            let told = format!("{} {}", work.kind, work.subject);
            let attempts = work.attempts.iter();
            bars.extend(
                attempts
                    .map(|attempt| self.part(Shape::Work, attempt.began, &attempt.standing, &told)),
            );
        }
        if let Some(crawl) = &step.crawl
            && let Some(crawling) = &crawl.execution
        {
            let shape = if crawl.awaited {
                Shape::Crawl
            } else {
                Shape::Aside
            };
            let told = format!("crawler {}", crawl.crawler);
            bars.push(self.part(shape, crawling.began, &crawling.standing, &told));
        }
        let whole = joined(of_step(step)).or_else(|| of_crawl(step));
        Row {
            level: "step",
            anchor: format!("step-{}", number.replace('.', "-")),
            mark: Mark::of_step(step),
            number: number.to_owned(),
            name: called(step).to_owned(),
            bars,
            took: whole.map_or_else(String::new, |(began, ended)| took(self.span(began, ended))),
        }
    }

    fn part(&self, shape: Shape, began: Timestamp, standing: &Standing, of: &str) -> Bar {
        self.bar(shape, Mark::of(standing), began, standing.ended(), of)
    }

    fn wait(&self, wait: &Wait) -> Bar {
        let told = match wait.reason {
            Reason::Retry => "pause before the next attempt".to_owned(),
            reason => format!("waiting for {reason}"),
        };
        Bar {
            told: format!("{told}, {}", took(self.span(wait.began, wait.ended))),
            ..self.bar(Shape::Wait, Mark::Waiting, wait.began, wait.ended, "")
        }
    }

    fn bar(
        &self,
        shape: Shape,
        mark: Mark,
        began: Timestamp,
        ended: Option<Timestamp>,
        of: &str,
    ) -> Bar {
        let until = ended.unwrap_or(self.now);
        Bar {
            shape,
            mark,
            x: self.scale.x(began),
            width: self.scale.width(began, until),
            told: format!("{of}, {}, {}", mark.word(), took(self.span(began, ended))),
        }
    }

    fn span(&self, began: Timestamp, ended: Option<Timestamp>) -> SignedDuration {
        ended.unwrap_or(self.now).duration_since(began)
    }
}

/// What people call a step: its name, or what it works with.
pub(super) fn called(step: &Step) -> &str {
    let subject = || Some(step.work.as_ref()?.subject.as_str());
    let crawler = || Some(step.crawl.as_ref()?.crawler.as_str());
    let name = step.name.as_deref().or_else(subject).or_else(crawler);
    name.unwrap_or(&step.place)
}

/// When a stage began and ended.
pub(super) fn of_stage(stage: &Stage) -> Option<Span> {
    joined(stage.steps.iter().flat_map(of_step))
}

/// The shapes that there are, and what they look like when they went wrong.
fn legend(rows: &[Row]) -> Vec<Legend> {
    let there = |look: &dyn Fn(&Bar) -> bool| rows.iter().flat_map(|row| &row.bars).any(look);
    let shapes = LEGEND.into_iter().filter_map(|(shape, told)| {
        let mark = if shape == Shape::Wait {
            Mark::Waiting
        } else {
            Mark::Done
        };
        there(&|bar| bar.shape == shape).then_some(Legend { shape, mark, told })
    });
    let marks = [Mark::Failed, Mark::Stopped, Mark::Running]
        .into_iter()
        .filter_map(|mark| {
            there(&|bar| bar.mark == mark && bar.shape != Shape::Span).then_some(Legend {
                shape: Shape::Work,
                mark,
                told: mark.word(),
            })
        });
    shapes.chain(marks).collect()
}

impl Shape {
    /// The class that it is drawn by.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Span => "span",
            Self::Work => "work",
            Self::Crawl => "crawl",
            Self::Aside => "aside",
            Self::Wait => "wait",
        }
    }
}
