//! The integration tests: one binary, one module per area.

#[path = "../architecture.rs"]
mod architecture;
mod device;
mod evaluator;
mod sim;
mod plan;
mod plan_properties;
mod example;
mod compare;
