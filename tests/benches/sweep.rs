//! Fleets of simulated devices in another process.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use netkeel::config::{Document, Scope, Sealer, compare};
use netkeel::device::connector::SshConnector;
use netkeel::device::transport::HostKeyPolicy;
use netkeel::device::{Connector as _, Login, Target};
use netkeel::model::{Datastore, SecretText, Undo};
use netkeel::pack::Packs;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{Place, Simulated, Verdicts, Whose, config, cpu, end, note, peak_mib};

const DEVICES: usize = 1_000;
const AT_ONCE: usize = 100;

/// Connect, log in, fetch, seal, parse, compare: the library alone.
pub(crate) fn library(verdicts: &mut Verdicts) {
    let dir = tempfile::tempdir().expect("a folder");
    let simulated = Simulated::start(dir.path(), DEVICES, "127.2.0.1:2222");
    let place = Place::new(&simulated.devices);
    let pack = Packs::builtin().expect("packs").get("ios").expect("IOS");
    let connector = Arc::new(SshConnector::new(
        vec![place.path("known_hosts")],
        HostKeyPolicy::Strict,
    ));
    let targets: Vec<Target> = simulated
        .devices
        .iter()
        .map(|device| Target {
            device: device["name"].as_str().expect("a name").to_owned(),
            address: device["address"].as_str().expect("an address").to_owned(),
            port: u16::try_from(device["port"].as_u64().expect("a port")).expect("a port"),
            login: Login {
                username: device["username"].as_str().expect("a user").to_owned(),
                password: device["password"].as_str().map(SecretText::new),
                ..Login::default()
            },
            pack: Arc::clone(&pack),
            connect_timeout: Duration::from_secs(30),
            silence_timeout: Duration::from_secs(30),
            undo: Undo::default(),
            jump: None,
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("tokio");
    let intended: Arc<str> = config(200).into();
    let (before, started) = (cpu(Whose::Mine), Instant::now());
    let lines = runtime.block_on(async {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        for target in targets {
            let (connector, permits) = (Arc::clone(&connector), Arc::clone(&permits));
            let intended = Arc::clone(&intended);
            running.spawn(async move {
                let _permit = permits.acquire_owned().await.expect("a permit");
                look(&connector, target, &intended).await
            });
        }
        running.join_all().await.into_iter().sum::<usize>()
    });
    let (wall, used) = (started.elapsed(), cpu(Whose::Mine) - before);
    assert_eq!(lines, DEVICES * 500, "500 lines each");
    println!(
        "-- library: {DEVICES} devices, {} lines each, {AT_ONCE} at once, one thread",
        lines / DEVICES
    );
    note("sweep, wall", "s", wall.as_secs_f64());
    note(
        "sweep, devices per second",
        "/s",
        DEVICES as f64 / wall.as_secs_f64(),
    );
    note("peak memory of this process", "MiB", peak_mib(None));
    let each = used.as_secs_f64() / DEVICES as f64;
    verdicts.aim("client CPU per device", "ms", each * 1e3, 1.0);
    beside_netmiko(&simulated, each, wall.as_secs_f64() / DEVICES as f64);
}

/// The same devices read by Netmiko in the same run, if `NETKEEL_PEERS_VENV` has it: it only
/// fetches, we also seal, parse and compare.
fn beside_netmiko(simulated: &Simulated, cpu: f64, wall: f64) {
    const FLEET: usize = 200;
    let Some(venv) = std::env::var_os("NETKEEL_PEERS_VENV") else {
        println!("no NETKEEL_PEERS_VENV: not measured beside Netmiko");
        return;
    };
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/benches/netmiko_sweep.py"
    );
    let mut child = Command::new(std::path::Path::new(&venv).join("bin/python"))
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut input = child.stdin.take().expect("its input");
    for device in simulated.devices.iter().take(FLEET) {
        writeln!(input, "{device}").expect("a device");
    }
    drop(input);
    let output = child.wait_with_output().expect("python ends");
    let peer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let per_device = |key: &str| peer[key].as_f64().expect("a number") / FLEET as f64;
    note(
        "Netmiko (fetch only), CPU per device",
        "ms",
        per_device("cpu") * 1e3,
    );
    note("ratio, CPU", "x", per_device("cpu") / cpu);
    note("ratio, wall", "x", per_device("wall") / wall);
}

async fn look(connector: &SshConnector, target: Target, intended: &str) -> usize {
    let mut session = connector.connect(&target).await.expect("a session");
    let raw = session
        .config(Datastore::Running)
        .await
        .expect("a configuration");
    session.close().await;
    let dialect = &*target.pack.dialect;
    let mut sealer = Sealer::new([7; 32], BTreeMap::new());
    let running = Document::parse(&sealer.running(raw.expose(), dialect), dialect);
    let text = intended.replace("{name}", &target.device);
    let intended = Document::parse(&sealer.intended(&text, dialect), dialect);
    let full = Scope {
        full: true,
        sections: Vec::new(),
    };
    let diff = compare(&running, &intended, None, dialect, &full);
    assert!(diff.is_empty(), "{}", diff.render(&running, &intended));
    running.semantic_lines()
}

/// The same sweep as a user runs it: Git, rendering in a child, policies, store.
pub(crate) fn product(verdicts: &mut Verdicts) {
    let dir = tempfile::tempdir().expect("a folder");
    let simulated = Simulated::start(dir.path(), DEVICES, "127.3.0.1:2222");
    let place = Place::new(&simulated.devices);
    println!("-- product: netkeel run --once over {DEVICES} devices");
    for pass in ["first", "second"] {
        let (before, started) = (cpu(Whose::Children), Instant::now());
        let status = place
            .netkeel(&["run", "--once"])
            .stdout(Stdio::null())
            .status()
            .expect("netkeel");
        let wall = started.elapsed();
        let used = cpu(Whose::Children) - before;
        assert_eq!(status.code(), Some(0), "all are looked at and in line");
        note(&format!("{pass} sweep, wall"), "s", wall.as_secs_f64());
        note(
            &format!("{pass} sweep, CPU per device, all included"),
            "ms",
            used.as_secs_f64() * 1e3 / DEVICES as f64,
        );
    }
    let _ = verdicts;
}

/// From a push to a local repository to the drift status of 100 devices.
pub(crate) fn push(verdicts: &mut Verdicts) {
    const FLEET: usize = 100;
    let dir = tempfile::tempdir().expect("a folder");
    let simulated = Simulated::start(dir.path(), FLEET, "127.4.0.1:2222");
    let place = Place::new(&simulated.devices);
    let daemon = place
        .netkeel(&["run"])
        .stdout(Stdio::null())
        .spawn()
        .expect("netkeel run");
    wait(&place, FLEET, "compliant");
    place.set_metric(210);
    let started = Instant::now();
    wait(&place, FLEET, "noncompliant");
    println!("-- push: {FLEET} devices");
    verdicts.goal(
        "push to a local repository until the drift status",
        "s",
        started.elapsed().as_secs_f64(),
        2.0,
    );
    note(
        "peak memory of the daemon",
        "MiB",
        peak_mib(Some(daemon.id())),
    );
    end(daemon);
}

fn wait(place: &Place, count: usize, status: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let wanted = format!("\"status\":\"{status}\"");
    loop {
        let page = page(place).unwrap_or_default().replace(": ", ":");
        if page.matches(&wanted).count() == count {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "not all of {count} devices are {status}: {page}"
        );
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

fn page(place: &Place) -> Option<String> {
    let mut stream = std::net::TcpStream::connect(place.listen).ok()?;
    write!(
        stream,
        "GET /api/v1/devices HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
