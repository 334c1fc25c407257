//! Who wrote a line, and when: Git's blame on the object database, no checkout needed.
//!
//! libgit2 cannot be asked to stop in the middle of a file with a long history. So the work
//! is done on a thread of its own, file by file, and the caller waits for it only so long;
//! what is known by then is the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use git2::{BlameOptions, Commit, ErrorCode, Oid, Repository};
use jiff::Timestamp;
use serde::Serialize;
use similar::{Algorithm, DiffOp, capture_diff_slices};
use tokio::time::Instant;

use super::resolve;
use crate::model::FileSet;

/// Results that may wait for the caller.
const WAITING: usize = 16;

/// Lines, from 1, by file.
pub type Lines = BTreeMap<String, BTreeSet<usize>>;

/// The commit that last wrote a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineCommit {
    /// Its full hash.
    pub id: String,
    /// Its author as `Name <mail>`.
    pub author: String,
    /// When it was committed.
    pub time: Timestamp,
    /// First line of its message.
    pub summary: String,
}

/// Who wrote a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Written {
    /// This commit.
    Commit(LineCommit),
    /// Nobody yet: the line stands only in the working tree.
    NotCommitted,
}

/// Who wrote which lines.
#[derive(Clone, Debug, Default)]
pub struct Blame {
    lines: BTreeMap<String, BTreeMap<usize, Written>>,
    /// Why not all lines that were asked for are known.
    pub incomplete: Option<String>,
}

impl Blame {
    /// Nothing is known, and why.
    #[must_use]
    pub fn unknown(why: String) -> Self {
        Self {
            incomplete: Some(why),
            ..Self::default()
        }
    }

    /// Who wrote a line, if it is known.
    #[must_use]
    pub fn of(&self, file: &str, line: usize) -> Option<&Written> {
        self.lines.get(file)?.get(&line)
    }
}

/// What is looked at; owned, because the thread may outlive the caller.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// A bare repository, or one with a working tree.
    pub(super) repository: PathBuf,
    /// The commit; that of the working tree's branch if absent.
    pub(super) revision: Option<String>,
    /// The files of a working tree, where they are not those of the commit.
    pub(super) files: Option<FileSet>,
}

/// One file's answer.
type Answer = (String, Result<BTreeMap<usize, Written>, String>);

/// Asks who wrote lines; answers within `limit`.
pub(super) fn blame(question: Question, wanted: Lines, limit: Duration) -> Blame {
    let deadline = Instant::now() + limit;
    let (to, answers) = sync_channel::<Answer>(WAITING);
    let mut blame = Blame::default();
    let mut open: BTreeSet<String> = wanted.keys().cloned().collect();
    let thread = std::thread::Builder::new().name("git-blame".to_owned());
    if let Err(error) = thread.spawn(move || question.work(&wanted, deadline, &to)) {
        return Blame::unknown(format!("no thread for it: {error}"));
    }
    while !open.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        match answers.recv_timeout(left) {
            Ok((file, answer)) => {
                open.remove(&file);
                match answer {
                    Ok(lines) => drop(blame.lines.insert(file, lines)),
                    Err(why) => blame.incomplete = Some(format!("`{file}`: {why}")),
                }
            }
            Err(RecvTimeoutError::Disconnected) if Instant::now() < deadline => {
                blame.incomplete = Some("the thread that asks Git died".to_owned());
                break;
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                let seconds = limit.as_secs();
                let why = format!("not done within {seconds} s, {} files left", open.len());
                blame.incomplete = Some(why);
                break;
            }
        }
    }
    blame
}

impl Question {
    /// The thread. Nobody may listen any more: then it ends.
    fn work(&self, wanted: &Lines, deadline: Instant, to: &SyncSender<Answer>) {
        let mut known = BTreeMap::new();
        let repository = Repository::open(&self.repository);
        for (file, lines) in wanted {
            if Instant::now() >= deadline {
                return;
            }
            let answer = match &repository {
                Ok(repository) => self.file(repository, file, lines, &mut known),
                Err(e) => Err(git2::Error::from_str(e.message())),
            };
            let answer = answer.map_err(|e| e.message().to_owned());
            if to.send((file.clone(), answer)).is_err() {
                return;
            }
        }
    }

