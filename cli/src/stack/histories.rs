//! Histories of runs, from Step Functions.

use std::collections::HashMap;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::HistoryEvent;
use futures_util::{StreamExt, TryStreamExt, stream};
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
        for event in self.since(self.arn.clone()).await?.1 {
            self.seen.insert(self.arn.clone(), event.id());
            news.extend(self.reader.read(&event));
        }
        let crawls = stream::iter(self.reader.crawls()).map(|arn| self.since(arn));
        let crawls: Vec<_> = crawls.buffered(CALLS).try_collect().await?;
        for (arn, events) in crawls {
            for event in events {
                self.seen.insert(arn.clone(), event.id());
                news.extend(self.reader.read_crawl(&arn, &event));
            }
        }
        news.sort_by_key(|news| news.at);
        Ok(news)
    }

    /// The events of an execution that have not been read, in order.
    async fn since(&self, arn: String) -> Result<(String, Vec<HistoryEvent>), Failure> {
        let seen = self.seen.get(&arn).copied().unwrap_or_default();
        // The newest first: of a long history little is read again.
        let mut pages = self
            .client
            .get_execution_history()
            .execution_arn(&arn)
            .reverse_order(true)
            .max_results(if seen == 0 { MANY } else { FEW })
            .into_paginator()
            .send();
        let mut events = Vec::new();
        'pages: while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                (self.stack).failure("states:GetExecutionHistory", &arn, &error)
            })?;
            for event in page.events {
                if event.id() <= seen {
                    break 'pages;
                }
                events.push(event);
            }
        }
        events.reverse();
        Ok((arn, events))
    }
}
