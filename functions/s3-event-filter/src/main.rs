//! Decides whether an S3 event starts a pipeline, and names the execution that it starts.
//!
//! All events of one window get one name, so starting an execution that exists already is a
//! success: it begins after the window, and therefore after every object of it has landed.

mod event;
mod execution;
mod filter;
mod glob;
mod handler;
mod number;

use std::future::ready;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::{logging, setting};
use time::OffsetDateTime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init()?;
    let settings = handler::Settings::read(&setting::environment).inspect_err(logging::refuse)?;
    run(service_fn(|event: LambdaEvent<_>| {
        ready(handler::handle(
            &settings,
            &event.payload,
            OffsetDateTime::now_utc(),
        ))
    }))
    .await
}
