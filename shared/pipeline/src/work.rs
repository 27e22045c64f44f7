//! What a step starts.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

/// Something that a step starts, and how its failures are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Task {
    kind: Kind,
    /// The error of a run that it ends.
    failure: &'static str,
    /// What causes call it: "job load-orders".
    subject: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Job,
    Function,
    Query,
    Machine,
    Crawl,
}

/// What work is started with. Small beside it, [`Task`] can be copied by the machine, and this cannot.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Request {
    /// A Glue job.
    Job {
        /// Its name.
        job: String,
        /// All of its arguments.
        arguments: BTreeMap<String, String>,
    },
    /// A Lambda function.
    Function {
        /// Its name, perhaps with an alias or version.
        function: String,
        /// What it gets.
        payload: Value,
    },
    /// An Athena query.
    Query {
        /// As Athena takes it.
        request: QueryRequest,
    },
    /// A state machine.
    Machine {
        /// Its name, perhaps with an alias or version.
        machine: String,
        /// Its input.
        input: Map<String, Value>,
    },
}

/// <https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct QueryRequest {
    pub(crate) query_string: String,
    pub(crate) work_group: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) query_execution_context: Option<QueryContext>,
    /// SQL: a string is a literal in its quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) execution_parameters: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueryContext {
    pub(crate) database: String,
}

impl Task {
    /// The crawl of a step.
    pub(crate) fn crawl(crawler: &str) -> Self {
        Self::new(Kind::Crawl, crawler)
    }

    fn new(kind: Kind, name: &str) -> Self {
        let (failure, noun) = match kind {
            Kind::Job => ("JobFailed", "job"),
            Kind::Function => ("FunctionFailed", "function"),
            Kind::Query => ("QueryFailed", "query in workgroup"),
            Kind::Machine => ("MachineFailed", "machine"),
            Kind::Crawl => ("CrawlFailed", "crawler"),
        };
        let subject = format!("{noun} {name}");
        Self {
            kind,
            failure,
            subject,
        }
    }
}

impl Request {
    /// What is started with it.
    pub(crate) fn task(&self) -> Task {
        let (kind, name) = match self {
            Self::Job { job, .. } => (Kind::Job, job),
            Self::Function { function, .. } => (Kind::Function, function),
            Self::Query { request } => (Kind::Query, &request.work_group),
            Self::Machine { machine, .. } => (Kind::Machine, machine),
        };
        Task::new(kind, name)
    }
}
