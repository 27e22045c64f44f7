//! Decides whether an S3 event starts a pipeline, and names the execution that it starts.
//!
//! All events of one window get one name, so starting an execution that exists already is a
//! success: it begins after the window, and therefore after every object of it has landed.
//!
//! | module | holds |
//! |---|---|
//! | `handler` | from the input to the answer |
//! | `event` | what an event says about an object |
//! | `filter` | which objects matter |
//! | `glob` | patterns of keys |
//! | `execution` | the run that serves an object: its name and its window |

mod event;
mod execution;
mod filter;
mod glob;
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
