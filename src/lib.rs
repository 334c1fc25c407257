//! Netkeel: a GitOps configuration compliance controller for networks.
//!
//! One pass over one device is an *attempt*: observe, decide, (if allowed) act, observe
//! again. The decision is pure and complete; the act has nothing left to choose.
//!
//! ```text
//!  source ──> intent ──┐
//!  (git)     (evaluator)├─> plan ──> apply ──> device
//!  device ──> config ──┘  + policy     │
//!                 └────────> report <──┘   (log, metrics, history in store)
//! ```

pub mod apply;
pub mod cli;
pub mod config;
pub mod controller;
pub mod device;
pub mod evaluator;
pub mod http;
pub mod intent;
pub mod model;
pub mod offline;
pub mod pack;
pub mod plan;
pub mod policy;
pub mod report;
pub mod settings;
pub mod sim;
pub mod source;
pub mod store;
