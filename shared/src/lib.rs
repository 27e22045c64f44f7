//! What the functions have in common: the words of the crawler protocol, the decisions taken on
//! them, and the edges (requests, settings, logs) that must look alike.
//!
//! Nothing here does I/O or knows the AWS SDK, so every decision can be tested on plain values.
//!
//! | module | holds |
//! |---|---|
//! | [`crawler`] | what Glue says about a crawler and its crawls |
//! | [`protocol`] | is a crawl fresh, is it done: the two halves of one promise |
//! | [`poll`] | when to look again |
//! | [`request`] | reading a Lambda's input, with errors that name the field |
//! | [`setting`] | reading environment variables, with errors that name the variable |
//! | [`error_name`] | every error name of our own that a state machine may match |
//! | [`logging`] | one JSON line an event |

pub mod crawler;
pub mod error_name;
pub mod logging;
pub mod poll;
pub mod protocol;
pub mod request;
pub mod setting;
