//! Working trees, and watching repositories.

use std::sync::mpsc::channel;

use tokio::time::Instant;

use super::*;

/// A name, what happens to it, and why it is refused.
type Spoil = (&'static str, fn(&Path), &'static str);

/// A working tree with one commit.
fn working_tree() -> (TempDir, Repository) {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = Repository::init(folder.path()).expect("a repository");
    fs::create_dir_all(folder.path().join("intent")).expect("made");
    fs::write(folder.path().join("intent/a.j2"), "a").expect("written");
    fs::write(folder.path().join("gone"), "x").expect("written");
    fs::write(folder.path().join(".gitignore"), "*.log\nvenv/\n").expect("written");
    let mut index = repository.index().expect("an index");
    index
        .add_all(["*"], git2::IndexAddOption::DEFAULT, None)
        .expect("added");
    index.write().expect("written");
    let tree = index.write_tree().expect("a tree");
    {
        let tree = repository.find_tree(tree).expect("the tree");
        let who = Signature::new("Ann", "a@a", &Time::new(1_700_000_000, 0)).expect("who");
        repository
            .commit(Some("HEAD"), &who, &who, "one", &tree, &[])
            .expect("a commit");
    }
    (folder, repository)
}

#[test]
fn a_working_tree_is_a_revision_of_its_own() {
    let (folder, _repository) = working_tree();
    let root = folder.path();
    let spec = spec("unused", &root.join("unused"));
    let (before, files) = worktree(root, &spec).expect("read");
    assert_eq!(
        files.paths().collect::<Vec<_>>(),
        [".gitignore", "gone", "intent/a.j2"]
    );
    assert!(before.is_worktree() && before.id.len() == "worktree-".len() + 40);
    assert_eq!(
        worktree(root, &spec).expect("read").0,
        before,
        "nothing changed"
    );
    fs::write(root.join("new.yaml"), "n").expect("written");
    fs::write(root.join("debug.log"), "ignored").expect("written");
    fs::create_dir_all(root.join("venv")).expect("made");
    std::os::unix::fs::symlink("/bin/sh", root.join("venv/python")).expect("linked");
    fs::write(root.join("intent/a.j2"), "changed").expect("written");
    fs::remove_file(root.join("gone")).expect("removed");
    let (after, files) = worktree(&root.join("intent"), &spec).expect("read");
    assert_eq!(
        files.paths().collect::<Vec<_>>(),
        [".gitignore", "intent/a.j2", "new.yaml"]
    );
    assert_eq!(files.text("intent/a.j2"), Some("changed"));
    assert_ne!(after.id, before.id);
    assert!(after.summary.starts_with("working tree on "));
    let head = head_of_worktree(root).expect("read").expect("a commit");
    assert_eq!(
        (head.summary.as_str(), head.author.as_str()),
        ("one", "Ann <a@a>")
    );
}

#[test]
fn a_working_tree_refuses_what_a_revision_refuses() {
    let spoil: [Spoil; 6] = [
        (
            "link",
            |root| std::os::unix::fs::symlink("/etc/passwd", root.join("link")).expect("linked"),
            "a symbolic link",
        ),
        (
            "intent/a.j2",
            |root| {
                fs::remove_file(root.join("intent/a.j2")).expect("removed");
                std::os::unix::fs::symlink("/etc/passwd", root.join("intent/a.j2"))
                    .expect("linked");
            },
            "a symbolic link",
        ),
        (
            "intent",
            |root| {
                fs::rename(root.join("intent"), root.join("venv")).expect("moved");
                std::os::unix::fs::symlink("venv", root.join("intent")).expect("linked");
            },
            "a symbolic link",
        ),
        (
            "inner",
            |root| {
                let inner = Repository::init(root.join("inner")).expect("made");
                let who = Signature::new("A", "a@a", &Time::new(1, 0)).expect("who");
                let tree = inner
                    .treebuilder(None)
                    .and_then(|b| b.write())
                    .expect("a tree");
                let tree = inner.find_tree(tree).expect("the tree");
                inner
                    .commit(Some("HEAD"), &who, &who, "in", &tree, &[])
                    .expect("a commit");
                fs::write(root.join("inner/x"), "x").expect("written");
            },
            "a submodule",
        ),
        (
            "big",
            |root| fs::write(root.join("big"), vec![b'x'; 1001]).expect("written"),
            "1001 bytes",
        ),
        (
            "a\\\\b",
            |root| fs::write(root.join("a\\b"), "x").expect("written"),
            "a backslash",
        ),
    ];
    for (name, spoil, why) in spoil {
        let (folder, _repository) = working_tree();
        spoil(folder.path());
        let shown = text(worktree(
            folder.path(),
            &spec("unused", Path::new("unused")),
        ));
        assert!(
            shown.contains(&format!("`{name}` in the working tree is refused")),
            "{shown}"
        );
        assert!(shown.contains(why), "{shown}");
    }
}

