//! Runs templates in a child process of the same binary, under limits it sets on itself.

use crate::intent::{RenderRequest, RenderResponse};

/// Starts children. The child's program is this binary with the hidden argument
/// [`CHILD_ARG`].
#[derive(Clone, Debug)]
pub struct Evaluator {}

/// The hidden first argument that makes the binary an evaluator child.
pub const CHILD_ARG: &str = "--evaluator-child";

impl Evaluator {
    /// Uses this program file (normally `std::env::current_exe()`).
    #[must_use]
    pub fn new(_program: std::path::PathBuf) -> Self {
        unimplemented!()
    }
    /// Renders a batch. A dead child fails the device it was rendering; the others are
    /// rendered by the next child.
    pub async fn render(&self, _request: RenderRequest) -> RenderResponse {
        unimplemented!()
    }
}

/// The child's whole life: limits first, then requests on stdin, answers on stdout.
#[must_use]
pub fn child_main() -> std::process::ExitCode {
    unimplemented!()
}
