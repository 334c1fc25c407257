//! Whether the controller still reaches the device under its running configuration.
//!
//! The rule: the device is managed over one interface (named in the specification, else the
//! first whose description contains `mgmt`, else `Loopback0` or `lo`). It is unreachable
//! while that interface is missing, shut down, or no longer has the address it started
//! with, or while the access list on it (inbound) denies TCP to port 22 from the
//! controller. New logins are refused while a VTY `access-class` denies the controller, or
//! the user has been removed from the configuration. A device without such an interface is
//! always reachable.

use std::net::{IpAddr, Ipv4Addr};

use super::ios::acl::{Packet, permits};
use super::model::Model;
use super::tree::Node;

/// How the device was reached when it started.
#[derive(Clone, Debug, Default)]
pub(super) struct Home {
    interface: Option<String>,
    address: Option<String>,
}

impl Home {
    /// Finds the management interface.
    pub(super) fn find(root: &Node, named: Option<&str>) -> Self {
        let is_mgmt = |c: &&Node| {
            c.text.starts_with("interface ")
                && c.value_of("description")
                    .is_some_and(|d| d.to_ascii_lowercase().contains("mgmt"))
        };
        let header = named
            .map(|n| format!("interface {n}"))
            .or_else(|| root.children.iter().find(is_mgmt).map(|c| c.text.clone()))
            .or_else(|| {
                ["interface Loopback0", "interface lo"]
                    .into_iter()
                    .find(|h| root.has(h))
                    .map(str::to_owned)
            });
        let address = header
            .as_ref()
            .and_then(|h| root.child(h)?.value_of("ip address"))
            .map(str::to_owned);
        Self {
            interface: header,
            address,
        }
    }
}

/// The controller's address as access lists see it.
fn source(model: &Model, peer: IpAddr) -> Ipv4Addr {
    let real = match peer {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(v6) => v6.to_ipv4().unwrap_or(Ipv4Addr::LOCALHOST),
    };
    model.spec.controller.unwrap_or(real)
}

/// Whether packets of a management connection pass at all.
pub(super) fn reachable(model: &Model, peer: IpAddr) -> bool {
    let Some(header) = &model.home.interface else {
        return true;
    };
    let Some(interface) = model.root.child(header) else {
        return false;
    };
    let address = interface.value_of("ip address");
    if interface.has("shutdown")
        || model.home.address.is_some() && address != model.home.address.as_deref()
    {
        return false;
    }
    let packet = Packet {
        from: source(model, peer),
        to: address.and_then(|a| a.split([' ', '/']).next()?.parse().ok()),
        port: 22,
    };
    let lines = interface
        .children
        .iter()
        .filter_map(|c| c.text.strip_prefix("ip access-group "));
    let mut inbound = lines.filter_map(|v| v.strip_suffix(" in"));
    inbound.all(|name| permits(&model.root, name, packet))
}

/// Whether a new connection gets as far as the login.
pub(super) fn admitted(model: &Model, peer: IpAddr) -> bool {
    let packet = Packet {
        from: source(model, peer),
        to: None,
        port: 22,
    };
    let lines = model
        .root
        .children
        .iter()
        .filter(|c| c.text.starts_with("line vty"));
    let class = |c: &Node| {
        c.value_of("access-class")
            .filter(|v| v.ends_with(" in"))
            .map(str::to_owned)
    };
    // A list of a line that exists nowhere lets everything pass.
    lines
        .filter_map(class)
        .all(|v| permits(&model.root, v.split(' ').next().unwrap_or_default(), packet))
}

/// Whether this user may log in.
pub(super) fn may_log_in(model: &Model, user: &str) -> bool {
    if model.faults.refuse_login || user != model.spec.username {
        return false;
    }
    let listed =
        |c: &Node| c.text.split(' ').nth(1) == Some(user) && c.text.starts_with("username ");
    !model.home_lists(user) || model.root.children.iter().any(listed)
}

impl Model {
    /// Whether the startup configuration at the start named this user (else the login is the
    /// simulator's own and cannot be taken away).
    fn home_lists(&self, user: &str) -> bool {
        self.spec.config.lines().any(|l| {
            let mut words = l.split_whitespace();
            words.next() == Some("username") && words.next() == Some(user)
        })
    }
}
