//! Pipelines that would start themselves, at once or through others: for ever, and at Glue's prices.

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;
use regex_lite::Regex;
use serde_json::Value;

use super::{File, Finding};

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
        let targets = written(&writer.value);
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
        let rule = format!(
            "the pipeline starts itself{through}: what is written there starts the next run"
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
fn written(pipeline: &Value) -> Vec<Location> {
    let mut found = Vec::new();
    for field in ["arguments", "stages"] {
        collect(&pipeline[field], &mut found);
    }
    found
}

fn collect(value: &Value, found: &mut Vec<Location>) {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !is_read(name))
            .for_each(|(_, field)| collect(field, found)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::String(text) => found.extend(locations(text)),
        _ => {}
    }
}

/// Arguments with such a name are read: only what is written can start anything.
fn is_read(argument: &str) -> bool {
    let name = argument.to_lowercase();
    name.starts_with("--") && (name.contains("source") || name.contains("input"))
}

fn locations(text: &str) -> Vec<Location> {
    let pattern = Regex::new(r#"s3[an]?://([^/\s"']+)/?([^\s"']*)"#);
    let pattern = pattern.expect("a regular expression");
    (pattern.captures_iter(text))
        .map(|found| {
            let known = found[2].split('{').next().unwrap_or_default();
            Location {
                bucket: (!found[1].contains('{')).then(|| found[1].to_owned()),
                key: known.to_owned(),
                is_open: known.len() < found[2].len(),
            }
        })
        .collect()
}
