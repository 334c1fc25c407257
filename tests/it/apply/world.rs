//! Simulated devices, a store in a folder, and passes over them: everything real but the
//! network's other end.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use netkeel::controller::context::{Context, SshFile};
use netkeel::controller::prepare::{self, Prepared};
use netkeel::controller::worker::{Order, pass};
use netkeel::controller::{Next, Permission, Report};
use netkeel::device::transport::ssh_config::{Environment, SshConfig};
use netkeel::device::{HostKeyPolicy, SshConnector};
use netkeel::evaluator::Evaluator;
use netkeel::model::{
    Actor, ApplyMode, Attempt, Check, CheckExpect, Credential, Device, DeviceRecord, Hold, Keel,
    Limits, Outcome, Revision, SecretError, SecretName, SecretSource, SecretText, Skip, Store as _,
};
use netkeel::pack::Packs;
use netkeel::report::Reporter;
use netkeel::settings::Settings;
use netkeel::sim::{DeviceSpec, Faults, Fleet, FleetOptions, Pace, Platform};
use netkeel::store::SqliteStore;

use super::trapped::Trapped;

/// A router with an archive, a way in, and something to change.
pub(super) const IOS: &str = "\
hostname {name}
archive
 path flash:archive
interface Loopback0
 description mgmt
 ip address 10.255.0.1 255.255.255.255
 ip access-group MGMT in
interface GigabitEthernet0/1
 description old
 ip address 192.0.2.1 255.255.255.0
ip access-list extended MGMT
 permit tcp any any eq 22
 permit icmp any any
ntp server 192.0.2.53
end
";

pub(super) const FRR: &str = "\
frr version 8.4.4
frr defaults traditional
hostname {name}
!
router bgp 65001
 bgp router-id 10.255.0.1
 neighbor 192.0.2.9 remote-as 65009
exit
!
end
";

thread_local! {
    /// How far the controller's clock is ahead; each test has a thread of its own.
    static AHEAD: Cell<i64> = const { Cell::new(0) };
}

fn now() -> Timestamp {
    Timestamp::now() + jiff::SignedDuration::from_secs(AHEAD.get())
}

#[derive(Default)]
struct Vault(Mutex<BTreeMap<String, String>>);

impl SecretSource for Vault {
    fn resolve(
        &self,
        name: &SecretName,
        _device: &str,
        _groups: &[String],
    ) -> Result<SecretText, SecretError> {
        let values = self.0.lock().expect("no panic under it");
        let value = values.get(name.as_str());
        let value = value.ok_or_else(|| SecretError::Unknown(name.clone()))?;
        Ok(SecretText::new(value.clone()))
    }
}

pub(super) struct World {
    pub(super) fleet: Arc<Fleet>,
    pub(super) folder: tempfile::TempDir,
    pub(super) store: Arc<Trapped>,
    pub(super) settings: Settings,
    pub(super) intent: prepare::Fleet,
    secrets: Arc<Vault>,
    ctx: Arc<Context>,
}

impl World {
    /// One IOS device named `r1`.
    pub(super) async fn ios() -> Self {
        Self::of(vec![DeviceSpec::new("r1", Platform::Ios, IOS)]).await
    }

    pub(super) async fn ios_with(faults: Faults) -> Self {
        let world = Self::ios().await;
        world.faults(faults);
        world
    }

    /// One FRR device named `r1`, without a shell on its host: only a person may act.
    pub(super) async fn frr() -> Self {
        let mut world = Self::of(vec![DeviceSpec::new("r1", Platform::Frr, FRR)]).await;
        world.device().keel.apply = ApplyMode::Manual;
        world
    }

    pub(super) async fn of(specs: Vec<DeviceSpec>) -> Self {
        let options = FleetOptions {
            pace: Pace::Stepped,
            start: now(),
        };
        let fleet = Fleet::start(specs, options).await.expect("a fleet");
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = Arc::<Vault>::default();
        let settings = Settings::default();
        let (store, ctx) = process(folder.path(), &settings, &secrets);
        let world = Self {
            intent: fleet_of(&fleet),
            fleet: Arc::new(fleet),
            folder,
            store,
            settings,
            secrets,
            ctx,
        };
        world.learn_keys();
        world
    }

    pub(super) fn learn_keys(&self) {
        let lines: Vec<String> = self
            .fleet
            .devices()
            .iter()
            .map(|d| d.known_hosts_line() + "\n")
            .collect();
        std::fs::write(self.known_hosts(), lines.concat()).expect("known_hosts");
    }

    pub(super) fn known_hosts(&self) -> std::path::PathBuf {
        self.folder.path().join("known_hosts")
    }

