//! Who wrote a line: bare mirrors and working trees made by the real library.

use std::collections::BTreeSet;

use super::*;

fn wanted(all: &[(&str, &[usize])]) -> Lines {
    let one = |(file, lines): &(&str, &[usize])| {
        let lines: BTreeSet<usize> = lines.iter().copied().collect();
        ((*file).to_owned(), lines)
    };
    all.iter().map(one).collect()
}

/// The first digits of the commit of a line, or what else is known.
fn by(blame: &Blame, file: &str, line: usize) -> String {
    match blame.of(file, line) {
        Some(Written::Commit(commit)) => commit.id.clone(),
        Some(Written::NotCommitted) => "not committed".to_owned(),
        None => "unknown".to_owned(),
    }
}

const FIRST: &str = "one\ntwo\nthree\nfour\n";
const SECOND: &str = "zero\none\ntwo\n3\nfour\n";

/// A repository whose file changed twice, the second time under another name.
fn three(lab: &Lab) -> [Oid; 3] {
    let first = lab.commit("main", &[("a.j2", FIRST), ("b.yaml", "x: 1\n")], &[]);
    let files = [("a.j2", SECOND), ("b.yaml", "x: 1\n")];
    let second = lab.commit("main", &files, &[first]);
    let files = [("t/a.j2", SECOND), ("b.yaml", "x: 1\ny: 2\n")];
    [first, second, lab.commit("main", &files, &[second])]
}

#[test]
fn a_bare_mirror_knows_who_wrote_each_line() {
    let lab = Lab::new();
    let [first, second, third] = three(&lab);
    let mut mirror = lab.mirror();
    let revision = mirror.refresh(None).expect("a revision").revision;
    let lines = wanted(&[
        ("t/a.j2", &[1, 2, 4, 5, 99]),
        ("b.yaml", &[2]),
        ("no", &[1]),
    ]);
    let blame = mirror.blame(&revision.id, lines);
    assert_eq!(blame.incomplete, None);
    let (first, second) = (first.to_string(), second.to_string());
    // The move of a file is not a change of its lines.
    for (line, commit) in [(1, &second), (2, &first), (4, &second), (5, &first)] {
        assert_eq!(&by(&blame, "t/a.j2", line), commit, "{line}");
    }
    assert_eq!(by(&blame, "b.yaml", 2), third.to_string());
    assert_eq!(by(&blame, "t/a.j2", 99), "unknown");
    assert_eq!(by(&blame, "t/a.j2", 3), "unknown", "it was not asked for");
    let Some(Written::Commit(commit)) = blame.of("b.yaml", 2) else {
        panic!("a commit");
    };
    assert_eq!(commit.author, "Ann <ann@example.net>");
    assert_eq!(commit.summary, "what");
    assert_eq!(commit.time.as_second(), 1_700_000_000);
    // An earlier revision knows nothing of what came later.
    let blame = mirror.blame(&second, wanted(&[("a.j2", &[1]), ("b.yaml", &[1])]));
    assert_eq!(by(&blame, "a.j2", 1), second);
    assert_eq!(by(&blame, "b.yaml", 1), first);
}

#[test]
fn what_cannot_be_told_is_said() {
    let lab = Lab::new();
    three(&lab);
    let mut mirror = lab.mirror();
    let revision = mirror.refresh(None).expect("a revision").revision;
    let blame = mirror.blame(&"0".repeat(40), wanted(&[("b.yaml", &[1])]));
    assert!(blame.incomplete.is_some());
    assert_eq!(by(&blame, "b.yaml", 1), "unknown");
    let mut spec = lab.spec();
    spec.timeout = Duration::ZERO;
    let hurried = Mirror::open(spec).expect("a mirror");
    let blame = hurried.blame(&revision.id, wanted(&[("b.yaml", &[1])]));
    let why = blame.incomplete.expect("no time");
    assert!(why.contains("not done within 0 s"), "{why}");
}

#[test]
fn a_working_tree_says_what_is_not_committed() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let repository = Repository::init(root).expect("a repository");
    let limit = Duration::from_secs(60);
    let ask = |content: &str, lines: &[usize]| {
        let mut files = crate::model::FileSet::new();
        files.insert("a.j2", content);
        files.insert("new.j2", "x\n");
        let lines = wanted(&[("a.j2", lines), ("new.j2", &[1])]);
        blame_worktree(root, files, lines, limit)
    };
    let blame = ask(FIRST, &[1]);
    assert_eq!(
        by(&blame, "a.j2", 1),
        "not committed",
        "before the first commit"
    );
    fs::write(root.join("a.j2"), FIRST).expect("written");
    let mut index = repository.index().expect("an index");
    index.add_path(Path::new("a.j2")).expect("added");
    let tree = index.write_tree().expect("a tree");
    let tree = repository.find_tree(tree).expect("the tree");
    let who = Signature::new("Bob", "bob@example.net", &Time::new(1_700_000_000, 0)).expect("who");
    let commit = repository.commit(Some("HEAD"), &who, &who, "first", &tree, &[]);
    let commit = commit.expect("a commit").to_string();
    let blame = ask(SECOND, &[1, 2, 3, 4, 5]);
    assert_eq!(blame.incomplete, None);
    for (line, written) in [
        (1, "not committed"),
        (2, &commit),
        (3, &commit),
        (4, "not committed"),
        (5, &commit),
    ] {
        assert_eq!(by(&blame, "a.j2", line), written, "{line}");
    }
    assert_eq!(by(&blame, "new.j2", 1), "not committed");
    // Other line ends are no other lines.
    let blame = ask(&FIRST.replace('\n', "\r\n"), &[2]);
    assert_eq!(by(&blame, "a.j2", 2), commit);
}
