//! From what was found to the answer.

use super::facts::Facts;
use super::object::{Bucket, Object, Written};
use super::report::{Chain, Link, Mark, Next, Report, Verdict};
use crate::stack::commands::Commands;
use crate::stack::moments;

mod again;
mod pipeline;
mod runs;

/// Rules that are named to a person who looks for one.
const NAMED: usize = 5;

/// Makes links of what was found.
struct Chains<'a> {
    facts: &'a Facts,
    commands: &'a Commands,
}

/// What the facts come to.
pub(crate) fn report(facts: &Facts, commands: &Commands) -> Report {
    let chains = Chains { facts, commands };
    let mut report = Report {
        object: facts.url.to_string(),
        verdict: Verdict::NotCovered,
        says: String::new(),
        links: Vec::new(),
        pipelines: Vec::new(),
        next: Vec::new(),
    };
    let (bucket, mend) = chains.bucket();
    report.add(bucket, None);
    if !matches!(facts.bucket, Ok(Bucket::Missing | Bucket::Elsewhere(_))) {
        let (object, find) = chains.object();
        report.add(object, find);
    }
    if let Some(end) = chains.dead_end(&report.links) {
        report.says = end;
        report.next.splice(..0, mend);
        return report;
    }
    match &facts.concerned {
        Err(failure) => {
            report.add(Link::new("rule", Mark::Unknown, failure), None);
            report.verdict = Verdict::Unknown;
            "its rules could not be looked at".clone_into(&mut report.says);
        }
        Ok(concerned) if concerned.is_empty() => {
            let (rule, give_one) = chains.no_rule();
            report.add(rule, Some(give_one));
            "no rule takes it".clone_into(&mut report.says);
        }
        Ok(concerned) => {
            report.pipelines = concerned.iter().map(|each| chains.pipeline(each)).collect();
            for next in report.pipelines.iter().flat_map(|each| &each.next) {
                if !report.next.contains(next) {
                    report.next.push(next.clone());
                }
            }
            (report.verdict, report.says) = verdict(&report.pipelines);
        }
    }
    // A trail of CloudTrail may tell of its objects instead.
    if report.verdict != Verdict::Covered {
        report.next.splice(..0, mend);
    }
    report
}

impl Report {
    fn add(&mut self, link: Link, next: Option<Next>) {
        self.links.push(link);
        self.next.extend(next);
    }
}

/// Of all pipelines that are to have the object.
fn verdict(pipelines: &[Chain]) -> (Verdict, String) {
    let last = pipelines.iter().map(|each| each.verdict).max();
    let last = last.unwrap_or(Verdict::NotCovered);
    let said = pipelines.iter().filter(|each| each.verdict == last);
    let said = said.map(|each| {
        if pipelines.len() > 1 {
            format!("{}: {}", each.pipeline, each.says)
        } else {
            each.says.clone()
        }
    });
    let said = said.collect::<Vec<_>>().join("; ");
    // Where no pipeline is to have it, none has.
    let verdict = if last == Verdict::Ignored {
        Verdict::NotCovered
    } else {
        last
    };
    (verdict, said)
}

