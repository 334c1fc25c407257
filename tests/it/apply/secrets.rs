//! A secret's value is nowhere but in memory and on the device.

use std::cell::RefCell;
use std::io::Write;
use std::path::Path;
use std::sync::Once;

use netkeel::controller::prepare::prepare;
use netkeel::intent::Filter;
use netkeel::model::{FileSet, Outcome};
use netkeel::sim::{Faults, Refuse};

use super::world::{World, person};

const CANARY: &str = "canary-4711-value";
const OLD: &str = "canary-0815-before";

/// The repository, rendered by the real evaluator: the template names the secret.
async fn from_repository(world: &mut World) {
    let line = "ntp server 192.0.2.53\n";
    let with = format!("{line}snmp-server community {{{{ secret('snmp') }}}} RO\n");
    let template = world
        .running()
        .replace(&format!("snmp-server community {OLD} RO\n"), "");
    let mut files = FileSet::new();
    files.insert("intent/inventory/hosts.yaml", world.hosts_yaml());
    files.insert("intent/templates/r1.j2", template.replace(line, &with));
    world.secret("snmp", CANARY);
    let mut revision = world.intent.revision.clone();
    revision.id = "b".to_owned();
    let filter = Filter::default();
    let fleet = prepare(&world.ctx(), revision, files, &filter).await;
    world.intent = fleet.expect("a fleet");
    assert_eq!(world.intent.errors().count(), 0, "{:?}", world.intent);
}

fn contains(folder: &Path, text: &str) -> Option<String> {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            match contains(&path, text) {
                Some(found) => return Some(found),
                None => continue,
            }
        }
        let bytes = std::fs::read(&path).expect("a file");
        if bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
        {
            return Some(path.display().to_string());
        }
    }
    None
}

thread_local! {
    /// What the program has logged on this thread, whatever the level.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend(bytes));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Listens to everything, from now on, on every thread; forgets what was said on this one.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter("netkeel=trace")
            .with_writer(|| Log)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("the only one");
    });
    LOG.with_borrow_mut(Vec::clear);
}

fn no_secret_anywhere(world: &World, report: &netkeel::controller::Report) {
    let log = LOG.with_borrow(|log| String::from_utf8_lossy(log).into_owned());
    assert!(log.contains("r1"), "something was logged: {log}");
    let said = format!(
        "{report:?}{}{:?}{}{:?}{log}{}",
        serde_json::to_string(&report.status).expect("json"),
        world.attempt(),
        serde_json::to_string(&world.attempt()).expect("json"),
        world.holds(),
        world.ctx().reporter.metrics_text(),
    );
    assert!(said.contains("snmp-server community"), "{said}");
    for secret in [CANARY, OLD] {
        assert!(!said.contains(secret), "{said}");
        assert_eq!(contains(world.folder.path(), secret), None);
    }
    // the sealed line is in the store and in the log of the session, so both were looked at
    let sessions = world.folder.path().join("sessions");
    assert!(contains(&sessions, "snmp-server community").is_some());
    assert!(contains(world.folder.path(), "secret:snmp").is_some());
}

async fn world() -> World {
    let mut world = World::ios().await;
    world.type_by_hand(&[&format!("snmp-server community {OLD} RO")]);
    from_repository(&mut world).await;
    world
}

#[tokio::test]
async fn a_secret_reaches_the_device_and_nothing_else() {
    listen();
    let world = world().await;
    let report = world.pass(&person()).await;
    assert_eq!(report.outcome, Some(Outcome::Applied), "{report:?}");
    assert!(
        world
            .running()
            .contains(&format!("snmp-server community {CANARY} RO"))
    );
    no_secret_anywhere(&world, &report);
}

#[tokio::test]
async fn nor_after_a_failure() {
    let refuse = |text: String| Faults {
        refuse: Some(Refuse { line: 2, text }),
        ..Faults::default()
    };
    for faults in [
        refuse(format!("% Invalid: snmp-server community {CANARY} RO")),
        refuse(format!("% Invalid: snmp-server community {OLD} RO")),
        Faults {
            drop_at_line: Some(1),
            ..Faults::default()
        },
        Faults {
            ignore_changes: true,
            ..Faults::default()
        },
        Faults {
            rollback_aborts: true,
            drop_at_line: Some(2),
            ..Faults::default()
        },
    ] {
        listen();
        let world = world().await;
        world.faults(faults.clone());
        let report = world.pass(&person()).await;
        let failed = matches!(report.outcome, Some(Outcome::RolledBack | Outcome::Unknown));
        assert!(failed, "{faults:?}: {report:?}");
        no_secret_anywhere(&world, &report);
    }
}
