//! Why the loop looks before its time: the repository changed, a person or a script asks.
//! The reason is for the log only; the look is the same whatever caused it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// The repository; if the branch moved, all devices follow.
    Repository,
    /// All devices.
    Fleet,
    /// These devices; unknown names are ignored.
    Devices(BTreeSet<String>),
}

/// A wish for a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// At what.
    pub look: Look,
    /// Why, for the log.
    pub reason: String,
}

impl Trigger {
    /// A wish with its reason.
    #[must_use]
    pub fn new(look: Look, reason: impl Into<String>) -> Self {
        Self {
            look,
            reason: reason.into(),
        }
    }
}

/// The trigger file's name in the state folder: `echo r1 >> DIR/look` makes the daemon
/// look at `r1` within a second; a line `*` means all devices.
pub const FILE: &str = "look";

/// Larger files are not read: nobody has that many names to say.
const MAX_BYTES: u64 = 1 << 20;

/// Takes what was written to the trigger file, and removes it. It is renamed first, so a
/// line written meanwhile goes to a new file and is not lost.
///
/// # Errors
/// When it is there and cannot be taken.
pub fn take(file: &Path) -> io::Result<Option<Look>> {
    let taken: PathBuf = file.with_extension("taken");
    match fs::rename(file, &taken) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    }
    let text = if fs::metadata(&taken)?.len() <= MAX_BYTES {
        fs::read(&taken)?
    } else {
        b"*".to_vec()
    };
    fs::remove_file(&taken)?;
    Ok(Some(parse(&String::from_utf8_lossy(&text))))
}

/// An empty file (`touch`) means all devices, too.
fn parse(text: &str) -> Look {
    let names: BTreeSet<String> = text.split_whitespace().map(str::to_owned).collect();
    if names.is_empty() || names.contains("*") {
        return Look::Fleet;
    }
    Look::Devices(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        assert_eq!(take(&file).unwrap(), None);
        fs::write(&file, "r1\nr2\nr1\n").unwrap();
        let names = BTreeSet::from(["r1".to_owned(), "r2".to_owned()]);
        assert_eq!(take(&file).unwrap(), Some(Look::Devices(names)));
        assert_eq!(take(&file).unwrap(), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_star_or_an_empty_file_means_all() {
        assert_eq!(parse(""), Look::Fleet);
        assert_eq!(parse("r1\n*\n"), Look::Fleet);
    }
}
