//! The files of a revision, and what is not let through.

use git2::{ObjectType, Odb, Oid, Repository};

use super::error::FileFault;
use crate::model::FileSet;

/// Most files and folders of a revision.
const MAX_ENTRIES: usize = 100_000;
/// Most folders inside each other.
const MAX_DEPTH: usize = 50;
/// Longest path, in bytes.
const MAX_PATH: usize = 1024;
/// An LFS pointer is never larger.
const LFS_MAX: usize = 1024;
const LFS_START: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Sizes allowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Largest file, in bytes.
    pub(super) file: u64,
    /// Largest sum, in bytes.
    pub(super) total: u64,
}

/// Why a revision's files could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// A file was refused.
    Refused(String, FileFault),
    /// The object database failed.
    Git(git2::Error),
}

impl From<git2::Error> for ReadError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error)
    }
}

/// Collects files under the limits.
#[derive(Debug)]
pub(super) struct Collector {
    room: Room,
    files: FileSet,
    total: u64,
    entries: usize,
}

impl Collector {
    /// Nothing yet.
    pub(super) fn new(room: Room) -> Self {
        Self {
            room,
            files: FileSet::new(),
            total: 0,
            entries: 0,
        }
    }

    /// Counts an entry and checks its path.
    pub(super) fn enter(&mut self, path: &[u8]) -> Result<String, ReadError> {
        self.entries += 1;
        let shown = String::from_utf8_lossy(path).escape_debug().to_string();
        let refuse = |fault| Err(ReadError::Refused(shown.chars().take(200).collect(), fault));
        if self.entries > MAX_ENTRIES {
            return refuse(FileFault::TooMany { limit: MAX_ENTRIES });
        }
        let Ok(text) = std::str::from_utf8(path) else {
            return refuse(FileFault::Name("bytes that are not UTF-8"));
        };
        match bad_name(text) {
            Some(why) => refuse(FileFault::Name(why)),
            None => Ok(text.to_owned()),
        }
    }

    /// Whether a file of this size still fits.
    pub(super) fn admit(&mut self, path: &str, size: u64) -> Result<(), ReadError> {
        let refuse = |fault| Err(ReadError::Refused(path.to_owned(), fault));
        if size > self.room.file {
            return refuse(FileFault::TooLarge {
                size,
                limit: self.room.file,
            });
        }
        self.total = self.total.saturating_add(size);
        if self.total > self.room.total {
            return refuse(FileFault::TotalTooLarge {
                limit: self.room.total,
            });
        }
        Ok(())
    }

    /// Adds a file that was admitted.
    pub(super) fn add(&mut self, path: String, content: Vec<u8>) -> Result<(), ReadError> {
        if content.len() <= LFS_MAX && content.starts_with(LFS_START) {
            return Err(ReadError::Refused(path, FileFault::LfsPointer));
        }
        if self.files.get(&path).is_some() {
            return Err(ReadError::Refused(path, FileFault::Twice));
        }
        self.files.insert(path, content);
        Ok(())
    }

    /// What was collected.
    pub(super) fn finish(self) -> FileSet {
        self.files
    }
}

/// What is wrong with a path, if anything is.
fn bad_name(path: &str) -> Option<&'static str> {
    if path.len() > MAX_PATH {
        return Some("more than 1024 bytes");
    }
    if path.chars().any(char::is_control) {
        return Some("control characters");
    }
    if path.contains('\\') {
        return Some("a backslash");
    }
    path.split('/').find_map(|part| match part {
        "" => Some("an empty part"),
        "." | ".." => Some("`.` or `..` in it"),
        _ if part.eq_ignore_ascii_case(".git") || part.eq_ignore_ascii_case("git~1") => {
            Some("`.git` in it")
        }
        _ => None,
    })
}

/// Reads all files of a tree from the object database.
///
/// # Errors
/// The first file that is not let through, or a damaged database.
pub(super) fn read(repository: &Repository, tree: Oid, room: Room) -> Result<FileSet, ReadError> {
    let odb = repository.odb()?;
    let mut collector = Collector::new(room);
    let mut folders: Vec<(Vec<u8>, Oid, usize)> = vec![(Vec::new(), tree, 0)];
    while let Some((prefix, id, depth)) = folders.pop() {
        let tree = repository.find_tree(id)?;
        for entry in &tree {
            let mut path = prefix.clone();
            path.extend_from_slice(entry.name_bytes());
            if entry.name_bytes().contains(&b'/') {
                let shown = String::from_utf8_lossy(&path).escape_debug().to_string();
                return Err(ReadError::Refused(
                    shown,
                    FileFault::Name("a slash in one part"),
                ));
            }
            let name = collector.enter(&path)?;
            match kind(entry.filemode_raw()) {
                Ok(Entry::Folder) if depth + 1 > MAX_DEPTH => {
                    let fault = FileFault::TooDeep { limit: MAX_DEPTH };
                    return Err(ReadError::Refused(name, fault));
                }
                Ok(Entry::Folder) => {
                    path.push(b'/');
                    folders.push((path, entry.id(), depth + 1));
                }
                Ok(Entry::File) => blob(&odb, &mut collector, name, entry.id())?,
                Err(fault) => return Err(ReadError::Refused(name, fault)),
            }
        }
    }
    Ok(collector.finish())
}

enum Entry {
    File,
    Folder,
}

/// What a tree entry's mode says it is.
fn kind(mode: i32) -> Result<Entry, FileFault> {
    match mode & 0o170_000 {
        0o100_000 => Ok(Entry::File),
        0o040_000 => Ok(Entry::Folder),
        0o120_000 => Err(FileFault::Symlink),
        0o160_000 => Err(FileFault::Submodule),
        _ => Err(FileFault::NotAFile),
    }
}

fn blob(odb: &Odb<'_>, to: &mut Collector, path: String, id: Oid) -> Result<(), ReadError> {
    // The size first: a blob that is too large is never unpacked.
    let (size, kind) = odb.read_header(id)?;
    if kind != ObjectType::Blob {
        return Err(ReadError::Refused(path, FileFault::NotAFile));
    }
    to.admit(&path, u64::try_from(size).unwrap_or(u64::MAX))?;
    to.add(path, odb.read(id)?.data().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_names() {
        for name in [
            "..",
            "a/../b",
            "/a",
            "a//b",
            ".git/x",
            "a/.GIT",
            "a\\b",
            "a\u{1b}[0m",
            "a\nb",
            ".",
        ] {
            assert!(bad_name(name).is_some(), "{name:?}");
        }
        for name in ["a", "a/b.yaml", "a b", ".gitignore", "..a", "é/日本"] {
            assert_eq!(bad_name(name), None, "{name:?}");
        }
        assert!(bad_name(&"x".repeat(2000)).is_some());
    }
}
