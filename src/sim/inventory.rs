//! A directory of simulated devices: one `NAME.PLATFORM.cfg` each, or a `sim.yaml` that
//! says more.
//!
//! ```yaml
//! defaults: { username: netkeel, password: netkeel-sim, controller: 192.0.2.10 }
//! devices:
//!   - name: edge1
//!     platform: ios
//!     config: edge1.cfg          # beside this file
//!     listen: 127.1.0.1:2222     # if absent: counted up from the first address
//!     mgmt: Loopback0
//!     faults: { refuse: { line: 3, text: "% refused" } }
//! ```

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use serde::Deserialize;

use super::faults::Faults;
use super::info::SimError;
use super::spec::{DeviceSpec, Platform};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    defaults: Common,
    devices: Vec<Entry>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Common {
    username: Option<String>,
    password: Option<String>,
    controller: Option<Ipv4Addr>,
    privilege: Option<u8>,
    enable: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    platform: String,
    config: String,
    listen: Option<SocketAddr>,
    mgmt: Option<String>,
    username: Option<String>,
    password: Option<String>,
    controller: Option<Ipv4Addr>,
    privilege: Option<u8>,
    enable: Option<String>,
    version: Option<String>,
    #[serde(default)]
    authorized_keys: Vec<String>,
    #[serde(default = "yes")]
    acl_sequences: bool,
    #[serde(default)]
    faults: Faults,
}

fn yes() -> bool {
    true
}

fn fault(path: &Path, why: impl Into<String>) -> SimError {
    SimError::File {
        path: path.display().to_string(),
        why: why.into(),
    }
}

fn read(path: &Path) -> Result<String, SimError> {
    std::fs::read_to_string(path).map_err(|e| fault(path, e.to_string()))
}

/// The address `n` places after `first`, over octet borders; the port stays.
///
/// # Errors
/// The addresses end.
pub(super) fn counted(first: SocketAddr, n: u32) -> Result<SocketAddr, SimError> {
    if first.port() == 0 {
        return Ok(first);
    }
    let ended = || SimError::Usage(format!("no {n} addresses after {first}"));
    let ip = match first.ip() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(
            v4.to_bits().checked_add(n).ok_or_else(ended)?,
        )),
        IpAddr::V6(v6) => IpAddr::V6(std::net::Ipv6Addr::from_bits(
            v6.to_bits().checked_add(u128::from(n)).ok_or_else(ended)?,
        )),
    };
    Ok(SocketAddr::new(ip, first.port()))
}

/// Reads a directory of devices. Those without an address of their own get `first` and the
/// ones after it.
///
/// # Errors
/// A file that cannot be read or understood; an unknown platform; no device at all.
pub fn load_directory(dir: &Path, first: SocketAddr) -> Result<Vec<DeviceSpec>, SimError> {
    let yaml = dir.join("sim.yaml");
    let mut specs = if yaml.exists() {
        from_yaml(&yaml, dir)?
    } else {
        from_files(dir)?
    };
    if specs.is_empty() {
        return Err(fault(dir, "no sim.yaml and no NAME.PLATFORM.cfg in it"));
    }
    let open = specs.iter_mut().filter(|s| s.listen.port() == 0);
    for (spec, n) in open.zip(0..) {
        spec.listen = counted(first, n)?;
    }
    Ok(specs)
}

fn from_yaml(path: &Path, dir: &Path) -> Result<Vec<DeviceSpec>, SimError> {
    let file: File = serde_yaml::from_str(&read(path)?).map_err(|e| fault(path, e.to_string()))?;
    file.devices
        .into_iter()
        .map(|entry| device(entry, &file.defaults, path, dir))
        .collect()
}

