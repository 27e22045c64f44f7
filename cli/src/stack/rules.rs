//! The rules that hand objects to trigger.

use std::collections::BTreeSet;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{RuleState, Target};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::{Failure, Home, Machine};

/// What stands for the event in a rule's input template.
const EVENT: &str = "<aws.events.event.json>";
/// Calls side by side.
const CALLS: usize = 10;

/// A rule of the default bus whose target is trigger.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) is_enabled: bool,
    pub(crate) pattern: String,
    /// Those that are trigger.
    pub(crate) targets: Vec<Target>,
}

/// The rules of the stack's Region that hand events to its trigger, by their names.
pub(crate) async fn of_trigger(client: &Client, home: &Home) -> Result<Vec<Rule>, Failure> {
    let trigger = home.machine(Machine::Trigger);
    let rules = names(client, home).await?.into_iter();
    let rules = stream::iter(rules).map(|rule| described(client, rule, &trigger));
    rules.buffered(CALLS).try_collect().await
}

/// What those rules hand events to, with the rule's name: only what is trigger.
pub(crate) async fn targets_of_trigger(
    client: &Client,
    home: &Home,
) -> Result<Vec<(String, Target)>, Failure> {
    let trigger = &home.machine(Machine::Trigger);
    let rules = names(client, home).await?.into_iter();
    let found = stream::iter(rules).map(|rule| async move {
        let targets = targets(client, &rule, trigger).await?.into_iter();
        let named = targets.map(|target| (rule.name.clone(), target));
        Ok::<_, Failure>(named.collect::<Vec<_>>())
    });
    let found: Vec<_> = found.buffered(CALLS).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn names(client: &Client, home: &Home) -> Result<Vec<RuleName>, Failure> {
    let mut names = BTreeSet::new();
    for target in [home.alias(Machine::Trigger), home.machine(Machine::Trigger)] {
        let mut next = None;
        loop {
            let page = (client.list_rule_names_by_target().target_arn(&target))
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| {
                    Failure::of_call("events:ListRuleNamesByTarget", &target, &error)
                })?;
            names.extend(page.rule_names.unwrap_or_default());
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
    }
    let names = names.into_iter();
    Ok(names.map(|name| RuleName { name, bus: None }).collect())
}

async fn described(client: &Client, rule: RuleName, trigger: &str) -> Result<Rule, Failure> {
    let described = client.describe_rule().name(&rule.name).send().await;
    let described = described
        .map_err(|error| Failure::of_call("events:DescribeRule", &rule.to_string(), &error))?;
    Ok(Rule {
        is_enabled: described.state != Some(RuleState::Disabled),
        pattern: described.event_pattern.unwrap_or_default(),
        targets: targets(client, &rule, trigger).await?,
        name: rule.name,
    })
}

/// Whether a rule with this pattern takes the event, as EventBridge itself says.
pub(crate) async fn takes(client: &Client, pattern: &str, event: &Value) -> Result<bool, Failure> {
    let tested = (client.test_event_pattern())
        .event_pattern(pattern)
        .event(event.to_string())
        .send()
        .await;
    let tested = tested
        .map_err(|error| Failure::of_call("events:TestEventPattern", "event patterns", &error))?;
    Ok(tested.result)
}

/// The targets of a rule that are this machine, whichever version or alias of it.
pub(crate) async fn targets(
    client: &Client,
    rule: &RuleName,
    machine: &str,
) -> Result<Vec<Target>, Failure> {
    let mut found = Vec::new();
    let mut next = None;
    loop {
        let page = (client.list_targets_by_rule().rule(&rule.name))
            .set_event_bus_name(rule.bus.clone())
            .set_next_token(next)
            .send()
            .await
            .map_err(|error| {
                Failure::of_call("events:ListTargetsByRule", &rule.to_string(), &error)
            })?;
        found.extend(page.targets.unwrap_or_default());
        next = page.next_token;
        if next.is_none() {
            break;
        }
    }
    found.retain(|target| is_of(&target.arn, machine));
    Ok(found)
}

/// Whether the ARN is the machine's own, or that of a version or an alias of it.
pub(crate) fn is_of(arn: &str, machine: &str) -> bool {
    (arn.strip_prefix(machine)).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// A rule, and its bus unless that is the default one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleName {
    pub(crate) name: String,
    pub(crate) bus: Option<String>,
}

impl RuleName {
    /// Of its ARN: `arn:aws:events:…:rule/name`, or `…:rule/bus/name`.
    pub(crate) fn of(arn: &str) -> Option<Self> {
        let (_, path) = arn.split_once(":rule/")?;
        let (bus, name) = match path.rsplit_once('/') {
            Some((bus, name)) => (Some(bus.to_owned()), name),
            None => (None, path),
        };
        Some(Self {
            name: name.to_owned(),
            bus,
        })
    }
}

impl std::fmt::Display for RuleName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "rule {}", self.name)
    }
}

/// What the target gets of an event: all of it, unless a template takes it up.
///
/// # Errors
/// The template takes more than the event as a whole.
pub(crate) fn transformed(target: &Target, event: &Value) -> Result<Value, serde_json::Error> {
    let template = target
        .input_transformer
        .as_ref()
        .map_or(EVENT, |transformer| transformer.input_template.as_str());
    serde_json::from_str(&template.replace(EVENT, &event.to_string()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::types::InputTransformer;
    use serde_json::json;

    use super::*;

    /// A rule of another bus must not be taken for one of the same name.
    #[test]
    fn rules_are_named_with_their_bus() {
        let of = |arn: &str| RuleName::of(arn).map(|rule| (rule.bus, rule.name));
        let start = "arn:aws:events:eu-west-1:123456789012";
        assert_eq!(of(&format!("{start}:rule/a")), Some((None, "a".to_owned())));
        let other = Some((Some("bus".to_owned()), "a".to_owned()));
        assert_eq!(of(&format!("{start}:rule/bus/a")), other);
        assert_eq!(of(&format!("{start}:event-bus/bus")), None);
    }

    /// Versions and aliases are the machine's own; a machine whose name goes on is another.
    #[test]
    fn a_target_may_be_any_version_of_the_machine() {
        assert!(is_of("m", "m") && is_of("m:live", "m") && is_of("m:3", "m"));
        assert!(!is_of("m-old", "m") && !is_of("n", "m"));
    }

    /// The event is put in as it is; a template of other variables says nothing that could be read.
    #[test]
    fn the_template_takes_up_the_event() {
        let target = |template: Option<&str>| {
            let transformer = template.map(|template| {
                let transformer = InputTransformer::builder().input_template(template);
                transformer.build().expect("it has a template")
            });
            let target = Target::builder().id("t").arn("m");
            let target = target.set_input_transformer(transformer).build();
            target.expect("it has an id and an ARN")
        };
        let event = json!({"id": "\"<1>\""});
        let given = |template| transformed(&target(template), &event).ok();
        assert_eq!(given(None), Some(event.clone()));
        let template = r#"{"event": <aws.events.event.json>, "pipeline": "p"}"#;
        let input = json!({"event": event, "pipeline": "p"});
        assert_eq!(given(Some(template)), Some(input));
        assert_eq!(given(Some(r#"{"key": <key>}"#)), None);
    }
}
