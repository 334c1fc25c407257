//! The integration tests: one binary, one module per area.

#[path = "../architecture.rs"]
mod architecture;
