//! A real Prometheus with the alert rules we ship, their durations divided by a stated
//! factor and nothing else changed. (The real timing is proved by promtool's unit tests.)

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::lab::{Lab, ROUTERS};
use crate::world::{World, free_port, gate, get, wait_for};

/// All durations of the rules are divided by this.
const FACTOR: u64 = 600;

const SOON: Duration = Duration::from_secs(60);

struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Prometheus {
    fn start(world: &World) -> Self {
        let shipped =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus/netkeel.rules.yml");
        let rules = std::fs::read_to_string(shipped).expect("the shipped rules");
        let dir = world.dir.path();
        std::fs::write(dir.join("rules.yml"), faster(&rules)).expect("rules");
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\n\
             scrape_configs:\n- job_name: netkeel\n  static_configs: [{{targets: ['{}']}}]\n",
            world.listen
        );
        std::fs::write(dir.join("prometheus.yml"), config).expect("configuration");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let child = Command::new("prometheus")
            .arg(format!(
                "--config.file={}",
                dir.join("prometheus.yml").display()
            ))
            .arg(format!(
                "--storage.tsdb.path={}",
                dir.join("tsdb").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus starts");
        Self { child, address }
    }

    /// Whether an alert fires for a device.
    fn fires(&self, alert: &str, device: &str) -> bool {
        let text = get(self.address, "/api/v1/alerts").unwrap_or_default();
        let all: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        all["data"]["alerts"].as_array().is_some_and(|alerts| {
            alerts.iter().any(|a| {
                a["state"] == "firing"
                    && a["labels"]["alertname"] == alert
                    && a["labels"]["device"] == device
            })
        })
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Divides every `for:` and every range and offset by [`FACTOR`]; a second at least.
fn faster(rules: &str) -> String {
    let duration = regex::Regex::new(r"\b(\d+)([smhd])\b").expect("a pattern");
    let seconds = regex::Regex::new(r"(> )(\d+(?:\.\d+)?(?:\s*\*\s*\d+)*)\s*(#\s*seconds)?$")
        .expect("a pattern");
    rules
        .lines()
        .map(|line| {
            let code = line.trim_start();
            if code.starts_with("for:") || code.starts_with("expr:") || line.contains('[') {
                let line = duration.replace_all(line, |found: &regex::Captures<'_>| {
                    let unit = match &found[2] {
                        "s" => 1,
                        "m" => 60,
                        "h" => 3600,
                        _ => 86400,
                    };
                    let number: u64 = found[1].parse().expect("a number");
                    format!("{}s", (number * unit / FACTOR).max(1))
                });
                // thresholds in seconds are durations too: `time() - x > 4 * 3600`
                if line.contains("time()") {
                    return seconds
                        .replace(&line, |found: &regex::Captures<'_>| {
                            let product: f64 = found[2]
                                .split('*')
                                .map(|part| part.trim().parse::<f64>().expect("a number"))
                                .product();
                            format!("{}{}", &found[1], product / FACTOR as f64)
                        })
                        .into_owned();
                }
                return line.into_owned();
            }
            line.to_owned()
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn drift_made_by_hand_fires_the_shipped_alert_and_a_replace_ends_it() {
    if !gate("prometheus: drift") {
        return;
    }
    let lab = Lab::up();
    let world = lab.world("manual", "", "", "");
    world.commit("as it is");
    let _daemon = world.start(&["run"]);
    wait_for("all in line", SOON, || {
        ROUTERS
            .iter()
            .all(|r| world.live(&format!("r{r}"))["status"] == "compliant")
            .then_some(())
    });
    let prometheus = Prometheus::start(&world);
    let sessions = lab.times_established(2);

    lab.vtysh(
        2,
        &[
            "configure terminal",
            "route-map OUT permit 10",
            "set metric 666",
        ],
    );
    // within one interval (3 s) and the time of a look
    let drifted = wait_for("the drift", Duration::from_secs(6), || {
        let status = world.live("r2");
        (status["status"] == "noncompliant").then_some(status)
    });
    assert_eq!(drifted["cause"], "out_of_band", "{drifted}");
    assert_eq!(drifted["drift"]["changed"], 1, "{drifted}");
    assert!(
        world
            .metrics()
            .contains("netkeel_device_compliant{device=\"r2\"} 0")
    );
    eprintln!("durations of the shipped rules divided by {FACTOR}");
    wait_for("the alert", SOON, || {
        prometheus
            .fires("NetkeelDriftPersisting", "r2")
            .then_some(())
    });
    assert!(
        !prometheus.fires("NetkeelDriftPersisting", "r1"),
        "only r2 drifts"
    );

    world.expect(0, &["apply", "--yes", "--filter", "name=r2"]);
    assert!(lab.running(2).contains(" set metric 100\n"));
    assert_eq!(lab.established(2), 2, "BGP stayed up");
    assert_eq!(lab.times_established(2), sessions, "no session was reset");
    wait_for("the alert to end", SOON, || {
        (!prometheus.fires("NetkeelDriftPersisting", "r2")).then_some(())
    });
    assert!(
        world
            .metrics()
            .contains("netkeel_device_compliant{device=\"r2\"} 1")
    );
}

#[test]
fn our_own_absence_is_an_alert() {
    if !gate("prometheus: absence") {
        return;
    }
    let lab = Lab::up();
    let world = lab.world("observe", "", "", "");
    world.commit("as it is");
    let mut daemon = world.start(&["run"]);
    wait_for("the pages", SOON, || get(world.listen, "/readyz").map(drop));
    let prometheus = Prometheus::start(&world);
    wait_for("a scrape", SOON, || {
        get(prometheus.address, "/api/v1/query?query=netkeel_build_info")
            .filter(|text| text.contains("version"))
            .map(drop)
    });
    daemon.kill();
    wait_for("the alert", SOON, || {
        let text = get(prometheus.address, "/api/v1/alerts")?;
        (text.contains("NetkeelAbsent") && text.contains("firing")).then_some(())
    });
}
