//! Pipelines that would start themselves, at once or through others: for ever, and at Glue's prices.
//!
//! Found is what the files tell: a job, a function or a machine may know further places, and what it is told without
//! `s3://` is no place here.

use std::sync::LazyLock;

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;
use pipeline::spec::{Pipeline, Step};
use pipeline::text::{Fact, Facts, Template, Text};
use regex_lite::Regex;

use super::{File, Finding};

/// What is only read: words that begin so, in names of arguments and fields.
static READ: LazyLock<Regex> = LazyLock::new(|| {
    regex("(^|[-_])[Ss](ource|OURCE)|(^|[-_])[Ii](nput|NPUT)|[a-z](Source|Input)")
});
/// A place in a longer text.
static PLACE: LazyLock<Regex> = LazyLock::new(|| regex(r#"s3[an]?://[^\s"',]+"#));
/// A text that is a place, and nothing else.
static PARTS: LazyLock<Regex> = LazyLock::new(|| regex(r"^s3[an]?://([^/]+)/?(.*)$"));
/// Where an Athena query writes.
///
/// <https://docs.aws.amazon.com/athena/latest/ug/unload.html>,
/// <https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html>
static RESULT: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)(?:\bto|\bexternal_location\s*=)\s*'(s3[an]?://[^']+)'"));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a regular expression")
}

/// A place in S3, as far as it can be told. No bucket: it may be any.
#[derive(Debug, Clone, PartialEq)]
struct Location {
    bucket: Option<String>,
    key: String,
    /// Whether the key goes on with what only a run knows.
    is_open: bool,
}

/// The pipelines whose runs write where those of one of them start.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let mut graph = DiGraph::<&File, ()>::new();
    let nodes: Vec<_> = files.iter().map(|file| graph.add_node(file)).collect();
    for (from, writer) in nodes.iter().zip(files) {
        let targets = written(&writer.pipeline);
        for (to, started) in nodes.iter().zip(files) {
            if targets.iter().any(|target| starts(target, started)) {
                graph.add_edge(*from, *to, ());
            }
        }
    }
    let circles = tarjan_scc(&graph).into_iter().filter_map(|circle| {
        let first = *circle.iter().min()?;
        let is_circle = circle.len() > 1 || graph.contains_edge(first, first);
        let others = circle.iter().filter(|node| **node != first);
        let names: Vec<_> = others
            .map(|node| graph[*node].pipeline.name.as_str())
            .collect();
        let through = if names.is_empty() {
            String::new()
        } else {
            format!(" through {}", names.join(", "))
        };
        let has_bucket = |file: &File| {
            let trigger = file.pipeline.trigger.as_ref();
            trigger.is_none_or(|trigger| trigger.bucket.is_some())
        };
        let unless = if circle.iter().all(|node| has_bucket(graph[*node])) {
            ""
        } else {
            "; if that is another bucket, name the trigger's own"
        };
        let rule = format!(
            "the pipeline starts itself{through}: what is written there starts the next run{unless}"
        );
        is_circle.then(|| graph[first].wrong("/trigger/prefix", rule))
    });
    circles.collect()
}

/// Whether an object at or below the location may start the pipeline.
fn starts(location: &Location, file: &File) -> bool {
    let Some(trigger) = &file.pipeline.trigger else {
        return false;
    };
    let prefix = trigger.prefix.as_str();
    let bucket = location.bucket.as_ref().zip(trigger.bucket.as_ref());
    let folder = format!("{}/", location.key.trim_end_matches('/'));
    let key = if location.is_open {
        &location.key
    } else {
        &folder
    };
    bucket.is_none_or(|(written, wanted)| written == wanted)
        && (key.starts_with(prefix) || location.is_open && prefix.starts_with(key.as_str()))
}

/// All places in S3 that a pipeline names where its work may write.
fn written(pipeline: &Pipeline) -> Vec<Location> {
    let mut places = Places::of(pipeline);
    let arguments = pipeline.arguments.iter().flatten();
    arguments.for_each(|(name, text)| places.add_named(name, text));
    let steps = pipeline.stages.iter().flat_map(|stage| &stage.steps);
    steps.for_each(|step| places.add_step(step));
    places.found
}

/// The places of a pipeline, its texts read with what is known of each of its runs.
struct Places {
    facts: Facts,
    /// The object that starts a run: it is there already.
    object: String,
    found: Vec<Location>,
}

impl Places {
    fn of(pipeline: &Pipeline) -> Self {
        let mut facts: Facts = Fact::ALL
            .into_iter()
            .map(|fact| (fact, format!("{{{}}}", fact.name())))
            .collect();
        if let Some(trigger) = &pipeline.trigger {
            facts.insert(Fact::Key, format!("{}{{key}}", trigger.prefix));
            if let Some(bucket) = &trigger.bucket {
                facts.insert(Fact::Bucket, bucket.clone());
            }
        }
        Self {
            object: format!("://{}/{}", facts[&Fact::Bucket], facts[&Fact::Key]),
            facts,
            found: Vec::new(),
        }
    }

    /// Parameters of a query are values, and write nothing.
    fn add_step(&mut self, step: &Step) {
        for (name, text) in step.arguments.iter().flatten() {
            self.add_named(name, text);
        }
        if let Some(payload) = &step.payload {
            self.add_json(payload);
        }
        for (name, field) in step.input.iter().flatten() {
            self.add_field(name, field);
        }
        let query = step.query.as_deref().unwrap_or_default();
        for result in RESULT.captures_iter(query) {
            self.found.extend(location(&result[1]));
        }
    }

    fn add_json(&mut self, json: &Template) {
        match json {
            Template::Plain(_) => {}
            Template::Text(text) => self.add(text),
            Template::List(items) => items.iter().for_each(|item| self.add_json(item)),
            Template::Object(fields) => fields
                .iter()
                .for_each(|(name, field)| self.add_field(name, field)),
        }
    }

    fn add_field(&mut self, name: &str, field: &Template) {
        if !READ.is_match(name) {
            self.add_json(field);
        }
    }

    fn add_named(&mut self, name: &str, text: &Text) {
        if !READ.is_match(name) {
            self.add(text);
        }
    }

    /// A text is a place, a list of places by commas, or has places somewhere in it.
    fn add(&mut self, text: &Text) {
        let text = text.filled(&self.facts).unwrap_or_default();
        for part in text.split(',').map(str::trim) {
            if PARTS.is_match(part) {
                self.add_place(part);
            } else {
                PLACE
                    .find_iter(part)
                    .for_each(|place| self.add_place(place.as_str()));
            }
        }
    }

    fn add_place(&mut self, place: &str) {
        if !place.ends_with(&self.object) {
            self.found.extend(location(place));
        }
    }
}

fn location(place: &str) -> Option<Location> {
    let parts = PARTS.captures(place)?;
    let known = parts[2].split('{').next().unwrap_or_default();
    Some(Location {
        bucket: (!parts[1].contains('{')).then(|| parts[1].to_owned()),
        key: known.to_owned(),
        is_open: known.len() < parts[2].len(),
    })
}
