//! Mirrors of local repositories made by git2 itself, hostile trees, and hostile servers.

use std::fs;
use std::path::Path;

use git2::{ObjectType, Oid, Repository, Signature, Time};
use tempfile::TempDir;

use super::*;

mod blame;
mod servers;
mod trees;

/// Mode, name and object of a tree entry.
type Raw<'a> = (&'a str, &'a [u8], Oid);

/// A repository to be mirrored, and the place for its mirror.
struct Lab {
    folder: TempDir,
    repository: Repository,
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let repository =
            Repository::init_bare(folder.path().join("net.git")).expect("a repository");
        Self { folder, repository }
    }

    fn spec(&self) -> SourceSpec {
        spec(
            &self.folder.path().join("net.git").display().to_string(),
            &self.folder.path().join("mirror"),
        )
    }

    fn mirror(&self) -> Mirror {
        Mirror::open(self.spec()).expect("a mirror")
    }

    /// Commits files on a branch.
    fn commit(&self, branch: &str, files: &[(&str, &str)], parents: &[Oid]) -> Oid {
        let mut index = git2::Index::new().expect("an index");
        for (path, content) in files {
            let id = self.repository.blob(content.as_bytes()).expect("a blob");
            index.add(&index_entry(path, id)).expect("an entry");
        }
        let tree = index.write_tree_to(&self.repository).expect("a tree");
        self.commit_tree(branch, tree, parents)
    }

    fn commit_tree(&self, branch: &str, tree: Oid, parents: &[Oid]) -> Oid {
        let tree = self.repository.find_tree(tree).expect("the tree");
        let who =
            Signature::new("Ann", "ann@example.net", &Time::new(1_700_000_000, 60)).expect("who");
        let parents: Vec<git2::Commit<'_>> = parents
            .iter()
            .map(|id| self.repository.find_commit(*id).expect("a parent"))
            .collect();
        let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
        let id = self
            .repository
            .commit(None, &who, &who, "what\n\nand why\n", &tree, &parents)
            .expect("a commit");
        let name = format!("refs/heads/{branch}");
        self.repository
            .reference(&name, id, true, "test")
            .expect("a reference");
        id
    }

    /// Commits a tree written byte by byte, past all checks.
    fn commit_raw(&self, entries: &[Raw<'_>]) -> Oid {
        let mut raw = Vec::new();
        for (mode, name, id) in entries {
            raw.extend_from_slice(mode.as_bytes());
            raw.push(b' ');
            raw.extend_from_slice(name);
            raw.push(0);
            raw.extend_from_slice(id.as_bytes());
        }
        let odb = self.repository.odb().expect("an object database");
        let tree = odb.write(ObjectType::Tree, &raw).expect("a tree");
        let body =
            format!("tree {tree}\nauthor a <a@a> 1 +0000\ncommitter a <a@a> 1 +0000\n\nraw\n");
        let id = odb
            .write(ObjectType::Commit, body.as_bytes())
            .expect("a commit");
        self.repository
            .reference("refs/heads/main", id, true, "test")
            .expect("a reference");
        id
    }

    fn blob(&self, content: &[u8]) -> Oid {
        self.repository.blob(content).expect("a blob")
    }
}

fn spec(url: &str, mirror: &Path) -> SourceSpec {
    SourceSpec {
        url: url.to_owned(),
        reference: "main".to_owned(),
        mirror: mirror.to_owned(),
        timeout: Duration::from_secs(60),
        auth: GitAuth::default(),
        max_file: 1000,
        max_total: 5000,
    }
}

