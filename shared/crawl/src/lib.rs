//! Waiting for a fresh crawl: the words of the protocol, and the decisions taken on them.
//!
//! Nothing here does I/O or knows JSON or the AWS SDK, so every decision can be tested on plain values.
//!
//! | module | holds |
//! |---|---|
//! | [`crawler`] | what Glue says about a crawler and its crawls |
//! | [`protocol`] | is a crawl fresh, is it done: the two halves of one promise |
//! | [`poll`] | when to look again |

pub mod crawler;
pub mod poll;
pub mod protocol;
