//! Fleet stories: the real loop on an in-memory fleet, with time paused. Each test is
//! named after the promise it keeps.

mod applying;
mod looking;
mod scripts;
mod stopping;
mod world;
