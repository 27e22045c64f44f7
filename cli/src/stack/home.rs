//! Where a stack is, from which the names of all its parts follow.

use std::fmt;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use regex_lite::Regex;

use super::run::{Kind, Work};

/// All that the parts of an address may not have, however strictly they are read.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A stack, its account and its Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    /// `aws`; in China `aws-cn`, in the Regions of the US government `aws-us-gov`.
    pub(crate) partition: String,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) stack: String,
}

/// A state machine of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    Pipeline,
    Trigger,
}

impl Machine {
    /// What stands behind the stack's name in the machine's.
    fn name(self) -> &'static str {
        match self {
            Self::Pipeline => "pipeline",
            Self::Trigger => "trigger",
        }
    }
}

impl Home {
    /// The ARN of a machine, without a version or an alias.
    pub(crate) fn machine(&self, machine: Machine) -> String {
        let name = format!("{}-{}", self.stack, machine.name());
        self.arn("states", &format!("stateMachine:{name}"))
    }

    /// The ARN that callers start, behind which the current version is.
    pub(crate) fn alias(&self, machine: Machine) -> String {
        format!("{}:live", self.machine(machine))
    }

    /// The ARN of an execution.
    pub(crate) fn execution(&self, machine: Machine, name: &str) -> String {
        let machine = format!("{}-{}", self.stack, machine.name());
        self.arn("states", &format!("execution:{machine}:{name}"))
    }

    /// The name of the queue of what could not be started.
    pub(crate) fn queue(&self) -> String {
        format!("{}-dead-letters", self.stack)
    }

    /// An ARN in the stack's account and Region.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let Self {
            partition,
            region,
            account,
            ..
        } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// A page of AWS's console.
    pub(crate) fn page(&self, service: &str, place: &str) -> String {
        let domain = match self.partition.as_str() {
            "aws-cn" => "console.amazonaws.cn",
            "aws-us-gov" => "console.amazonaws-us-gov.com",
            _ => "console.aws.amazon.com",
        };
        let region = &self.region;
        format!("https://{region}.{domain}/{service}/home?region={region}#{place}")
    }

    /// The page of what an attempt has started; for a function, whose invocations have none, its own.
    pub(crate) fn page_of_attempt(&self, work: &Work, id: Option<&str>) -> Option<String> {
        let subject = utf8_percent_encode(&work.subject, ESCAPED);
        Some(match (work.kind, id) {
            (Kind::Job, Some(id)) => self.page("gluestudio", &format!("/job/{subject}/run/{id}")),
            (Kind::Query, Some(id)) => self.page("athena", &format!("/query-editor/history/{id}")),
            (Kind::Machine, Some(arn)) => self.page_of_execution(arn),
            (Kind::Function, _) => {
                let name = function_name(&work.subject);
                self.page("lambda", &format!("/functions/{name}"))
            }
            (_, None) => return None,
        })
    }

    /// The page of a stream of logs.
    pub(crate) fn page_of_log(&self, group: &str, stream: &str) -> String {
        self.page_of_group(group, &format!("/{}", twice(stream)))
    }

    /// The page of all that a group of logs got between two moments.
    pub(crate) fn page_of_logs(&self, group: &str, from: Timestamp, until: Timestamp) -> String {
        let [from, until] = [from, until].map(Timestamp::as_millisecond);
        self.page_of_group(group, &format!("$3Fstart$3D{from}$26end$3D{until}"))
    }

    fn page_of_group(&self, group: &str, events: &str) -> String {
        let group = twice(group);
        let place = format!("logsV2:log-groups/log-group/{group}/log-events{events}");
        self.page("cloudwatch", &place)
    }

    /// The page of an execution.
    pub(crate) fn page_of_execution(&self, arn: &str) -> String {
        self.page("states", &format!("/v2/executions/details/{arn}"))
    }
}

/// The console of logs escapes names twice, with a $ for each % of the second time.
fn twice(name: &str) -> String {
    let once = utf8_percent_encode(name, ESCAPED).to_string();
    once.replace('%', "$25")
}

