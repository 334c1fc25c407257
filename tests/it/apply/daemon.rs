//! The daemon's own stages: a real repository in, changes on a simulated device out.

use std::path::Path;
use std::time::Duration;

use git2::{Oid, Repository, Signature, Time};
use netkeel::controller::daemon::Daemon;
use netkeel::controller::{Permission, Reconciler as _};
use netkeel::intent::Filter;
use netkeel::model::{Outcome, Skip, StepKind};
use netkeel::source::{GitAuth, Mirror, SourceSpec};

use super::trapped::Moment;
use super::world::World;

/// A repository whose `main` holds one device.
struct Repo(Repository);

impl Repo {
    fn new(folder: &Path) -> Self {
        Self(Repository::init_bare(folder.join("net.git")).expect("a repository"))
    }

    fn commit(&self, files: &[(&str, &str)], parent: Option<Oid>) -> Oid {
        let mut tree = git2::build::TreeUpdateBuilder::new();
        for (path, content) in files {
            let blob = self.0.blob(content.as_bytes()).expect("a blob");
            tree.upsert(path, blob, git2::FileMode::Blob);
        }
        let empty = self.0.treebuilder(None).and_then(|t| t.write());
        let empty = self.0.find_tree(empty.expect("a tree")).expect("a tree");
        let tree = tree.create_updated(&self.0, &empty).expect("a tree");
        let tree = self.0.find_tree(tree).expect("a tree");
        let time = Time::new(1_700_000_000, 0);
        let who = Signature::new("Ann", "ann@example.net", &time).expect("who");
        let parents: Vec<_> = parent
            .map(|id| self.0.find_commit(id).expect("a parent"))
            .into_iter()
            .collect();
        let parents: Vec<_> = parents.iter().collect();
        let id = self.0.commit(None, &who, &who, "a change", &tree, &parents);
        let id = id.expect("a commit");
        self.0
            .reference("refs/heads/main", id, true, "test")
            .expect("a branch");
        id
    }

    fn mirror(&self, folder: &Path) -> Mirror {
        let spec = SourceSpec {
            url: self.0.path().display().to_string(),
            reference: "main".to_owned(),
            mirror: folder.join("mirror"),
            timeout: Duration::from_secs(60),
            auth: GitAuth::default(),
            max_file: 1 << 20,
            max_total: 1 << 24,
        };
        Mirror::open(spec).expect("a mirror")
    }
}

#[tokio::test]
async fn a_revision_reaches_the_device_and_a_broken_one_does_not() {
    let world = World::ios().await;
    let (git, before) = (tempfile::tempdir().expect("a folder"), world.running());
    let (repo, hosts) = (Repo::new(git.path()), world.hosts_yaml());
    let files = |text: &str| {
        let hosts = ("intent/inventory/hosts.yaml", hosts.clone());
        [hosts, ("intent/templates/r1.j2", text.to_owned())]
    };
    let commit = |text: &str, parent| {
        let files = files(text);
        repo.commit(
            &files.each_ref().map(|(path, text)| (*path, text.as_str())),
            parent,
        )
    };
    let first = commit(&before, None);
    let mirror = repo.mirror(git.path());
    let daemon = Daemon::new(world.ctx(), mirror, Filter::default());
    let view = daemon.refresh().await.expect("a fleet").expect("a new one");
    assert_eq!(view.revision.id, first.to_string());
    assert!(view.devices["r1"].broken.is_none(), "{view:?}");
    assert!(daemon.refresh().await.expect("the same").is_none());
    let report = daemon.reconcile("r1", Permission::Apply).await;
    assert_eq!(report.outcome, Some(Outcome::Unchanged), "{report:?}");

    // a change, first only looked at
    let changed = before.replace(" description old", " description new");
    let second = commit(&changed, Some(first));
    daemon.refresh().await.expect("a fleet").expect("a new one");
    let look = Permission::Observe(Skip::Wave);
    let report = daemon.reconcile("r1", look).await;
    assert_eq!(report.outcome, Some(Outcome::Skipped(Skip::Wave)));
    assert!(report.wants_apply);
    assert_eq!(world.running(), before);
    let report = daemon.reconcile("r1", Permission::Apply).await;
    assert_eq!(report.outcome, Some(Outcome::Applied), "{report:?}");
    assert_eq!(
        report.status.last_applied.expect("applied").revision,
        second.to_string()
    );
    assert!(world.running().contains("description new"));

    // a template that fails is that device's trouble; an inventory that fails, everybody's
    let third = commit("{{ nothing.at.all }}", Some(second));
    let view = daemon.refresh().await.expect("a fleet").expect("a new one");
    assert!(view.devices["r1"].broken.is_some());
    let report = daemon.reconcile("r1", Permission::Apply).await;
    assert_eq!(report.status.cause.as_deref(), Some("intent"), "{report:?}");
    let fourth = repo.commit(&[("intent/inventory/hosts.yaml", "r1: [")], Some(third));
    let error = daemon.refresh().await.expect_err("no fleet");
    assert!(error.contains("hosts.yaml"), "{error}");
    assert!(world.running().contains("description new"));
    assert_eq!(daemon.stopped().await, None);

    // the branch is rewritten: nothing is applied until a person has said so
    commit(&before, None);
    let view = daemon.refresh().await.expect("a fleet").expect("a new one");
    assert_eq!(view.rewritten, Some(fourth.to_string()));
    let stopped = daemon.stopped().await.expect("stopped");
    assert!(stopped.contains("rewritten"), "{stopped}");
}

