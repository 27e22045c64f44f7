//! The dead-letter queue of a stack.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_sqs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sqs::error::BoxError;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, MessageSystemAttributeName, QueueAttributeName,
};
use aws_smithy_types::date_time::{DateTime, Format};
use futures_util::{StreamExt, TryStreamExt, stream};
use time::OffsetDateTime;

use super::parked::Parked;
use super::{CALLS, Failure, Stack};

/// Long polls ask all of the queue's servers: an empty answer means an empty queue.
const POLL_SECONDS: i32 = 1;
/// The most that one call takes or gives back.
const BATCH: usize = 10;
/// A queue tells its time in whole seconds. A clock that is nearer to it than this counts as right.
const NEAR: Duration = Duration::from_secs(2);

/// The queue, from which messages are taken for a while.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    client: Client,
    url: String,
    name: String,
    /// How long what is taken stays hidden from others.
    pub(crate) hidden: Duration,
    /// When it was opened, by its own clock, which stamps the messages.
    pub(crate) opened: OffsetDateTime,
}

impl Queue {
    /// The stack's queue.
    pub(crate) async fn open(stack: &Stack, hidden: Duration) -> Result<Self, Failure> {
        let (client, name) = (Client::new(&stack.config), stack.home.queue());
        let date = Date::default();
        let found = (client.get_queue_url().queue_name(&name))
            .customize()
            .interceptor(date.clone())
            .send()
            .await;
        let url = found
            .map_err(|error| stack.failure("sqs:GetQueueUrl", &name, &error))?
            .queue_url
            .unwrap_or_default();
        Ok(Self {
            client,
            url,
            name,
            hidden,
            opened: moment(OffsetDateTime::now_utc(), date.told()),
        })
    }

    /// About how many messages are hidden. What was done with them in the last minute may be missing there.
    pub(crate) async fn count_hidden(&self) -> Result<u64, Failure> {
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
            .visibility_timeout(seconds(self.hidden))
            .wait_time_seconds(POLL_SECONDS)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .map_err(|error| self.failure("sqs:ReceiveMessage", &error))?;
        let messages = received.messages.unwrap_or_default();
        Ok(messages.into_iter().map(Parked::of).collect())
    }

    /// Deletes a message, which needs the receipt of its last taking: AWS answers to an older one that it is done.
    pub(crate) async fn delete(&self, receipt: &str) -> Result<(), Failure> {
        let deleted = (self.client.delete_message().queue_url(&self.url))
            .receipt_handle(receipt)
            .send();
        deleted
            .await
            .map_err(|error| self.failure("sqs:DeleteMessage", &error))?;
        Ok(())
    }

    /// Keeps messages hidden that were taken, from now on as long as when they were.
    pub(crate) async fn hold(&self, messages: &[Parked]) -> Result<(), Failure> {
        self.hide(messages, self.hidden).await
    }

    /// Gives back messages that were taken, for others to take at once.
    pub(crate) async fn release(&self, messages: &[Parked]) -> Result<(), Failure> {
        self.hide(messages, Duration::ZERO).await
    }

    async fn hide(&self, messages: &[Parked], hidden: Duration) -> Result<(), Failure> {
        let entries: Vec<_> = (messages.iter().enumerate())
            .filter_map(|(number, message)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(&message.receipt)
                    .visibility_timeout(seconds(hidden))
                    .build()
                    .ok()
            })
            .collect();
        let batches: Vec<_> = entries.chunks(BATCH).map(<[_]>::to_vec).collect();
        let calls = stream::iter(batches).map(|batch| {
            (self.client.change_message_visibility_batch())
                .queue_url(&self.url)
                .set_entries(Some(batch))
                .send()
        });
        let changed: Result<Vec<_>, _> = calls.buffer_unordered(CALLS).try_collect().await;
        changed.map_err(|error| self.failure("sqs:ChangeMessageVisibility", &error))?;
        Ok(())
    }

    fn failure<E>(&self, action: &'static str, error: &aws_sdk_sqs::error::SdkError<E>) -> Failure
    where
        E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + 'static,
    {
        Failure::of_call(action, &self.name, error)
    }
}

fn seconds(span: Duration) -> i32 {
    span.as_secs().try_into().unwrap_or(i32::MAX)
}

/// What the queue's clock shows, given this machine's and what the queue has told.
fn moment(here: OffsetDateTime, told: Option<OffsetDateTime>) -> OffsetDateTime {
    match told {
        Some(told) if (here - told).unsigned_abs() >= NEAR => told,
        _ => here,
    }
}

/// The time at which an answer was made.
#[derive(Debug, Clone, Default)]
struct Date(Arc<Mutex<Option<String>>>);

impl Date {
    fn told(&self) -> Option<OffsetDateTime> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let date = DateTime::from_str(told.as_deref()?, Format::HttpDate).ok()?;
        OffsetDateTime::from_unix_timestamp(date.secs()).ok()
    }
}

impl Intercept for Date {
    fn name(&self) -> &'static str {
        "Date"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").map(str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_mocks::{mock, mock_client};
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    /// What was parked just now must not pass as newer because this machine's clock is behind; nor may the seconds of
    /// the queue hide what a right clock tells more exactly.
    #[test]
    fn the_moment_is_by_the_clock_of_the_queue() {
        let here = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_000_001);
        let minutes = Duration::from_mins(3);
        for (told, moment_there) in [
            (None, here),
            (Some(here), here),
            (Some(here - Duration::from_secs(1)), here),
            (Some(here + minutes), here + minutes),
            (Some(here - minutes), here - minutes),
        ] {
            assert_eq!(moment(here, told), moment_there);
        }
    }

    /// SQS stamps messages by the clock that also dates its answers.
    #[tokio::test]
    async fn an_answer_tells_its_time() {
        let rule = mock!(Client::get_queue_url).then_http_response(|| {
            let status = StatusCode::try_from(200).expect("a status");
            let mut answer = HttpResponse::new(status, SdkBody::from("{}"));
            (answer.headers_mut()).insert("date", "Tue, 15 Nov 1994 08:12:31 GMT");
            answer
        });
        let client = mock_client!(aws_sdk_sqs, [&rule]);
        let date = Date::default();
        assert_eq!(date.told(), None);
        let call = client.get_queue_url().queue_name("q").customize();
        let answered = call.interceptor(date.clone()).send().await;
        assert!(answered.is_ok(), "{answered:?}");
        let told = date.told().map(OffsetDateTime::unix_timestamp);
        assert_eq!(told, Some(784_887_151));
    }
}