#[test]
fn working_trees_are_found() {
    let (folder, _repository) = working_tree();
    let found = find_worktree(&folder.path().join("intent")).expect("found");
    let same = |a: &Path, b: &Path| a.canonicalize().ok() == b.canonicalize().ok();
    assert!(same(&found, folder.path()));
    let plain = tempfile::tempdir().expect("a folder");
    assert_eq!(find_worktree(plain.path()), None);
    let spec = spec("unused", Path::new("unused"));
    assert!(text(worktree(plain.path(), &spec)).contains("is not in a git working tree"));
    let lab = Lab::new();
    assert_eq!(
        find_worktree(&lab.folder.path().join("net.git")),
        None,
        "a bare one has none"
    );
    let fresh = tempfile::tempdir().expect("a folder");
    Repository::init(fresh.path()).expect("made");
    let (revision, files) = worktree(fresh.path(), &spec).expect("read");
    assert!(files.is_empty() && revision.summary.contains("before the first commit"));
}

/// Waits for "look again", at most a second, and empties the channel.
fn told(look: &std::sync::mpsc::Receiver<()>) -> bool {
    let told = look.recv_timeout(Duration::from_secs(1)).is_ok();
    while look.recv_timeout(Duration::from_millis(100)).is_ok() {}
    told
}

#[test]
fn a_push_is_seen_within_a_second() {
    let lab = Lab::new();
    let first = lab.commit("main", &[("c", "1")], &[]);
    let (to, look) = channel();
    let path = lab.folder.path().join("net.git");
    let watcher = Watcher::with(&path, move || to.send(()).unwrap_or_default()).expect("watching");
    while look.recv_timeout(Duration::from_millis(100)).is_ok() {}
    lab.commit("main", &[("c", "2")], &[first]);
    assert!(told(&look), "a commit");
    lab.commit("feature/x", &[("c", "3")], &[first]);
    assert!(told(&look), "a branch in a folder of its own");
    fs::write(path.join("packed-refs.new"), "# pack-refs with: peeled\n").expect("written");
    fs::rename(path.join("packed-refs.new"), path.join("packed-refs")).expect("renamed");
    assert!(told(&look), "packed references");
    drop(lab.mirror().refresh(None));
    assert!(
        look.recv_timeout(Duration::from_millis(200)).is_err(),
        "reading is no change"
    );
    drop(watcher);
    lab.commit("main", &[("c", "4")], &[first]);
    assert!(
        look.recv_timeout(Duration::from_millis(200)).is_err(),
        "dropped"
    );
}

#[test]
fn a_commit_in_a_working_tree_is_seen() {
    let (folder, repository) = working_tree();
    let (_watcher, mut look) = Watcher::new(folder.path()).expect("watching");
    while look.try_recv().is_ok() {}
    let head = repository
        .head()
        .expect("a head")
        .peel_to_commit()
        .expect("a commit");
    let who = Signature::new("Ann", "a@a", &Time::new(1, 0)).expect("who");
    let tree = head.tree().expect("a tree");
    repository
        .commit(Some("HEAD"), &who, &who, "two", &tree, &[&head])
        .expect("a commit");
    let deadline = Instant::now() + Duration::from_secs(1);
    while look.try_recv().is_err() {
        assert!(Instant::now() < deadline, "not seen");
        std::thread::yield_now();
    }
    let plain = tempfile::tempdir().expect("a folder");
    assert!(text(Watcher::with(plain.path(), || ())).contains("cannot watch"));
}
