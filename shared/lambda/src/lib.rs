//! What every function does alike.
//!
//! | module | holds |
//! |---|---|
//! | [`request`] | reading the fields that the Glue functions share |
//! | [`failure`] | the one way to fail, and every error name of our own |
//! | [`logging`] | one JSON line an event |

pub mod failure;
pub mod logging;
pub mod request;
