//! Files of one revision -> inventory -> one intended configuration per device. Pure.

mod engine;
mod environment;
mod faults;
pub mod filter;
mod filters;
pub mod inventory;
mod keel;
mod marker;
mod marks;
mod origins;
mod places;
pub mod render;
mod scalar;
mod scan;
mod scopes;
#[cfg(test)]
mod tests;
mod trace;
mod tracked;
mod values;
mod yaml;

pub use engine::Renderer;
pub use filter::Filter;
pub use inventory::{Inventory, load, places};
pub use places::Places;
pub use render::{
    LineOrigin, RenderDevice, RenderLimits, RenderRequest, RenderResponse, Rendered, Variable,
    render_device,
};
