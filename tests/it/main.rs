//! The integration tests: one binary, one module per area.

mod apply;
#[path = "../architecture.rs"]
mod architecture;
mod bad_input;
mod cli;
mod commands;
mod compare;
mod deploy;
mod device;
mod engine_properties;
mod evaluator;
mod example;
mod fuzz;
mod model_agrees;
mod origins;
mod place;
mod plan;
mod plan_properties;
mod policy;
mod sim;
