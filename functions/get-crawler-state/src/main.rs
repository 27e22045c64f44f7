//! Tells how a crawl is doing, and judges it: `state` is Glue's own word, `crawl.status` the verdict.
//!
//! READY is not success: a last crawl that failed, or that is the one from before, never counts as done.

mod handler;
mod summary;

use lambda_runtime::{Error, run, service_fn};
use shared::poll::PollBounds;
use shared::{logging, setting};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init()?;
    let bounds = PollBounds::from_settings(&setting::environment).inspect_err(logging::refuse)?;
    let glue = &glue_client::connect().await;
    run(service_fn(move |event| {
        handler::handle(glue, bounds, event)
    }))
    .await
}