#[tokio::test]
async fn what_a_killed_daemon_left_is_settled_by_the_next() {
    let mut world = World::ios().await;
    let (git, before) = (tempfile::tempdir().expect("a folder"), world.running());
    let (repo, hosts) = (Repo::new(git.path()), world.hosts_yaml());
    let changed = before.replace(" description old", " description new");
    let files = [
        ("intent/inventory/hosts.yaml", hosts.as_str()),
        ("intent/templates/r1.j2", changed.as_str()),
    ];
    repo.commit(&files, None);
    let bell = std::sync::Arc::new(tokio::sync::Notify::new());
    let ring = std::sync::Arc::clone(&bell);
    world
        .store
        .at(StepKind::Verify, Moment::After, move |_| ring.notify_one());
    let daemon = Daemon::new(world.ctx(), repo.mirror(git.path()), Filter::default());
    daemon.refresh().await.expect("a fleet").expect("a new one");
    tokio::select! {
        biased;
        () = bell.notified() => {}
        report = daemon.reconcile("r1", Permission::Apply) => panic!("{report:?}"),
    }
    drop(daemon);
    assert!(world.trial_pending());
    world.restart().await;
    let daemon = Daemon::new(world.ctx(), repo.mirror(git.path()), Filter::default());
    daemon.refresh().await.expect("a fleet").expect("a new one");
    let left = daemon.unfinished().await.expect("attempts");
    assert_eq!(left.len(), 1);
    for attempt in left {
        let report = daemon.settle(attempt).await;
        assert_eq!(
            report.outcome,
            Some(Outcome::Skipped(Skip::Stopped)),
            "{report:?}"
        );
    }
    assert_eq!(world.attempt().outcome, Some(Outcome::RolledBack));
    assert_eq!(world.running(), before);
    let report = daemon.reconcile("r1", Permission::Apply).await;
    assert_eq!(report.outcome, Some(Outcome::Applied), "{report:?}");
    assert!(!world.trial_pending());
}

#[tokio::test]
async fn one_jump_host_is_one_whoever_names_it() {
    let mut world = World::ios().await;
    world.ssh_config("Host *.lon\n  ProxyJump gate\nHost gate\n  HostName gate.example.net\n");
    let git = tempfile::tempdir().expect("a folder");
    let repo = Repo::new(git.path());
    let hosts = "r1:\n  hostname: 192.0.2.1\n  platform: ios\n  connection_options:\n    netkeel: \
                 {extras: {jump: ada@gate.example.net}}\n\
                 r2: {hostname: r2.lon, platform: ios}\nr3: {hostname: r3.par, platform: ios}\n";
    repo.commit(&[("intent/inventory/hosts.yaml", hosts)], None);
    let daemon = Daemon::new(world.ctx(), repo.mirror(git.path()), Filter::default());
    let view = daemon.refresh().await.expect("a fleet").expect("a new one");
    let jump = |name: &str| view.devices[name].jump.as_deref();
    assert_eq!(jump("r1"), Some("gate.example.net:22"));
    assert_eq!(jump("r2"), jump("r1"), "as ssh_config has it");
    assert_eq!(jump("r3"), None);
}
