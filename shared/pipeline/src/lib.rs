//! What a pipeline is, pure: its form and its rules, and the plan that the state machine carries out.
//!
//! | module | holds |
//! |---|---|
//! | [`spec`] | the types that a pipeline file is read into; `pipelines/schema.json` is generated from them |
//! | [`plan`] | what a run of it does, with nothing left to decide |
//! | [`window`] | the span of time whose objects share a run |

pub mod plan;
pub mod spec;
pub mod window;