    /// The process is gone, and another begins on the same state and voids its leases. Ours
    /// is only gone when the last blocking call it left behind has ended, and when no child
    /// that another test is just starting has a copy of its lock.
    pub(super) async fn restart(&mut self) {
        let spare = tempfile::tempdir().expect("a folder");
        let gone = async {
            loop {
                (self.store, self.ctx) = process(spare.path(), &self.settings, &self.secrets);
                tokio::task::yield_now().await;
                (self.store, self.ctx) = process(self.folder.path(), &self.settings, &self.secrets);
                let minute = Duration::from_secs(60);
                let lease = self.store.claim("r1", &self.ctx.owner, minute, now());
                if let Some(lease) = lease.expect("a store") {
                    return self.store.release(&lease).expect("a store");
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), gone)
            .await
            .expect("the old process lets go of the store");
    }

    /// The settings as they now are, in a new process.
    pub(super) async fn set(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        self.restart().await;
    }

    pub(super) fn secret(&self, name: &str, value: &str) {
        let mut values = self.secrets.0.lock().expect("no panic under it");
        values.insert(name.to_owned(), value.to_owned());
    }

    /// `r1` as an inventory has it, with its intent in a template.
    pub(super) fn hosts_yaml(&self) -> String {
        let device = self.fleet.device("r1").expect("r1");
        self.secret("login", &device.password);
        format!(
            "r1:\n  hostname: {}\n  port: {}\n  username: {}\n  password: secret:login\n  \
             platform: ios\n  data:\n    netkeel:\n      intent: {{template: \
             intent/templates/r1.j2}}\n      apply: auto\n      limits: {{delete_percent: \
             100}}\n",
            device.address, device.port, device.username
        )
    }

    /// The process honours this OpenSSH client configuration.
    pub(super) fn ssh_config(&mut self, text: &str) {
        let env = Environment {
            home: self.folder.path().to_owned(),
            user: "netkeel".to_owned(),
        };
        let config = SshConfig::parse(text, &env).expect("ssh_config");
        let ctx = Arc::get_mut(&mut self.ctx).expect("nobody else has it");
        ctx.ssh_config = Some(SshFile { config, env });
    }

    pub(super) fn ctx(&self) -> Arc<Context> {
        Arc::clone(&self.ctx)
    }

    pub(super) fn faults(&self, faults: Faults) {
        self.fleet.set_faults("r1", faults).expect("r1");
    }

    pub(super) fn device(&mut self) -> &mut Device {
        let prepared = self.intent.devices.get_mut("r1").expect("r1");
        prepared.device.as_mut().expect("a device")
    }

    pub(super) fn check(&mut self, name: &str, command: &str, must: &str) {
        let check = Check {
            name: name.to_owned(),
            command: command.to_owned(),
            expect: CheckExpect::Must(must.to_owned()),
        };
        self.device().keel.checks.push(check);
    }

    /// What the branch says from now on.
    pub(super) fn intend(&mut self, revision: &str, text: &str) {
        self.intent.revision.id = revision.to_owned();
        let prepared = self.intent.devices.get_mut("r1").expect("r1");
        prepared.intended = Some(text.to_owned());
    }

    /// The branch says what runs, but for these replacements.
    pub(super) fn intend_change(&mut self, revision: &str, changes: &[(&str, &str)]) {
        let mut text = self.running();
        for (from, to) in changes {
            assert!(text.contains(from), "{from} in {text}");
            text = text.replace(from, to);
        }
        self.intend(revision, &text);
    }

    pub(super) fn running(&self) -> String {
        self.fleet.running("r1").expect("r1")
    }

    pub(super) fn startup(&self) -> String {
        self.fleet.startup("r1").expect("r1")
    }

    pub(super) fn type_by_hand(&self, lines: &[&str]) {
        self.fleet.type_as_user("r1", "mallory", lines).expect("r1");
    }

    /// A pass as the daemon makes it.
    pub(super) async fn apply(&self) -> Report {
        self.pass(&daemon(Permission::Apply)).await
    }

    /// A pass that only looks.
    pub(super) async fn look(&self) -> Report {
        self.pass(&daemon(Permission::Observe(Skip::Observe))).await
    }

    pub(super) async fn pass(&self, order: &Order) -> Report {
        self.pass_over("r1", order).await
    }

    pub(super) async fn pass_over(&self, name: &str, order: &Order) -> Report {
        pass(&self.ctx, &self.intent, name, order).await
    }

    /// Time goes by, for us and for the devices.
    pub(super) fn wait(&self, seconds: u32) {
        AHEAD.set(AHEAD.get() + i64::from(seconds));
        self.fleet.step(Duration::from_secs(seconds.into()));
    }

    /// The latest attempt.
    pub(super) fn attempt(&self) -> Attempt {
        let mut attempts = self.store.history("r1", 1).expect("history");
        attempts.pop().expect("an attempt")
    }

    pub(super) fn attempts(&self) -> Vec<Attempt> {
        self.store.history("r1", 10).expect("history")
    }

    pub(super) fn store_unfinished(&self) -> Vec<Attempt> {
        self.store.unfinished().expect("attempts")
    }

    pub(super) fn store_record(&self) -> DeviceRecord {
        self.store.device("r1").expect("a record").expect("r1")
    }

    /// A person has looked.
    pub(super) fn release(&self) {
        let released = self.store.release_hold("r1", "operator", now());
        assert!(released.expect("a store"), "there was a hold");
        netkeel::controller::forget_refused_logins(&*self.store).expect("a store");
    }

    /// Somebody arms a trial of ten minutes and changes something in it.
    pub(super) fn trial_by(&self, user: &str, lines: &[&str]) {
        let mut all = vec!["do configure terminal revert timer 10"];
        all.extend_from_slice(lines);
        let said = self.fleet.type_as_user("r1", user, &all).expect("r1");
        assert!(self.trial_pending(), "{said}");
    }

    pub(super) fn trial_pending(&self) -> bool {
        let asked = ["do show archive config rollback timer"];
        let said = self.fleet.type_as_user("r1", "console", &asked);
        !said
            .expect("r1")
            .contains("No Rollback Confirmed Change pending")
    }

    /// The device (stopped or not) starts from its startup configuration.
    pub(super) async fn reboot(&mut self) {
        let fleet = Arc::get_mut(&mut self.fleet).expect("nobody else has the fleet");
        fleet.restart_device("r1").await.expect("r1");
    }

    pub(super) fn holds(&self) -> Vec<Hold> {
        self.store.holds().expect("holds")
    }

    /// Looks until nothing is in doubt any more, letting time go by in between.
    pub(super) async fn settled(&self) -> Outcome {
        for _ in 0..12 {
            self.look().await;
            if let Some(outcome) = self.attempt().outcome {
                return outcome;
            }
            self.wait(60);
        }
        panic!("still in doubt: {:?}", self.attempt());
    }
}

pub(super) fn daemon(permission: Permission) -> Order {
    Order {
        permission,
        actor: Actor::Daemon,
        reason: "a test".to_owned(),
        only: None,
        attended: false,
        then_hold: None,
    }
}

pub(super) fn person() -> Order {
    Order {
        actor: Actor::User("operator".to_owned()),
        attended: true,
        ..daemon(Permission::Apply)
    }
}

/// Says that a device in doubt is watched closely.
pub(super) fn assert_in_doubt(report: &Report) {
    assert_eq!(
        report.status.cause.as_deref(),
        Some("in_doubt"),
        "{report:?}"
    );
    assert!(matches!(report.next, Next::After(_)), "{report:?}");
}

/// A process of the controller: nothing in it but what the folder holds.
fn process(
    folder: &Path,
    settings: &Settings,
    secrets: &Arc<Vault>,
) -> (Arc<Trapped>, Arc<Context>) {
    let opened = SqliteStore::open(folder, now()).expect("a store");
    assert_eq!(opened.set_aside, None);
    let store = Arc::new(Trapped::new(opened.store));
    let known_hosts = vec![folder.join("known_hosts")];
    std::fs::create_dir_all(folder.join("sessions")).expect("a folder");
    let ctx = Context {
        settings: Arc::new(settings.clone()),
        packs: Packs::builtin().expect("the built-in packs"),
        store: Arc::clone(&store) as Arc<dyn netkeel::model::Store>,
        connector: Arc::new(
            SshConnector::new(known_hosts, HostKeyPolicy::Strict)
                .with_session_logs(folder.join("sessions")),
        ),
        logins: netkeel::controller::Logins::default(),
        secrets: Arc::clone(secrets) as Arc<dyn SecretSource>,
        ssh_config: None,
        evaluator: Evaluator::new(env!("CARGO_BIN_EXE_netkeel").into()),
        reporter: Reporter::new(),
        seal_key: [7; 32],
        owner: netkeel::controller::context::owner_name(),
        now,
    };
    (store, Arc::new(ctx))
}

fn fleet_of(fleet: &Fleet) -> prepare::Fleet {
    let packs = Packs::builtin().expect("the built-in packs");
    let devices = fleet.devices().into_iter().map(|info| {
        let device = Device {
            name: info.name.clone(),
            hostname: Some(info.address.clone()),
            port: Some(info.port),
            username: Some(info.username.clone()),
            password: Some(Credential::Plain(SecretText::new(info.password.clone()))),
            platform: Some(info.platform.clone()),
            keel: Keel {
                apply: ApplyMode::Auto,
                limits: Limits {
                    delete_percent: 100,
                },
                ..Keel::default()
            },
            ..Device::default()
        };
        let prepared = Prepared {
            pack: packs.get(&info.platform),
            intended: fleet.running(&info.name).ok(),
            device: Some(device),
            ..Prepared::default()
        };
        (info.name, prepared)
    });
    prepare::Fleet {
        revision: revision("a"),
        devices: devices.collect(),
        rules: Arc::default(),
        warnings: Vec::new(),
    }
}

fn revision(id: &str) -> Revision {
    Revision {
        id: id.to_owned(),
        reference: "main".to_owned(),
        author: "a test".to_owned(),
        time: Timestamp::UNIX_EPOCH,
        summary: String::new(),
    }
}
