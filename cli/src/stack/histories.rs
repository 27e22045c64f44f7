//! Histories of runs, from Step Functions.

use std::collections::HashMap;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::HistoryEvent;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use super::run::{News, Reader, Run};
use super::{CALLS, Failure, Stack};

/// Events of a page: all that there may be at the first look, few at the others.
const MANY: i32 = 1_000;
const FEW: i32 = 100;

/// Reads the run of this ARN as it is now, with the crawls that it did not await.
pub(crate) async fn read(stack: &Stack, arn: &str) -> Result<Run, Failure> {
    let mut watch = Watch::new(stack, arn);
    watch.look().await?;
    Ok(watch.reader.run().clone())
}

/// A run that is looked at again and again.
pub(crate) struct Watch<'a> {
    stack: &'a Stack,
    client: Client,
    arn: String,
    reader: Reader,
    /// The newest event that has been read, of the run and of each crawl.
    seen: HashMap<String, i64>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(stack: &'a Stack, arn: &str) -> Self {
        Self {
            stack,
            client: stack.states(),
            arn: arn.to_owned(),
            reader: Reader::new(arn, Timestamp::now()),
            seen: HashMap::new(),
        }
    }

    /// The run as it was at the last look.
    pub(crate) fn run(&self) -> &Run {
        self.reader.run()
    }

    /// What has happened since the last look, in order.
    pub(crate) async fn look(&mut self) -> Result<Vec<News>, Failure> {
        let mut news = Vec::new();
        for event in self.since(&self.arn).await? {
            self.seen.insert(self.arn.clone(), event.id());
            news.extend(self.reader.read(&event));
        }
        let crawls = stream::iter(self.reader.crawls()).map(|arn| async {
            let events = self.since(&arn).await;
            (arn, events)
        });
        let crawls: Vec<_> = crawls.buffered(CALLS).collect().await;
        for (arn, events) in crawls {
            let events = match events {
                Ok(events) => events,
                // The run can be told without.
                Err(untold @ (Failure::Denied { .. } | Failure::NoRun(..))) => {
                    let why = match untold {
                        Failure::NoRun(..) => "Step Functions has forgotten it".to_owned(),
                        denied => denied.to_string(),
                    };
                    news.extend(self.reader.leave_crawl(&arn, Timestamp::now(), why));
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            for event in events {
                self.seen.insert(arn.clone(), event.id());
                news.extend(self.reader.read_crawl(&arn, &event));
            }
        }
        news.sort_by_key(|news| news.at);
        Ok(news)
    }

    /// The events of an execution that have not been read, in order.
    async fn since(&self, arn: &str) -> Result<Vec<HistoryEvent>, Failure> {
        let seen = self.seen.get(arn).copied().unwrap_or_default();
        // The newest first: of a long history little is read again.
        let mut pages = self
            .client
            .get_execution_history()
            .execution_arn(arn)
            .reverse_order(true)
            .max_results(if seen == 0 { MANY } else { FEW })
            .into_paginator()
            .send();
        let mut events = Vec::new();
        'pages: while let Some(page) = pages.next().await {
            let page = page
                .map_err(|error| (self.stack).failure("states:GetExecutionHistory", arn, &error))?;
            for event in page.events {
                if event.id() <= seen {
                    break 'pages;
                }
                events.push(event);
            }
        }
        events.reverse();
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::operation::get_execution_history::{
        GetExecutionHistoryError, GetExecutionHistoryOutput,
    };
    use aws_smithy_mocks::{RuleMode, mock, mock_client};
    use aws_smithy_types::error::ErrorMetadata;

    use super::super::run::Standing;
    use super::super::run::tests::Recorded;
    use super::*;

    /// Who may not see the crawls, or comes when they are forgotten, wants to see the run all the same.
    #[tokio::test]
    async fn a_run_is_told_without_the_crawls_that_nobody_tells() {
        let recorded = tokio::task::spawn_blocking(|| Recorded::load("succeeded"));
        let recorded = recorded.await.expect("it is read");
        let arn = recorded.arn.clone();
        let of_run = mock!(Client::get_execution_history)
            .match_requests(move |request| request.execution_arn() == Some(arn.as_str()))
            .then_output({
                let events: Vec<_> = recorded.events.iter().rev().cloned().collect();
                move || {
                    let told = GetExecutionHistoryOutput::builder();
                    let told = told.set_events(Some(events.clone())).build();
                    told.expect("it has events")
                }
            });
        let of_crawls = mock!(Client::get_execution_history).then_error(|| {
            let denied = ErrorMetadata::builder().code("AccessDeniedException");
            GetExecutionHistoryError::generic(denied.build())
        });
        let stack = Stack::sample();
        let mut watch = Watch {
            client: mock_client!(aws_sdk_sfn, RuleMode::MatchAny, [&of_run, &of_crawls]),
            ..Watch::new(&stack, &recorded.arn)
        };
        watch.look().await.expect("the run can be told");
        assert!(watch.run().is_over());
        assert!(watch.run().problems().is_empty());
        let mut crawls = (watch.run().steps()).filter_map(|(_, _, step)| step.crawling());
        assert!(crawls.any(|crawl| matches!(&crawl.standing, Standing::Untold { why, .. } if why.contains("denied"))));
    }
}
