//! The rules that hand objects to trigger.

use std::collections::BTreeSet;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{RuleState, Target};
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::{CALLS, Failure, Home, Machine};

mod transformed;

pub(crate) use transformed::transformed;

/// The code for a rule that was deleted.
const GONE: &str = "ResourceNotFoundException";

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
    let rules: Vec<_> = rules.buffered(CALLS).try_collect().await?;
    Ok(rules.into_iter().flatten().collect())
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

/// The rule, unless it takes no events, as one by the clock, or was deleted meanwhile.
async fn described(
    client: &Client,
    rule: RuleName,
    trigger: &str,
) -> Result<Option<Rule>, Failure> {
    let described = client.describe_rule().name(&rule.name).send().await;
    let described = match described {
        Err(error) if error.code() == Some(GONE) => return Ok(None),
        described => described
            .map_err(|error| Failure::of_call("events:DescribeRule", &rule.to_string(), &error))?,
    };
    let Some(pattern) = described.event_pattern else {
        return Ok(None);
    };
    Ok(Some(Rule {
        is_enabled: described.state != Some(RuleState::Disabled),
        pattern,
        targets: targets(client, &rule, trigger).await?,
        name: rule.name,
    }))
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

/// The targets of a rule that are this machine, whichever version or alias of it; none if the rule is gone.
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
            .await;
        let page = match page {
            Err(error) if error.code() == Some(GONE) => return Ok(Vec::new()),
            page => page.map_err(|error| {
                Failure::of_call("events:ListTargetsByRule", &rule.to_string(), &error)
            })?,
        };
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

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::error::ErrorMetadata;
    use aws_sdk_eventbridge::operation::describe_rule::{DescribeRuleError, DescribeRuleOutput};
    use aws_sdk_eventbridge::operation::list_rule_names_by_target::ListRuleNamesByTargetOutput;
    use aws_sdk_eventbridge::operation::list_targets_by_rule::ListTargetsByRuleOutput;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    use super::super::Stack;
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

    /// One rule by the clock, or one that was deleted meanwhile, must not keep the others from being read.
    #[tokio::test]
    async fn rules_that_take_no_events_are_left_out() {
        let listed = mock!(Client::list_rule_names_by_target).then_output(|| {
            let names = ListRuleNamesByTargetOutput::builder();
            names
                .rule_names("clock")
                .rule_names("gone")
                .rule_names("orders")
                .build()
        });
        let described = |name: &'static str, pattern: Option<&'static str>| {
            mock!(Client::describe_rule)
                .match_requests(move |request| request.name() == Some(name))
                .then_output(move || {
                    let rule = DescribeRuleOutput::builder();
                    rule.set_event_pattern(pattern.map(str::to_owned)).build()
                })
        };
        let (clock, orders) = (described("clock", None), described("orders", Some("{}")));
        let gone = mock!(Client::describe_rule)
            .match_requests(|request| request.name() == Some("gone"))
            .then_error(|| {
                let meta = ErrorMetadata::builder().code(GONE).build();
                DescribeRuleError::generic(meta)
            });
        let targets = mock!(Client::list_targets_by_rule)
            .then_output(|| ListTargetsByRuleOutput::builder().build());
        let rules = [&listed, &clock, &gone, &orders, &targets];
        let client = mock_client!(aws_sdk_eventbridge, RuleMode::MatchAny, rules);
        let home = Stack::sample().home;
        let found = of_trigger(&client, &home).await.expect("nothing is denied");
        let names: Vec<_> = found.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(names, ["orders"]);
    }
}
