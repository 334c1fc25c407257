//! Simulated devices.
//!
//! One pure model per device (`model`, with `ios` and `frr` for what is particular), a
//! terminal in front of it (`console`), and a real SSH server in front of many of them
//! (`server`, `fleet`). The models are written from what the real systems do, not from the
//! platform packs, and share nothing with the planner or its replay: they are what both are
//! checked against.

mod clock;
pub mod command;
mod configure;
mod console;
mod faults;
mod fleet;
mod frr;
mod gate;
mod grammar;
mod info;
mod inventory;
mod ios;
mod model;
mod reach;
mod server;
mod session;
mod spec;
#[cfg(test)]
mod tests;
mod tree;
mod words;

pub use clock::Pace;
pub use faults::{Faults, Refuse};
pub use fleet::{Fleet, FleetOptions};
pub use info::{DeviceInfo, SimError};
pub use inventory::load_directory;
pub use model::{Model, Reply, Terminal};
pub use spec::{DeviceSpec, Platform};