/// The function's name without its alias.
pub(crate) fn function_name(subject: &str) -> &str {
    subject.split(':').next().unwrap_or(subject)
}

impl fmt::Display for Home {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            stack,
            region,
            account,
            ..
        } = self;
        write!(formatter, "stack {stack} in {region} of account {account}")
    }
}

/// The partition and the account of a caller, from its ARN: `arn:aws:sts::123456789012:assumed-role/…`.
pub(super) fn partition_and_account(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.split(':');
    let partition = parts.nth(1)?;
    let account = parts.nth(2)?;
    let is_account = Regex::new(r"^\d{12}$").ok()?.is_match(account);
    is_account.then_some((partition, account))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(partition: &str, region: &str) -> Home {
        Home {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: "123456789012".to_owned(),
            stack: "etl".to_owned(),
        }
    }

    /// Names follow from the stack's, as template.yaml gives them.
    #[test]
    fn parts_are_named_after_the_stack() {
        let home = home("aws", "eu-west-1");
        assert_eq!(
            home.machine(Machine::Pipeline),
            "arn:aws:states:eu-west-1:123456789012:stateMachine:etl-pipeline"
        );
        assert_eq!(
            home.alias(Machine::Trigger),
            "arn:aws:states:eu-west-1:123456789012:stateMachine:etl-trigger:live"
        );
        assert_eq!(home.queue(), "etl-dead-letters");
    }

    /// China and the US government have ARNs and a console of their own.
    #[test]
    fn partitions_have_their_own_arns_and_consoles() {
        for (partition, region, domain) in [
            ("aws-cn", "cn-north-1", "console.amazonaws.cn"),
            (
                "aws-us-gov",
                "us-gov-west-1",
                "console.amazonaws-us-gov.com",
            ),
        ] {
            let home = home(partition, region);
            let arn = home.execution(Machine::Pipeline, "x");
            assert!(arn.starts_with(&format!("arn:{partition}:states:{region}:")));
            assert_eq!(
                home.page_of_execution(&arn),
                format!(
                    "https://{region}.{domain}/states/home?region={region}#/v2/executions/details/{arn}"
                )
            );
        }
    }

    /// Links of people's names work, whatever is in those.
    #[test]
    fn pages_hold_any_name() {
        let home = home("aws", "eu-west-1");
        let work = Work {
            kind: Kind::Job,
            subject: "load <all> & more".to_owned(),
            attempts: Vec::new(),
        };
        assert_eq!(
            home.page_of_attempt(&work, Some("jr_1")).as_deref(),
            Some(
                "https://eu-west-1.console.aws.amazon.com/gluestudio/home?region=eu-west-1#/job/\
                 load%20%3Call%3E%20%26%20more/run/jr_1"
            )
        );
        assert_eq!(
            home.page_of_log("/aws-glue/crawlers", "my tables"),
            "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/\
             $252Faws-glue$252Fcrawlers/log-events/my$2520tables"
        );
        let second = Timestamp::from_second;
        let (from, until) = (
            second(1).expect("it is in range"),
            second(2).expect("it is in range"),
        );
        assert!(
            home.page_of_logs("/aws/lambda/check", from, until)
                .ends_with("$252Faws$252Flambda$252Fcheck/log-events$3Fstart$3D1000$26end$3D2000")
        );
    }

    /// Who calls tells the account, whatever it calls as.
    #[test]
    fn a_caller_tells_its_partition_and_account() {
        for (arn, expected) in [
            (
                "arn:aws:iam::123456789012:root",
                Some(("aws", "123456789012")),
            ),
            (
                "arn:aws-cn:sts::123456789012:assumed-role/a/b:c",
                Some(("aws-cn", "123456789012")),
            ),
            ("arn:aws:iam::aws:policy/x", None),
            ("nobody", None),
        ] {
            assert_eq!(partition_and_account(arn), expected);
        }
    }
}
