//! Starts a Glue crawler, or makes sure that a crawl beginning at or after a given moment happens.
//!
//! With `crawlername` alone it is the tutorials' Python Lambda: one StartCrawler call. With
//! `requestedAt` it is idempotent, and a crawl that began too early is never good enough.

mod handler;

use lambda_runtime::{Error, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::logging::init();
    let glue = &glue::connect().await;
    run(service_fn(move |event| handler::handle(glue, event))).await
}
