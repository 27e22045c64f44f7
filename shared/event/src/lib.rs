//! What an S3 event comes to, pure: whether its object matters, and which execution serves it.
//!
//! All events of one window get one name, so starting an execution that exists already is a
//! success: it begins after the window, and therefore after every object of it has landed.
//!
//! | module | holds |
//! |---|---|
//! | [`decision`] | from an event and what its rule says to the decision |
//! | [`s3`] | what an event says about an object |
//! | [`execution`] | the run that serves an object: its name and its window |
//! | `filter` | which objects matter |
//! | `glob` | patterns of keys |

pub mod decision;
pub mod execution;
mod filter;
mod glob;
pub mod s3;
