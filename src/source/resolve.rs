//! From a name to a [`Revision`].

use git2::{Commit, ErrorCode, Oid, Repository};
use jiff::Timestamp;

use crate::model::Revision;

/// Shortest abbreviated hash that is looked up.
const MIN_HASH: usize = 7;
/// Longest summary or author kept, in characters.
const MAX_LINE: usize = 200;

/// Finds a branch, a tag (annotated or not), a full reference name or a hash. A branch
/// comes before a tag of the same name: a tag must not take a watched branch's place.
///
/// # Errors
/// libgit2's; `Ok(None)` when there is no such thing.
pub(super) fn commit<'r>(
    repository: &'r Repository,
    reference: &str,
) -> Result<Option<Commit<'r>>, git2::Error> {
    let names = [
        format!("refs/heads/{reference}"),
        format!("refs/tags/{reference}"),
        reference.to_owned(),
    ];
    for name in names.iter().filter(|n| n.starts_with("refs/")) {
        if !git2::Reference::is_valid_name(name) {
            continue;
        }
        match repository.find_reference(name) {
            Ok(found) => return found.peel_to_commit().map(Some),
            Err(e) if e.code() == ErrorCode::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    let hash = reference.len() >= MIN_HASH
        && reference.len() <= 40
        && reference.chars().all(|c| c.is_ascii_hexdigit());
    if !hash {
        return Ok(None);
    }
    match repository.find_object_by_prefix(reference, None) {
        Ok(object) => object.peel_to_commit().map(Some),
        Err(e) if matches!(e.code(), ErrorCode::NotFound | ErrorCode::Ambiguous) => Ok(None),
        Err(e) => Err(e),
    }
}

/// What we keep of a commit.
pub(super) fn revision(commit: &Commit<'_>, reference: &str) -> Revision {
    let author = commit.author();
    let name = String::from_utf8_lossy(author.name_bytes()).into_owned();
    let mail = String::from_utf8_lossy(author.email_bytes()).into_owned();
    let summary = commit
        .message_bytes()
        .split(|b| *b == b'\n')
        .find(|l| !l.is_empty());
    Revision {
        id: commit.id().to_string(),
        reference: reference.to_owned(),
        author: line(&format!("{name} <{mail}>")),
        time: Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH),
        summary: line(&String::from_utf8_lossy(summary.unwrap_or_default())),
    }
}

/// One line that a terminal can show.
fn line(text: &str) -> String {
    let shown = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c });
    shown.take(MAX_LINE).collect()
}

/// Whether going from `previous` to `now` only adds commits. A previous revision that is
/// not here was rewritten; a working tree has no history to compare.
pub(super) fn fast_forward(
    repository: &Repository,
    previous: Option<&str>,
    now: Oid,
) -> Result<bool, git2::Error> {
    let Some(previous) = previous.filter(|p| !p.starts_with("worktree-")) else {
        return Ok(true);
    };
    let Ok(previous) = Oid::from_str(previous) else {
        return Ok(false);
    };
    if previous == now {
        return Ok(true);
    }
    if !repository.odb()?.exists(previous) {
        return Ok(false);
    }
    repository.graph_descendant_of(now, previous)
}
