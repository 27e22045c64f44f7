//! The pipelines that an object concerns, by the rules that take its event.

use aws_sdk_eventbridge::Client;
use event::decision::{self, Decision};
use futures_util::{StreamExt, TryStreamExt, stream};
use regex_lite::Regex;
use serde_json::Value;
use time::OffsetDateTime;

use super::object::{Url, Written};
use crate::stack::rules::{self, Rule};
use crate::stack::{CALLS, Failure, Home};

/// The field that tells the length of windows.
const WINDOW: &str = "coalesceSeconds";

/// A rule that takes the object's event, and the pipeline that it starts.
#[derive(Debug)]
pub(crate) struct Concern {
    pub(crate) rule: String,
    pub(crate) is_enabled: bool,
    pub(crate) source: Source,
    pub(crate) pipeline: String,
    /// The pipeline itself, as the rule hands it over.
    pub(crate) given: Value,
    /// Whether it tells the length of its windows; else the stack does.
    pub(crate) has_own_window: bool,
    /// What s3-event-filter decides, had it handled the event when the object was written; or why it refuses what the
    /// rule hands over.
    pub(crate) judged: Result<Decision, String>,
}

/// Whose events of the object a rule takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    S3,
    CloudTrail,
    Both,
}

/// The rules that take the object's event.
pub(crate) async fn concerns(
    client: &Client,
    home: &Home,
    rules: &[Rule],
    url: &Url,
    written: &Written,
    coalesce_seconds: Option<u64>,
) -> Result<Vec<Concern>, Failure> {
    let native = url.native(written, home);
    let trail = url.cloud_trail(written, home);
    let (native, trail) = (&native, &trail);
    let asked = stream::iter(rules).map(|rule| async move {
        let takes_native = rules::takes(client, &rule.pattern, native).await?;
        let takes_trail = rules::takes(client, &rule.pattern, trail).await?;
        let source = match (takes_native, takes_trail) {
            (true, true) => Source::Both,
            (true, false) => Source::S3,
            (false, true) => Source::CloudTrail,
            (false, false) => return Ok::<_, Failure>(Vec::new()),
        };
        let event = if takes_native { native } else { trail };
        let concerns = rule.targets.iter().map(|target| {
            let input = rules::transformed(target, event);
            Concern {
                rule: rule.name.clone(),
                is_enabled: rule.is_enabled,
                source,
                pipeline: input.as_ref().map_or_else(|_| String::new(), name),
                given: input
                    .as_ref()
                    .map_or(Value::Null, |input| input["pipeline"].clone()),
                has_own_window: (input.as_ref()).is_ok_and(|it| it.get(WINDOW).is_some()),
                judged: input.and_then(|input| judge(input, written, coalesce_seconds)),
            }
        });
        Ok(concerns.collect())
    });
    let concerns: Vec<Vec<_>> = asked.buffered(CALLS).try_collect().await?;
    Ok(concerns.into_iter().flatten().collect())
}

/// The pipeline that an input of trigger is for.
fn name(input: &Value) -> String {
    let pipeline = &input["pipeline"];
    let name = pipeline["name"].as_str().or_else(|| pipeline.as_str());
    name.unwrap_or("pipeline").to_owned()
}

/// Decides as trigger would have, which adds the stack's own `coalesceSeconds`.
fn judge(
    mut input: Value,
    written: &Written,
    coalesce_seconds: Option<u64>,
) -> Result<Decision, String> {
    let has_own = input.get(WINDOW).is_some();
    if let Some(fields) = input.as_object_mut().filter(|_| !has_own) {
        fields.extend(coalesce_seconds.map(|seconds| (WINDOW.to_owned(), seconds.into())));
    }
    let handled = OffsetDateTime::from_unix_timestamp(written.at.as_second());
    let handled = handled.map_err(|error| error.to_string())?;
    decision::decide(&input, handled).map_err(|refusal| refusal.to_string())
}

/// The stack's own `coalesceSeconds`, which its trigger has in its definition.
pub(crate) fn default_of(definition: &str) -> Option<u64> {
    let pattern = Regex::new(r"'coalesceSeconds': \$number\('(\d+)'\)").ok()?;
    pattern.captures(definition)?[1].parse().ok()
}

/// Where the objects lie that a rule with this pattern takes, as far as it tells.
pub(crate) fn places(pattern: &str) -> Vec<String> {
    let (mut buckets, mut prefixes) = (Vec::new(), Vec::new());
    let pattern = serde_json::from_str(pattern).unwrap_or_default();
    collect(&pattern, "", &mut buckets, &mut prefixes);
    let places = buckets
        .iter()
        .flat_map(|bucket| (prefixes.iter()).map(move |prefix| format!("s3://{bucket}/{prefix}*")));
    places.collect()
}

/// The names of buckets and the beginnings of keys in an event pattern.
fn collect(pattern: &Value, field: &str, buckets: &mut Vec<String>, prefixes: &mut Vec<String>) {
    match pattern {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = if name == "prefix" { field } else { name };
                collect(value, name, buckets, prefixes);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(item, field, buckets, prefixes);
            }
        }
        Value::String(text) => {
            let found = match field {
                "name" | "bucketName" => buckets,
                "key" => prefixes,
                _ => return,
            };
            if !found.contains(text) {
                found.push(text.clone());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without the stack's default the window would be another, and its run would not be found.
    #[test]
    fn the_trigger_of_the_project_tells_its_default() {
        let definition = include_str!("../../../../statemachine/trigger.asl.yaml");
        let deployed = definition.replace("${CoalesceSeconds}", "300");
        assert_eq!(default_of(&deployed), Some(300));
    }

    /// A person who looks for the right prefix sees those of both kinds of events, each once.
    #[test]
    fn a_pattern_tells_its_places() {
        let native =
            r#"{"detail": {"bucket": {"name": ["b"]}, "object": {"key": [{"prefix": "p/"}]}}}"#;
        let trail = r#"{"detail": {"requestParameters": {"bucketName": ["b"], "key": [{"prefix": "p/"}]}}}"#;
        let both = format!(r#"{{"$or": [{native}, {trail}]}}"#);
        for pattern in [native, trail, &both] {
            assert_eq!(places(pattern), ["s3://b/p/*"]);
        }
        assert_eq!(places("no JSON"), [""; 0]);
    }
}
