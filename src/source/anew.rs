//! Making a damaged mirror anew.

use std::path::{Path, PathBuf};

use git2::{ObjectType, Odb, Oid, Repository};

use super::error::SourceError;
use super::fetch::Job;

/// Most objects carried over from a damaged mirror.
const MAX_SALVAGED: usize = 200_000;

/// A mirror made anew beside the damaged one.
#[derive(Clone, Debug)]
pub(super) struct Anew {
    /// The revision that was known last.
    pub(super) previous: Option<String>,
    /// Where it is made.
    pub(super) new: PathBuf,
    /// Where the damaged one is kept afterwards.
    pub(super) old: PathBuf,
}

impl Anew {
    /// Fetches everything into a new mirror and, only when that has worked, puts it in the
    /// place of the damaged one, which is kept beside it.
    pub(super) fn replace(&self, job: &Job) -> Result<(), SourceError> {
        remove(&self.new)?;
        job.fetch_into(&self.new)?;
        if let Some(previous) = &self.previous {
            // Best effort: the last known revision stays readable if it still can be read.
            drop(salvage(&job.mirror, &self.new, previous));
        }
        if job.expired() {
            return Err(job.timed_out());
        }
        remove(&self.old)?;
        rename(&job.mirror, &self.old)?;
        rename(&self.new, &job.mirror)
    }
}

fn remove(path: &Path) -> Result<(), SourceError> {
    match std::fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(SourceError::Folder {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), SourceError> {
    match std::fs::rename(from, to) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(SourceError::Folder {
            path: from.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Copies a commit and its files from one object database to another.
fn salvage(from: &Path, to: &Path, revision: &str) -> Result<(), git2::Error> {
    let id = Oid::from_str(revision)?;
    let old = Odb::new()?;
    old.add_disk_alternate(&from.join("objects").display().to_string())?;
    let repository = Repository::open_bare(to)?;
    let new = repository.odb()?;
    let copy = |id: Oid| -> Result<ObjectType, git2::Error> {
        let object = old.read(id)?;
        if !new.exists(id) {
            new.write(object.kind(), object.data())?;
        }
        Ok(object.kind())
    };
    copy(id)?;
    let mut trees = vec![repository.find_commit(id)?.tree_id()];
    let mut copied = 0;
    while let Some(tree) = trees.pop() {
        copy(tree)?;
        for entry in &repository.find_tree(tree)? {
            copied += 1;
            if copied > MAX_SALVAGED {
                return Ok(());
            }
            match entry.kind() {
                Some(ObjectType::Tree) => trees.push(entry.id()),
                Some(ObjectType::Blob) => drop(copy(entry.id())?),
                _ => {}
            }
        }
    }
    Ok(())
}
