//! What others see of a fleet: how to reach a device, and what can go wrong.

use std::net::SocketAddr;

use serde::Serialize;

/// Why a simulation cannot be.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// An address cannot be listened on.
    #[error("device `{device}`: cannot listen on {address}")]
    Listen {
        /// The device.
        device: String,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be read or understood.
    #[error("`{path}`: {why}")]
    File {
        /// The file.
        path: String,
        /// The fault.
        why: String,
    },
    /// There is no such device.
    #[error("no simulated device `{0}`")]
    NoDevice(String),
    /// Two devices have one name.
    #[error("two simulated devices are called `{0}`")]
    Twice(String),
    /// A host key cannot be made.
    #[error("cannot make a host key for `{device}`")]
    Key {
        /// The device.
        device: String,
        /// Why.
        #[source]
        source: russh::keys::ssh_key::Error,
    },
    /// An argument makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Output cannot be written.
    #[error("cannot write the list of devices")]
    Output(#[source] std::io::Error),
}

/// How to reach a running device. Serialises as the line `netkeel sim` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// Its name.
    pub name: String,
    /// The pack's name of its system.
    pub platform: String,
    /// Always `ssh` so far.
    pub protocol: String,
    /// Where it listens.
    pub address: String,
    /// And on which port.
    pub port: u16,
    /// Login name.
    pub username: String,
    /// Login password: a simulated device's, so no secret.
    pub password: String,
    /// Its public host key, `ssh-ed25519 …`.
    pub host_key: String,
}

impl DeviceInfo {
    /// The line for a `known_hosts` file.
    #[must_use]
    pub fn known_hosts_line(&self) -> String {
        let host = if self.port == 22 {
            self.address.clone()
        } else {
            format!("[{}]:{}", self.address, self.port)
        };
        format!("{host} {}", self.host_key)
    }
}
