//! A run as a chart: a line a work and crawl, grouped by stage, over time.

use console::{Style, Term, measure_text_width, style};
use jiff::Timestamp;

use super::super::moments;
use super::super::run::{Crawl, Run, Standing, Step, Work};
use super::super::text::printable;

/// Where there is no terminal.
const WIDTH: usize = 120;
const NARROWEST: usize = 10;

/// A span of time in which something went on.
type Span = (Timestamp, Timestamp);

struct Line {
    title: String,
    spans: Vec<Span>,
    /// How bars are told apart without colours, too.
    bar: char,
    style: Style,
    kind: String,
}

/// The chart of a run that is over. Crawls that nobody awaited outlast it.
pub(super) fn chart(run: &Run) -> String {
    let end = end(run);
    let lines = lines(run, end);
    let width = |text: fn(&Line) -> String| {
        let widths = lines.iter().map(|line| measure_text_width(&text(line)));
        widths.max().unwrap_or_default()
    };
    let titles = width(|line| line.title.clone());
    let times = width(took);
    let kinds = width(|line| line.kind.clone());
    let whole = Term::stdout()
        .size_checked()
        .map_or(WIDTH, |(_, width)| width.into());
    let room = whole
        .saturating_sub(titles + times + kinds + 6)
        .max(NARROWEST);
    let told = lines.iter().map(|line| {
        let padding = " ".repeat(titles - measure_text_width(&line.title));
        let bar = bar(line, (run.began, end), room);
        let kind = style(&line.kind).dim();
        let took = took(line);
        let told = format!("{}{padding}  {bar}  {took:>times$}  {kind}", line.title);
        told.trim_end().to_owned()
    });
    told.collect::<Vec<_>>().join("\n")
}

/// When the last part ended.
fn end(run: &Run) -> Timestamp {
    let crawls = run
        .steps()
        .filter_map(|(_, _, step)| step.crawling()?.standing.ended());
    crawls
        .chain(run.status.ended())
        .max()
        .unwrap_or_else(Timestamp::now)
}

fn lines(run: &Run, end: Timestamp) -> Vec<Line> {
    let whole = (run.began, run.status.ended().unwrap_or(end));
    let colour = if run.status.is_bad() {
        Style::new().red()
    } else {
        Style::new()
    };
    let pipeline = style(printable(&run.pipeline)).bold().to_string();
    let mut lines = vec![line(pipeline, vec![whole], colour, run.status.word())];
    for wait in &run.waits {
        let spans = vec![(wait.began, wait.ended.unwrap_or(end))];
        let title = format!("  waits for {}", wait.reason);
        lines.push(line(title, spans, Style::new().dim(), "waits"));
    }
    for (index, stage) in run.stages.iter().enumerate() {
        let begun: Vec<_> = (stage.steps.iter().enumerate())
            .flat_map(|(number, step)| of_step(&format!("{}.{}", index + 1, number + 1), step, end))
            .collect();
        if !begun.is_empty() {
            let name = printable(stage.name.as_deref().unwrap_or_default());
            let title = format!("{} {name}", style(format!("stage {}", index + 1)).bold());
            lines.push(line(
                title.trim_end().to_owned(),
                Vec::new(),
                Style::new(),
                "",
            ));
            lines.extend(begun);
        }
    }
    lines
}

fn line(title: String, spans: Vec<Span>, style: Style, kind: &str) -> Line {
    Line {
        title,
        spans,
        bar: '█',
        style,
        kind: kind.to_owned(),
    }
}

/// The lines of what has begun of a step.
fn of_step(label: &str, step: &Step, end: Timestamp) -> Vec<Line> {
    let work = step
        .work
        .as_ref()
        .and_then(|work| of_work(label, work, end));
    let crawl = step
        .crawl
        .as_ref()
        .and_then(|crawl| of_crawl(label, crawl, end));
    work.into_iter().chain(crawl).collect()
}

fn of_work(label: &str, work: &Work, end: Timestamp) -> Option<Line> {
    let last = work.attempts.last()?;
    let spans = (work.attempts.iter())
        .map(|attempt| (attempt.began, attempt.standing.ended().unwrap_or(end)))
        .collect();
    let (colour, kind) = told(&last.standing, Style::new().blue(), &work.kind.to_string());
    Some(line(
        format!("  {label} {}", printable(&work.subject)),
        spans,
        colour,
        &kind,
    ))
}

fn of_crawl(label: &str, crawl: &Crawl, end: Timestamp) -> Option<Line> {
    let crawling = crawl.execution.as_ref()?;
    let span = (crawling.began, crawling.standing.ended().unwrap_or(end));
    let (colour, kind) = if crawl.awaited {
        (Style::new().green(), "crawl")
    } else {
        (Style::new().yellow(), "not awaited")
    };
    let (colour, kind) = told(&crawling.standing, colour, kind);
    Some(Line {
        bar: if crawl.awaited { '█' } else { '░' },
        ..line(
            format!("  {label} {}", printable(&crawl.crawler)),
            vec![span],
            colour,
            &kind,
        )
    })
}

fn told(standing: &Standing, colour: Style, kind: &str) -> (Style, String) {
    match standing {
        Standing::Failed { .. } => (Style::new().red(), "failed".to_owned()),
        Standing::Stopped { .. } => (Style::new().red(), "stopped".to_owned()),
        Standing::Untold { .. } => (Style::new().dim(), "unknown".to_owned()),
        Standing::Running | Standing::Succeeded { .. } => (colour, kind.to_owned()),
    }
}

fn took(line: &Line) -> String {
    let (Some(first), Some(last)) = (line.spans.first(), line.spans.last()) else {
        return String::new();
    };
    moments::took(last.1.duration_since(first.0))
}

/// So many characters for the whole time. Each span has one at least, or it could not be seen.
fn bar(line: &Line, (began, end): Span, width: usize) -> String {
    let whole = end.duration_since(began).as_millis().max(1);
    let cell = |at: Timestamp| {
        let since = at.duration_since(began).as_millis().clamp(0, whole);
        usize::try_from(since).unwrap_or_default() * width / usize::try_from(whole).unwrap_or(1)
    };
    let mut cells = vec![' '; width];
    for (from, until) in &line.spans {
        let first = cell(*from).min(width - 1);
        let last = cell(*until).clamp(first + 1, width);
        cells[first..last].fill(line.bar);
    }
    line.style.apply_to(String::from_iter(cells)).to_string()
}
