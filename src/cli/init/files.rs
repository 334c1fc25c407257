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
    embedded!("intent/templates/ios.j2"),
    embedded!("intent/templates/parts/filters-ios.j2"),
    embedded!("intent/templates/parts/interfaces-ios.j2"),
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
  login: {file: .netkeel/secrets/login, to: all}
  # Parts of configurations. A template says `secret('bgp')` and never sees the value.
  login-hash: {file: .netkeel/secrets/login-hash, to: {groups: [ios]}}
  bgp: {file: .netkeel/secrets/bgp, to: {groups: [core, edge]}}

ssh:
  known_hosts: .netkeel/known_hosts     # `netkeel sim . --trust` fills it

run:
  interval: 1m

# ---- every key there is, with its default ------------------------------------------------
";

/// Values for the secrets of the example; the first is the simulated devices' password.
pub(crate) const SECRETS: &[(&str, &str)] = &[
    ("login", "netkeel-sim"),
    (
        "login-hash",
        "$9$0Lk3eQ7ZbT5xJm$Vw1yFq2uN8sHcRdG4oXpAiYtKzEjBl6MnPvUaSgWhD0",
    ),
    ("bgp", "02050D480809"),
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