impl Chains<'_> {
    fn bucket(&self) -> (Link, Option<Next>) {
        let name = &self.facts.url.bucket;
        let (mark, says, next) = match &self.facts.bucket {
            Err(failure) => (Mark::Unknown, failure.clone(), None),
            Ok(Bucket::Sends) => {
                let says = format!("{name} sends its events to EventBridge");
                (Mark::Fine, says, None)
            }
            Ok(Bucket::Missing) => {
                let next = Next::run("look for its right name", self.commands.aws(["s3", "ls"]));
                (
                    Mark::Missing,
                    format!("there is no bucket {name}"),
                    Some(next),
                )
            }
            Ok(Bucket::Elsewhere(region)) => {
                let place = region.as_deref().unwrap_or("another Region");
                let here = &self.facts.home.region;
                let says = format!(
                    "{name} is in {place}: its events stay there, and the stack is in {here}"
                );
                let why =
                    "deploy crawler-sync in the bucket's Region, or pass --region if it is there";
                (Mark::Missing, says, Some(Next::by_hand(why)))
            }
            Ok(Bucket::Silent { has_others }) => {
                let says = format!("{name} sends no events to EventBridge");
                (Mark::Missing, says, Some(self.switch_on(*has_others)))
            }
        };
        (Link::new("bucket", mark, says), next)
    }

    fn switch_on(&self, has_others: bool) -> Next {
        let bucket = &self.facts.url.bucket;
        if has_others {
            return Next::run(
                "let the bucket send its events: add \"EventBridgeConfiguration\": {} to what this prints, and put all \
                 of it back, because put-bucket-notification-configuration replaces all",
                self.commands.aws([
                    "s3api",
                    "get-bucket-notification-configuration",
                    "--bucket",
                    bucket,
                ]),
            );
        }
        let put = self.commands.aws([
            "s3api",
            "put-bucket-notification-configuration",
            "--bucket",
            bucket,
            "--notification-configuration",
            r#"{"EventBridgeConfiguration": {}}"#,
        ]);
        Next::run("let the bucket send its events", put)
    }

    fn object(&self) -> (Link, Option<Next>) {
        let told = |written: &Written| {
            let how = if written.in_parts {
                "uploaded in parts from"
            } else {
                "written at"
            };
            format!(
                "{} bytes, {how} {} UTC",
                written.size,
                moments::told(written.at)
            )
        };
        let (mark, says) = match &self.facts.object {
            Err(failure) => (Mark::Unknown, failure.clone()),
            Ok(Object::There(written)) => (Mark::Fine, told(written)),
            Ok(Object::Deleted(written)) => {
                (Mark::Fine, format!("{}; deleted since", told(written)))
            }
            Ok(Object::Missing) => (Mark::Missing, "there is no such object".to_owned()),
        };
        let next = (mark == Mark::Missing).then(|| {
            let url = self.facts.url.to_string();
            let folder = url.rfind('/').map_or(url.as_str(), |end| &url[..=end]);
            Next::run(
                "it was never written, or a job has moved it: see what is there",
                self.commands.aws(["s3", "ls", folder]),
            )
        });
        (Link::new("object", mark, says), next)
    }

    /// Why no rule can have it, if none can: the last link that was looked at.
    fn dead_end(&self, links: &[Link]) -> Option<String> {
        let Facts { bucket, object, .. } = self.facts;
        let ends = matches!(bucket, Ok(Bucket::Missing | Bucket::Elsewhere(_)))
            || matches!(object, Ok(Object::Missing));
        let last = links.last().filter(|_| ends)?;
        Some(last.says.clone())
    }

    fn no_rule(&self) -> (Link, Next) {
        let bucket = format!("s3://{}/", self.facts.url.bucket);
        let mut places: Vec<_> = (self.facts.places.iter()).map(String::as_str).collect();
        places.sort_by_key(|place| (!place.starts_with(&bucket), *place));
        places.dedup();
        let stack = &self.facts.home.stack;
        let says = if places.is_empty() {
            format!("no rule hands objects to the stack {stack}")
        } else {
            let more = if places.len() > NAMED { ", …" } else { "" };
            places.truncate(NAMED);
            let places = places.join(", ");
            format!("no rule of the stack {stack} takes it; there are rules for {places}{more}")
        };
        let give_one = "upload the object where a rule takes it; or give a pipeline a trigger with this bucket and a \
                        prefix of this key, write the template, and deploy that";
        let words = [
            "template",
            "pipelines",
            "--output",
            "pipelines/template.yaml",
        ];
        (
            Link::new("rule", Mark::Missing, says),
            Next::run(give_one, self.commands.local(words)),
        )
    }
}

#[cfg(test)]
mod tests;
