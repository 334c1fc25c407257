//! Files of one revision -> inventory -> one intended configuration per device. Pure.

pub mod filter;
pub mod inventory;
mod keel;
pub mod render;
mod scalar;
mod yaml;

pub use filter::Filter;
pub use inventory::{Inventory, load};
pub use render::{
    LineOrigin, RenderDevice, RenderLimits, RenderRequest, RenderResponse, Rendered, render_device,
};