    fn file(
        &self,
        repository: &Repository,
        file: &str,
        lines: &BTreeSet<usize>,
        known: &mut BTreeMap<Oid, LineCommit>,
    ) -> Result<BTreeMap<usize, Written>, git2::Error> {
        let all = |written: &Written| lines.iter().map(|l| (*l, written.clone())).collect();
        let Some(commit) = self.commit(repository)? else {
            return Ok(all(&Written::NotCommitted));
        };
        let Some(old) = content(repository, &commit, file)? else {
            return Ok(all(&Written::NotCommitted));
        };
        // libgit2 makes up a commit for lines that are not there.
        let length = String::from_utf8_lossy(&old).lines().count();
        let places: BTreeMap<usize, Option<usize>> =
            match self.files.as_ref().map(|files| files.get(file)) {
                None => lines
                    .range(..=length)
                    .map(|line| (*line, Some(*line)))
                    .collect(),
                Some(new) => moved(&old, new.unwrap_or_default(), lines),
            };
        let blamed = blamed(repository, &commit, file, places.values().flatten(), known)?;
        let written = |(line, before): (usize, Option<usize>)| match before {
            None => Some((line, Written::NotCommitted)),
            Some(before) => blamed
                .get(&before)
                .map(|commit| (line, Written::Commit(commit.clone()))),
        };
        Ok(places.into_iter().filter_map(written).collect())
    }

    fn commit<'r>(&self, repository: &'r Repository) -> Result<Option<Commit<'r>>, git2::Error> {
        match &self.revision {
            Some(id) => repository.find_commit(Oid::from_str(id)?).map(Some),
            None => match repository.head() {
                Ok(head) => head.peel_to_commit().map(Some),
                Err(_) => Ok(None),
            },
        }
    }
}

/// A file of a commit; `None` if it has none of that name.
fn content(
    repository: &Repository,
    commit: &Commit<'_>,
    file: &str,
) -> Result<Option<Vec<u8>>, git2::Error> {
    let entry = match commit.tree()?.get_path(Path::new(file)) {
        Ok(entry) => entry,
        Err(e) if e.code() == ErrorCode::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    repository
        .find_blob(entry.id())
        .map(|blob| Some(blob.content().to_vec()))
}

/// Where lines of a changed file stood before; `None` for those that are new or changed.
fn moved(old: &[u8], new: &[u8], wanted: &BTreeSet<usize>) -> BTreeMap<usize, Option<usize>> {
    if old == new {
        return wanted.iter().map(|line| (*line, Some(*line))).collect();
    }
    let mut places: BTreeMap<usize, Option<usize>> = wanted.iter().map(|l| (*l, None)).collect();
    for op in capture_diff_slices(Algorithm::Myers, &lines(old), &lines(new)) {
        let DiffOp::Equal {
            old_index,
            new_index,
            len,
        } = op
        else {
            continue;
        };
        let equal = places.range_mut(new_index + 1..=new_index + len);
        for (line, place) in equal {
            *place = Some(old_index + (*line - new_index));
        }
    }
    places
}

/// Lines without their ends: a checkout may have other ones.
fn lines(content: &[u8]) -> Vec<&[u8]> {
    let lines = content.split(|b| *b == b'\n');
    lines
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect()
}

/// The commits of some lines of a file.
fn blamed<'l>(
    repository: &Repository,
    newest: &Commit<'_>,
    file: &str,
    lines: impl Iterator<Item = &'l usize> + Clone,
    known: &mut BTreeMap<Oid, LineCommit>,
) -> Result<BTreeMap<usize, LineCommit>, git2::Error> {
    let (Some(first), Some(last)) = (lines.clone().min(), lines.clone().max()) else {
        return Ok(BTreeMap::new());
    };
    let mut options = BlameOptions::new();
    options
        .newest_commit(newest.id())
        .min_line(*first)
        .max_line(*last);
    let blame = repository.blame_file(Path::new(file), Some(&mut options))?;
    let mut commits = BTreeMap::new();
    for line in lines {
        let Some(hunk) = blame.get_line(*line) else {
            continue;
        };
        let id = hunk.final_commit_id();
        if let std::collections::btree_map::Entry::Vacant(slot) = known.entry(id) {
            slot.insert(line_commit(&repository.find_commit(id)?));
        }
        if let Some(commit) = known.get(&id) {
            commits.insert(*line, commit.clone());
        }
    }
    Ok(commits)
}

fn line_commit(commit: &Commit<'_>) -> LineCommit {
    let revision = resolve::revision(commit, "");
    LineCommit {
        id: revision.id,
        author: revision.author,
        time: revision.time,
        summary: revision.summary,
    }
}
