//! The dead-letter queue of a stack.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, MessageSystemAttributeName, QueueAttributeName,
};
use futures_util::future::try_join_all;

use super::parked::Parked;
use super::{Failure, Stack};

/// Long polls ask all of the queue's servers: an empty answer means an empty queue.
const POLL_SECONDS: i32 = 1;
/// The most that one call takes or gives back.
const BATCH: usize = 10;

/// The queue, from which messages are taken for a while.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    client: Client,
    url: String,
    name: String,
    /// How long what is taken stays hidden from others.
    hidden: Duration,
}

impl Queue {
    /// The stack's queue.
    pub(crate) async fn open(stack: &Stack, hidden: Duration) -> Result<Self, Failure> {
        let (client, name) = (Client::new(&stack.config), stack.home.queue());
        let found = client.get_queue_url().queue_name(&name).send().await;
        let url = found
            .map_err(|error| stack.failure("sqs:GetQueueUrl", &name, &error))?
            .queue_url
            .unwrap_or_default();
        Ok(Self {
            client,
            url,
            name,
            hidden,
        })
    }

    /// How many messages others have taken.
    pub(crate) async fn taken_by_others(&self) -> Result<u64, Failure> {
        let attribute = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let told = (self.client.get_queue_attributes().queue_url(&self.url))
            .attribute_names(attribute.clone())
            .send()
            .await
            .map_err(|error| self.failure("sqs:GetQueueAttributes", &error))?;
        let count = told.attributes().and_then(|told| told.get(&attribute));
        Ok(count
            .and_then(|count| count.parse().ok())
            .unwrap_or_default())
    }

    /// Takes some messages, at most so many; none means that none is left.
    pub(crate) async fn take(&self, most: usize) -> Result<Vec<Parked>, Failure> {
        let received = (self.client.receive_message().queue_url(&self.url))
            .max_number_of_messages(most.min(BATCH).try_into().unwrap_or(1))
            .visibility_timeout(self.hidden.as_secs().try_into().unwrap_or(i32::MAX))
            .wait_time_seconds(POLL_SECONDS)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .map_err(|error| self.failure("sqs:ReceiveMessage", &error))?;
        let messages = received.messages.unwrap_or_default();
        Ok(messages.into_iter().map(Parked::of).collect())
    }

    /// Deletes a message that was taken.
    pub(crate) async fn delete(&self, message: &Parked) -> Result<(), Failure> {
        let deleted = (self.client.delete_message().queue_url(&self.url))
            .receipt_handle(&message.receipt)
            .send();
        deleted
            .await
            .map_err(|error| self.failure("sqs:DeleteMessage", &error))?;
        Ok(())
    }

    /// Gives back messages that were taken, for others to take at once.
    pub(crate) async fn release<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a Parked>,
    ) -> Result<(), Failure> {
        let entries: Vec<_> = (messages.into_iter().enumerate())
            .filter_map(|(number, message)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(&message.receipt)
                    .visibility_timeout(0)
                    .build()
                    .ok()
            })
            .collect();
        let calls = entries.chunks(BATCH).map(|entries| {
            (self.client.change_message_visibility_batch())
                .queue_url(&self.url)
                .set_entries(Some(entries.to_vec()))
                .send()
        });
        let released = try_join_all(calls).await;
        released.map_err(|error| self.failure("sqs:ChangeMessageVisibility", &error))?;
        Ok(())
    }

    fn failure<E>(&self, action: &'static str, error: &aws_sdk_sqs::error::SdkError<E>) -> Failure
    where
        E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + 'static,
    {
        Failure::of_call(action, &self.name, error)
    }
}