fn index_entry(path: &str, id: Oid) -> git2::IndexEntry {
    git2::IndexEntry {
        ctime: git2::IndexTime::new(0, 0),
        mtime: git2::IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode: 0o100_644,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}

fn text(error: Result<impl std::fmt::Debug, SourceError>) -> String {
    error.expect_err("a failure").to_string()
}

#[test]
fn a_branch_a_tag_and_a_hash_become_revisions() {
    let lab = Lab::new();
    let first = lab.commit("main", &[("a/b.yaml", "x: 1\n"), ("c", "")], &[]);
    let object = lab.repository.find_object(first, None).expect("it");
    let who = Signature::new("T", "t@t", &Time::new(1, 0)).expect("who");
    lab.repository
        .tag("v1", &object, &who, "annotated", false)
        .expect("a tag");
    lab.repository
        .tag_lightweight("light", &object, false)
        .expect("a tag");
    let second = lab.commit("main", &[("c", "2")], &[first]);
    let mut mirror = lab.mirror();
    let resolved = mirror.refresh(None).expect("fetched");
    let revision = resolved.revision;
    assert!(resolved.fast_forward);
    assert_eq!(revision.id, second.to_string());
    assert_eq!(revision.reference, "main");
    assert_eq!(revision.author, "Ann <ann@example.net>");
    assert_eq!(revision.summary, "what");
    assert_eq!(revision.time.as_second(), 1_700_000_000);
    let hash = first.to_string();
    for name in ["v1", "light", "refs/tags/v1", hash.as_str(), &hash[..8]] {
        assert_eq!(mirror.resolve(name).expect(name).id, hash, "{name}");
    }
    let files = mirror.files(&hash).expect("files");
    assert_eq!(files.paths().collect::<Vec<_>>(), ["a/b.yaml", "c"]);
    assert_eq!(files.text("a/b.yaml"), Some("x: 1\n"));
    let url = lab.spec().url;
    for name in ["nope", "main~1", "../x", "", "deadbeef", "main:c"] {
        let shown = text(mirror.resolve(name));
        assert_eq!(
            shown,
            format!("`{url}` has no branch, tag or commit `{name}`")
        );
    }
}

#[test]
fn a_tag_cannot_take_the_place_of_a_branch() {
    let lab = Lab::new();
    let evil = lab.commit("evil", &[("c", "evil")], &[]);
    let good = lab.commit("main", &[("c", "good")], &[]);
    let object = lab.repository.find_object(evil, None).expect("it");
    lab.repository
        .tag_lightweight("main", &object, false)
        .expect("a tag");
    let resolved = lab.mirror().refresh(None).expect("fetched");
    assert_eq!(resolved.revision.id, good.to_string());
}

#[test]
fn a_rewritten_branch_is_seen() {
    let lab = Lab::new();
    let first = lab.commit("main", &[("c", "1")], &[]);
    let mut mirror = lab.mirror();
    let one = mirror.refresh(None).expect("fetched").revision;
    let same = mirror.refresh(Some(&one.id)).expect("fetched");
    assert!(same.fast_forward);
    let second = lab.commit("main", &[("c", "2")], &[first]);
    let ahead = mirror.refresh(Some(&one.id)).expect("fetched");
    assert!(ahead.fast_forward && ahead.revision.id == second.to_string());
    lab.repository
        .reference("refs/heads/main", first, true, "back")
        .expect("set");
    let back = mirror.refresh(Some(&ahead.revision.id)).expect("fetched");
    assert!(!back.fast_forward);
    lab.commit("main", &[("c", "other")], &[]);
    assert!(!mirror.refresh(Some(&one.id)).expect("fetched").fast_forward);
    let gone = "0123456789012345678901234567890123456789";
    assert!(!mirror.refresh(Some(gone)).expect("fetched").fast_forward);
    assert!(
        !mirror
            .refresh(Some("rubbish"))
            .expect("fetched")
            .fast_forward
    );
    assert!(
        mirror.files(&second.to_string()).is_ok(),
        "what was known stays readable"
    );
}

#[test]
fn a_deleted_branch_is_missing() {
    let lab = Lab::new();
    lab.commit("main", &[("c", "1")], &[]);
    let mut mirror = lab.mirror();
    mirror.refresh(None).expect("fetched");
    let mut branch = lab
        .repository
        .find_reference("refs/heads/main")
        .expect("it");
    branch.delete().expect("deleted");
    assert!(matches!(
        mirror.refresh(None),
        Err(SourceError::NoSuchReference { .. })
    ));
    let empty = Lab::new();
    assert!(text(empty.mirror().refresh(None)).contains("has no branch, tag or commit `main`"));
}

#[test]
fn what_is_not_let_through() {
    let lab = Lab::new();
    let blob = lab.blob(b"x");
    let large = lab.blob(&[b'x'; 1001]);
    let most = lab.blob(&[b'x'; 1000]);
    let lfs = lab.blob(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    let commit = lab.commit("other", &[("c", "1")], &[]);
    let names: Vec<Vec<u8>> = (0..6).map(|n| format!("f{n}").into_bytes()).collect();
    let six: Vec<Raw<'_>> = names
        .iter()
        .map(|n| ("100644", n.as_slice(), most))
        .collect();
    let cases: Vec<(Vec<Raw<'_>>, &str)> = vec![
        (vec![("120000", b"link", blob)], "`link` in"),
        (vec![("120000", b"link", blob)], "a symbolic link"),
        (vec![("160000", b"sub", commit)], "`sub` in"),
        (vec![("160000", b"sub", commit)], "a submodule"),
        (
            vec![("100644", b"big", large)],
            "1001 bytes, more than the 1000 allowed",
        ),
        (six, "`f5` in"),
        (vec![("100644", b"pointer", lfs)], "a Git LFS pointer"),
        (vec![("100644", b"..", blob)], "`.` or `..`"),
        (vec![("100644", b".git", blob)], "`.git` in it"),
        (vec![("100644", b".GiT", blob)], "`.git` in it"),
        (vec![("100644", b"a/b", blob)], "a slash in one part"),
        (vec![("100644", b"/etc", blob)], "a slash in one part"),
        (vec![("100644", b"a\\b", blob)], "a backslash"),
        (vec![("100644", b"a\x1b[2Jb", blob)], "`a\\u{1b}[2Jb` in"),
        (vec![("100644", b"a\nb", blob)], "control characters"),
        (vec![("100644", b"\xff", blob)], "not UTF-8"),
        (
            vec![("100644", b"twice", blob), ("100755", b"twice", blob)],
            "two entries",
        ),
        (
            vec![(
                "100644",
                b"tree",
                lab.repository.find_commit(commit).expect("it").tree_id(),
            )],
            "not a regular file",
        ),
    ];
    let mut mirror = lab.mirror();
    for (entries, expected) in cases {
        let id = lab.commit_raw(&entries);
        mirror.refresh(None).expect("fetched");
        let shown = text(mirror.files(&id.to_string()));
        assert!(shown.contains(expected), "{entries:?}: {shown}");
        assert!(shown.contains(&id.to_string()[..10]), "{shown}");
    }
}

#[test]
fn a_tree_bomb_is_refused() {
    let lab = Lab::new();
    let odb = lab.repository.odb().expect("it");
    let mut below = lab.blob(b"");
    for level in 0..12 {
        let mode = if level == 0 { "100644" } else { "40000" };
        let mut raw = Vec::new();
        for n in 0..10 {
            raw.extend_from_slice(format!("{mode} d{n}\0").as_bytes());
            raw.extend_from_slice(below.as_bytes());
        }
        below = odb.write(ObjectType::Tree, &raw).expect("a tree");
    }
    let id = lab.commit_raw(&[("40000", b"top", below)]);
    let mut mirror = lab.mirror();
    mirror.refresh(None).expect("fetched");
    assert!(text(mirror.files(&id.to_string())).contains("more than the 100000 files and folders"));
    let mut below = lab.blob(b"x");
    for level in 0..60 {
        let mode = if level == 0 { "100644" } else { "40000" };
        let raw = [format!("{mode} d\0").as_bytes(), below.as_bytes()].concat();
        below = odb.write(ObjectType::Tree, &raw).expect("a tree");
    }
    let id = lab.commit_raw(&[("40000", b"top", below)]);
    mirror.refresh(None).expect("fetched");
    assert!(text(mirror.files(&id.to_string())).contains("deeper than the 50 folders"));
}

#[test]
fn a_repository_that_vanishes_and_comes_back() {
    let lab = Lab::new();
    let id = lab.commit("main", &[("c", "1")], &[]).to_string();
    let mut mirror = lab.mirror();
    mirror.refresh(None).expect("fetched");
    let (here, away) = (
        lab.folder.path().join("net.git"),
        lab.folder.path().join("away"),
    );
    fs::rename(&here, &away).expect("moved");
    let shown = text(mirror.refresh(Some(&id)));
    assert_eq!(
        shown,
        format!("there is no repository at `{}`", here.display())
    );
    assert!(mirror.files(&id).is_ok(), "the mirror keeps what it had");
    fs::rename(&away, &here).expect("moved");
    assert!(mirror.refresh(Some(&id)).expect("fetched").fast_forward);
    let spaced = lab.folder.path().join("net work.git");
    std::os::unix::fs::symlink(&here, &spaced).expect("linked");
    let file = format!("file://{}", spaced.display()).replace(' ', "%20");
    let mut other = Mirror::open(spec(&file, &lab.folder.path().join("m2"))).expect("a mirror");
    assert_eq!(other.refresh(None).expect("fetched").revision.id, id);
}

/// Everything below a folder.
fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(all_files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[test]
fn a_damaged_mirror_is_made_anew() {
    let lab = Lab::new();
    let first = lab.commit("main", &[("c", "1")], &[]);
    let id = lab
        .commit("main", &[("c", "2"), ("d", "3")], &[first])
        .to_string();
    let damages: [fn(&Path); 5] = [
        |mirror| fs::remove_file(mirror.join("HEAD")).expect("removed"),
        |mirror| fs::remove_dir_all(mirror.join("objects")).expect("removed"),
        |mirror| fs::write(mirror.join("refs/heads/main"), "rubbish").expect("written"),
        |mirror| {
            for file in all_files(&mirror.join("objects")) {
                fs::remove_file(&file).expect("removed");
                fs::write(&file, "rubbish").expect("written");
            }
        },
        |mirror| fs::write(mirror.join("config"), "[core\n rubbish").expect("written"),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let mut mirror = lab.mirror();
        mirror.refresh(None).expect("fetched");
        damage(&lab.spec().mirror);
        for again in ["same process", "restart"] {
            let resolved = mirror
                .refresh(Some(&id))
                .unwrap_or_else(|e| panic!("{number} {again}: {e}"));
            if mirror.files(&id).is_err() {
                // A damaged blob is met only now; the next look repairs it.
                mirror.refresh(Some(&id)).expect("made anew");
            }
            let files = mirror
                .files(&id)
                .unwrap_or_else(|e| panic!("{number} {again}: {e}"));
            assert_eq!(files.text("d"), Some("3"), "{number}");
            assert!(
                resolved.fast_forward && resolved.revision.id == id,
                "{number}"
            );
            damage(&lab.spec().mirror);
            mirror = lab.mirror();
        }
        mirror.refresh(Some(&id)).expect("made anew");
    }
}

#[test]
fn a_damaged_mirror_is_kept_while_the_repository_is_away() {
    let lab = Lab::new();
    let id = lab.commit("main", &[("c", "1")], &[]).to_string();
    lab.mirror().refresh(None).expect("fetched");
    let mirror_path = lab.spec().mirror;
    fs::write(mirror_path.join("refs/heads/main"), "rubbish").expect("written");
    fs::rename(
        lab.folder.path().join("net.git"),
        lab.folder.path().join("away"),
    )
    .expect("moved");
    let mut mirror = lab.mirror();
    assert!(matches!(
        mirror.refresh(Some(&id)),
        Err(SourceError::Vanished { .. })
    ));
    assert_eq!(
        mirror.files(&id).expect("by hash it is there").text("c"),
        Some("1")
    );
}

#[test]
fn a_damaged_repository_is_not_called_a_damaged_mirror() {
    let lab = Lab::new();
    lab.commit("main", &[("c", "1")], &[]);
    let lost = lab.blob(b"lost").to_string();
    lab.commit("main", &[("c", "lost")], &[]);
    let objects = lab.folder.path().join("net.git/objects");
    fs::remove_file(objects.join(&lost[..2]).join(&lost[2..])).expect("removed");
    let error = lab.mirror().refresh(None).expect_err("a hole in it");
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("net.git"), "{error}");
}

#[test]
fn what_was_last_known_survives_a_new_mirror_of_a_rewritten_branch() {
    let lab = Lab::new();
    let known = lab.commit("main", &[("dir/c", "1")], &[]).to_string();
    lab.mirror().refresh(None).expect("fetched");
    lab.commit("main", &[("c", "other")], &[]);
    fs::remove_file(lab.spec().mirror.join("HEAD")).expect("removed");
    // The remote forgets the old commit: loose objects of it are gone.
    let odb = lab.folder.path().join("net.git/objects");
    fs::remove_file(odb.join(&known[..2]).join(&known[2..])).expect("removed");
    let mut mirror = lab.mirror();
    let resolved = mirror.refresh(Some(&known)).expect("made anew");
    assert!(!resolved.fast_forward);
    assert_eq!(
        mirror.files(&known).expect("carried over").text("dir/c"),
        Some("1")
    );
}

#[test]
fn folders_that_cannot_be_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "x").expect("written");
    let shown = text(Mirror::open(spec("/srv/x", &file.join("mirror"))));
    assert!(shown.contains("file"), "{shown}");
    let mut with_ca = spec("https://h/x", &folder.path().join("m"));
    with_ca.auth.ca_file = Some(folder.path().join("absent.pem"));
    assert!(text(Mirror::open(with_ca)).contains("absent.pem"));
    let mut not_a_ca = spec("https://h/x", &folder.path().join("m"));
    not_a_ca.auth.ca_file = Some(file);
    assert!(Mirror::open(not_a_ca).is_err());
}

#[test]
fn a_mirror_that_another_process_writes_is_busy() {
    let lab = Lab::new();
    lab.commit("main", &[("c", "1")], &[]);
    let lock = fs::File::create(lab.folder.path().join("mirror.lock")).expect("a file");
    lock.lock().expect("locked");
    let quick = SourceSpec {
        timeout: Duration::from_millis(200),
        ..lab.spec()
    };
    let mut mirror = Mirror::open(quick).expect("a mirror");
    assert!(matches!(
        mirror.refresh(None),
        Err(SourceError::Busy { .. })
    ));
    drop(lock);
    let mut other = lab.mirror();
    assert!(other.refresh(None).is_ok());
}

#[test]
fn a_mirror_may_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Mirror>();
    shared::<Watcher>();
    shared::<SourceError>();
}
