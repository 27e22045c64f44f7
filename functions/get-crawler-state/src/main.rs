//! Tells how a crawl is doing, and judges it: `state` is Glue's own word, `crawl.status` the verdict.
//!
//! READY is not success: a last crawl that failed, or that is the one from before, never counts as done.

mod handler;
mod summary;

use lambda_runtime::{Error, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::logging::init();
    let glue = &glue::connect().await;
    run(service_fn(move |event| handler::handle(glue, event))).await
}
