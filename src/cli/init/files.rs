//! The example repository, compiled in: this project's own `intent/` and `policies/`.

macro_rules! embedded {
    ($path:literal) => {
        ($path, include_str!(concat!("../../../", $path)))
    };
}

/// Paths inside the repository, and what stands there.
pub(crate) const FILES: &[(&str, &str)] = &[
    embedded!("intent/inventory/defaults.yaml"),
    embedded!("intent/inventory/groups.yaml"),
    embedded!("intent/inventory/hosts.yaml"),
    embedded!("intent/templates/frr.j2"),
    embedded!("intent/templates/frr/bgp.j2"),
    embedded!("intent/templates/frr/interfaces.j2"),
    embedded!("intent/templates/frr/policy.j2"),
    embedded!("intent/templates/ios.j2"),
    embedded!("intent/templates/ios/access-lists.j2"),
    embedded!("intent/templates/ios/bgp.j2"),
    embedded!("intent/templates/ios/interfaces.j2"),
    embedded!("intent/templates/ios/ospf.j2"),
    embedded!("intent/templates/lib/names.j2"),
    embedded!("policies/frr-baseline.yaml"),
    embedded!("policies/ios-baseline.yaml"),
];

/// Settings that make the example work with simulated devices.
pub(crate) const SETTINGS: &str = "\
# Netkeel's settings for the example repository in this folder. They work with the simulated
# devices of `netkeel sim`; what to change for real ones is said where it matters.

repository:
  url: .
  ref: main

state: .netkeel/state

secrets:
  # How to log in. For real devices: your own file, readable by nobody else, outside of this
  # folder; and `to:` only the groups it is for.
  device_password: {file: .netkeel/secrets/device_password, to: all}
  # Parts of configurations. A template says `secret('snmp_ro')` and never sees the value.
  login_hash: {file: .netkeel/secrets/login_hash, to: {groups: [ios]}}
  bgp_password: {file: .netkeel/secrets/bgp_password, to: {groups: [core]}}
  bgp_password_7: {file: .netkeel/secrets/bgp_password_7, to: {groups: [edge]}}
  snmp_ro: {file: .netkeel/secrets/snmp_ro, to: {groups: [ios]}}

ssh:
  known_hosts: .netkeel/known_hosts     # `netkeel sim . --trust` fills it

run:
  interval: 1m

# ---- every key there is, with its default ------------------------------------------------
";

/// Values for the secrets of the example; the first is the simulated devices' password.
pub(crate) const SECRETS: &[(&str, &str)] = &[
    ("device_password", "netkeel-sim"),
    (
        "login_hash",
        "$9$0Lk3eQ7ZbT5xJm$Vw1yFq2uN8sHcRdG4oXpAiYtKzEjBl6MnPvUaSgWhD0",
    ),
    ("bgp_password", "under-the-keel"),
    ("bgp_password_7", "131019160E1E493E2321653830271F"),
    ("snmp_ro", "barnacle"),
];

/// What Git is not to see.
pub(crate) const IGNORED: &str = ".netkeel/\n";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::FILES;

    fn below(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                below(&path, found);
            } else {
                let root = Path::new(env!("CARGO_MANIFEST_DIR"));
                let path = path.strip_prefix(root).expect("inside the project");
                found.insert(path.display().to_string());
            }
        }
    }

    #[test]
    fn the_whole_example_is_compiled_in() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut there = BTreeSet::new();
        for folder in ["intent", "policies"] {
            below(&root.join(folder), &mut there);
        }
        let listed: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(listed, there);
    }
}