fn device(entry: Entry, common: &Common, path: &Path, dir: &Path) -> Result<DeviceSpec, SimError> {
    let platform = Platform::named(&entry.platform).ok_or_else(|| {
        fault(
            path,
            format!(
                "device `{}`: cannot simulate `{}`",
                entry.name, entry.platform
            ),
        )
    })?;
    let mut spec = DeviceSpec::new(&entry.name, platform, &read(&dir.join(&entry.config))?);
    if let Some(username) = entry.username.or_else(|| common.username.clone()) {
        spec.username = username;
    }
    if let Some(password) = entry.password.or_else(|| common.password.clone()) {
        spec.password = password;
    }
    spec.controller = entry.controller.or(common.controller);
    spec.privilege = entry
        .privilege
        .or(common.privilege)
        .unwrap_or(spec.privilege);
    spec.enable = entry.enable.or_else(|| common.enable.clone());
    spec.version = entry.version.unwrap_or(spec.version);
    spec.listen = entry.listen.unwrap_or(spec.listen);
    spec.mgmt = entry.mgmt;
    spec.authorized_keys = entry.authorized_keys;
    spec.acl_sequences = entry.acl_sequences;
    spec.faults = entry.faults;
    Ok(spec)
}

fn from_files(dir: &Path) -> Result<Vec<DeviceSpec>, SimError> {
    let mut specs = Vec::new();
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .map_err(|e| fault(dir, e.to_string()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    for path in paths {
        let file = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        let Some((name, platform)) = file.strip_suffix(".cfg").and_then(|f| f.rsplit_once('.'))
        else {
            continue;
        };
        let platform = Platform::named(platform)
            .ok_or_else(|| fault(&path, format!("cannot simulate `{platform}`")))?;
        specs.push(DeviceSpec::new(name, platform, &read(&path)?));
    }
    Ok(specs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first() -> SocketAddr {
        "127.1.0.255:2222".parse().expect("an address")
    }

    #[test]
    fn addresses_count_over_octets() {
        let next = counted(first(), 2).expect("an address");
        assert_eq!(next.to_string(), "127.1.1.1:2222");
        let last = "255.255.255.255:22".parse().expect("an address");
        assert!(counted(last, 1).is_err());
    }

    #[test]
    fn a_directory_of_files_is_a_fleet() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(load_directory(dir.path(), first()).is_err(), "no device");
        std::fs::write(dir.path().join("b.frr.cfg"), "hostname b\n").expect("a file");
        std::fs::write(dir.path().join("a.1.ios.cfg"), "hostname {name}\n").expect("a file");
        std::fs::write(dir.path().join("notes.txt"), "x").expect("a file");
        let specs = load_directory(dir.path(), first()).expect("a fleet");
        let shown: Vec<(&str, Platform, String)> = specs
            .iter()
            .map(|s| (s.name.as_str(), s.platform, s.listen.to_string()))
            .collect();
        assert_eq!(
            shown,
            [
                ("a.1", Platform::Ios, "127.1.0.255:2222".to_owned()),
                ("b", Platform::Frr, "127.1.1.0:2222".to_owned()),
            ]
        );
        assert_eq!(specs[0].config, "hostname a.1\n");
        std::fs::write(dir.path().join("c.junos.cfg"), "").expect("a file");
        let error = load_directory(dir.path(), first()).expect_err("an error");
        assert!(error.to_string().contains("cannot simulate `junos`"));
    }

    #[test]
    fn a_yaml_file_says_more() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("e.cfg"), "hostname e\n").expect("a file");
        let yaml = "defaults: { password: pw, controller: 192.0.2.10 }\ndevices:\n\
            - { name: e, platform: ios, config: e.cfg, mgmt: Loopback9, privilege: 1,\n    \
            faults: { refuse: { line: 3, text: '% no' }, privilege: 7 } }\n";
        std::fs::write(dir.path().join("sim.yaml"), yaml).expect("a file");
        let specs = load_directory(dir.path(), first()).expect("a fleet");
        let spec = &specs[0];
        assert_eq!((spec.password.as_str(), spec.privilege), ("pw", 1));
        assert_eq!(spec.mgmt.as_deref(), Some("Loopback9"));
        assert_eq!(spec.controller, Some(Ipv4Addr::new(192, 0, 2, 10)));
        assert_eq!(spec.faults.refuse.as_ref().map(|r| r.line), Some(3));
        std::fs::write(dir.path().join("sim.yaml"), "devises: []").expect("a file");
        let error = load_directory(dir.path(), first()).expect_err("an error");
        assert!(error.to_string().contains("devises"), "{error}");
    }
}
