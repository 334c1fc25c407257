//! What a simulated device is made from.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;

use super::faults::Faults;

/// Which system is simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Cisco IOS / IOS-XE.
    #[default]
    Ios,
    /// FRR, reached as vtysh.
    Frr,
}

impl Platform {
    /// By the name the packs use.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ios" | "cisco_ios" | "iosxe" | "cisco_iosxe" => Some(Self::Ios),
            "frr" | "vtysh" | "frrouting" => Some(Self::Frr),
            _ => None,
        }
    }

    /// The pack's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Frr => "frr",
        }
    }
}

/// One device before it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSpec {
    /// Its name.
    pub name: String,
    /// Which system.
    pub platform: Platform,
    /// Its startup configuration.
    pub config: String,
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Login name.
    pub username: String,
    /// Login password.
    pub password: String,
    /// Public keys that may log in as well, in OpenSSH's one-line form.
    pub authorized_keys: Vec<String>,
    /// Privilege after the login (IOS).
    pub privilege: u8,
    /// Enable password (IOS); the login password if absent.
    pub enable: Option<String>,
    /// The management interface. If absent: the first interface whose description contains
    /// `mgmt`, else `Loopback0` (`lo` on FRR); a device with none of these cannot be cut off.
    pub mgmt: Option<String>,
    /// The address access lists see the controller under; its real one if absent.
    pub controller: Option<Ipv4Addr>,
    /// Software version it claims.
    pub version: String,
    /// Whether access lists show sequence numbers when they were read without (newer IOS).
    pub acl_sequences: bool,
    /// What goes wrong.
    pub faults: Faults,
}

impl DeviceSpec {
    /// A device with the usual login (`netkeel`, `netkeel-sim`) on a port of the system's
    /// choice.
    #[must_use]
    pub fn new(name: &str, platform: Platform, config: &str) -> Self {
        Self {
            name: name.to_owned(),
            platform,
            config: config.replace("{name}", name),
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            username: "netkeel".to_owned(),
            password: "netkeel-sim".to_owned(),
            authorized_keys: Vec::new(),
            privilege: 15,
            enable: None,
            mgmt: None,
            controller: None,
            version: match platform {
                Platform::Ios => "15.9(3)M6".to_owned(),
                Platform::Frr => "8.4.4".to_owned(),
            },
            acl_sequences: true,
            faults: Faults::default(),
        }
    }

    /// A serial number that stays the same for the same name.
    pub(super) fn serial(&self) -> String {
        let sum = self
            .name
            .bytes()
            .fold(7u64, |n, b| n.wrapping_mul(131).wrapping_add(u64::from(b)));
        format!("9SIM{:07}", sum % 10_000_000)
    }
}
