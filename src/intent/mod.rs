//! Files of one revision -> inventory -> one intended configuration per device. Pure.

mod engine;
mod faults;
pub mod filter;
mod filters;
pub mod inventory;
mod keel;
mod marks;
mod origins;
pub mod render;
mod scalar;
mod scan;
#[cfg(test)]
mod tests;
mod values;
mod yaml;

pub use engine::Renderer;
pub use filter::Filter;
pub use inventory::{Inventory, load};
pub use render::{
    LineOrigin, RenderDevice, RenderLimits, RenderRequest, RenderResponse, Rendered, render_device,
};
