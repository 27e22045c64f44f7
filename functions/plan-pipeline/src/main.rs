//! Checks a pipeline, and plans the run that the state machine carries out.
//!
//! The machine decides nothing: every default is filled in, every argument merged, every step has its place in words.

mod handler;

use std::future::ready;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::logging::init();
    run(service_fn(|event: LambdaEvent<_>| {
        ready(handler::handle(&event.payload))
    }))
    .await
}
