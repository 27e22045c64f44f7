//! What a pipeline is, pure: its form and its rules, and the plan that the state machine carries out.
//!
//! | module | holds |
//! |---|---|
//! | [`spec`] | the types that a pipeline file is read into; `pipelines/schema.json` is generated from them |
//! | [`trigger`] | what starts it: objects, or the clock |
//! | [`notify`] | who is told how a run ended |
//! | [`text`] | texts with values of the run in them |
//! | [`plan`] | what a run of it does, with nothing left to decide |
//! | [`work`] | what a step of it starts |
//! | [`window`] | the span of time whose objects share a run |

pub mod notify;
pub mod plan;
pub mod spec;
pub mod text;
pub mod trigger;
pub mod window;
pub mod work;
