//! Four real FRR routers (tests/peers/lab/frr-lab.sh).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::world::{World, wait_for};

/// How many routers there are.
pub(crate) const ROUTERS: [usize; 4] = [1, 2, 3, 4];

/// The lab, up until dropped.
pub(crate) struct Lab {
    dir: PathBuf,
}

impl Lab {
    /// Starts all routers and waits until every BGP session is established.
    pub(crate) fn up() -> Self {
        let lab = Self {
            dir: PathBuf::from("/var/tmp/netkeel-lab"),
        };
        lab.script(&["up"]);
        lab.wait_for_bgp();
        lab
    }

    fn script(&self, args: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/lab/frr-lab.sh");
        let output = Command::new(script)
            .args(args)
            .env("LAB", &self.dir)
            .output()
            .expect("the lab's script starts");
        assert!(
            output.status.success(),
            "frr-lab.sh {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Types commands on a router, as a person at its console.
    pub(crate) fn vtysh(&self, router: usize, commands: &[&str]) -> String {
        let number = router.to_string();
        let mut args = vec!["vtysh", &number];
        args.extend_from_slice(commands);
        self.script(&args)
    }

    pub(crate) fn running(&self, router: usize) -> String {
        self.vtysh(router, &["show running-config"])
    }

    pub(crate) fn kill(&self, router: usize) {
        self.script(&["kill", &router.to_string()]);
    }

    pub(crate) fn start(&self, router: usize) {
        self.script(&["start", &router.to_string()]);
    }

    pub(crate) fn rekey(&self, router: usize) {
        self.script(&["rekey", &router.to_string()]);
    }

    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.dir.join("known_hosts")
    }

    /// What lies in the folder for temporary files of a router's host.
    pub(crate) fn temporary(&self, router: usize) -> Vec<std::ffi::OsString> {
        std::fs::read_dir(self.dir.join(format!("r{router}/tmp")))
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect()
    }

    /// How many BGP sessions of a router are established.
    pub(crate) fn established(&self, router: usize) -> usize {
        let text = self.vtysh(router, &["show bgp ipv4 unicast summary json"]);
        let summary: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        summary["peers"].as_object().map_or(0, |peers| {
            peers
                .values()
                .filter(|peer| peer["state"] == "Established")
                .count()
        })
    }

    /// How often the sessions of a router came up in all.
    pub(crate) fn times_established(&self, router: usize) -> u64 {
        let text = self.vtysh(router, &["show bgp neighbors json"]);
        let neighbors: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        neighbors.as_object().map_or(0, |all| {
            all.values()
                .filter_map(|n| n["connectionsEstablished"].as_u64())
                .sum()
        })
    }

    pub(crate) fn wait_for_bgp(&self) {
        wait_for("BGP to come up", Duration::from_secs(60), || {
            ROUTERS
                .iter()
                .all(|router| self.established(*router) == 2)
                .then_some(())
        });
    }

    /// A user with a repository that owns all four routers fully, from plain files holding
    /// exactly what they run now.
    pub(crate) fn world(&self, apply: &str, url: &str, repository: &str, more: &str) -> World {
        let secrets = format!(
            "secrets:\n  device_password:\n    file: {}\n    to: all\n{more}",
            self.dir.join("password").display()
        );
        let world = World::new(url, repository, &self.known_hosts(), &secrets);
        let mut hosts = String::from("---\n");
        for router in ROUTERS {
            let _ = write!(hosts, "r{router}:\n  hostname: 127.0.1.{router}\n");
            world.write(
                &format!("intent/configs/r{router}.cfg"),
                &self.running(router),
            );
        }
        world.write("intent/inventory/hosts.yaml", &hosts);
        world.write(
            "intent/inventory/defaults.yaml",
            &format!(
                "port: 2222\nplatform: frr\nusername: netops\npassword: secret:device_password\n\
                 data:\n  netkeel:\n    intent: {{file: 'intent/configs/{{name}}.cfg'}}\n    \
                 apply: {apply}\n    undo: {{method: host, within: 120, shell_port: 2223}}\n    \
                 checks:\n      - {{name: bgp, command: show bgp summary, must_not: 'Active|Idle|Connect'}}\n"
            ),
        );
        world
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.script(&["down"]);
    }
}
