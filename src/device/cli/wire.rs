//! The byte stream under a CLI: an SSH channel, or a script in tests.

use async_trait::async_trait;

use super::screen::Screen;

/// The other end is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// Bytes to and from a device.
#[async_trait]
pub trait Wire: Send {
    /// Sends all of them.
    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Gone>;
    /// Waits for the next ones and shows them; says how many there were.
    async fn receive(&mut self, screen: &mut Screen) -> Result<usize, Gone>;
    /// Says good-bye.
    async fn close(&mut self);
}
