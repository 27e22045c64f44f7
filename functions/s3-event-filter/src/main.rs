//! Decides whether an S3 event starts a pipeline, and names the execution that it starts.

mod handler;

use std::future::ready;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use time::OffsetDateTime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::logging::init();
    run(service_fn(|event: LambdaEvent<_>| {
        ready(handler::handle(&event.payload, OffsetDateTime::now_utc()))
    }))
    .await
}
