//! One path a line, from the top: `set …`, `delete …`, `insert … before …`.

use std::sync::Arc;

use super::Machine;
use super::ground::{Ground, Spot};
use super::slots::Applied;
use super::tree::{BlockId, EntryId};
use crate::config::dialect::{ContextId, RuleId};
use crate::config::lexer::typed_words;
use crate::config::pattern;

/// Keeps nothing between lines.
pub(super) struct Paths;

/// What a line does.
enum Verb {
    Set,
    Delete,
    Insert,
    Switch(bool),
}

impl Machine for Paths {
    fn command(
        &mut self,
        ground: &mut Ground<'_>,
        lines: &[&str],
        generic: &mut Vec<String>,
    ) -> Result<usize, String> {
        let (line, used) = whole_line(lines);
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return Ok(used);
        }
        let (verb, path) = verb(ground, trimmed)?;
        let canonical = typed_words(&path, &ground.dialect.braces).join(" ");
        match verb {
            Verb::Set => set(ground, &canonical, generic)?,
            Verb::Delete => delete(ground, &canonical)?,
            Verb::Insert => insert(ground, &canonical)?,
            Verb::Switch(off) => {
                let (_, id) = find(ground, &canonical)?;
                ground.tree.switch(id, off);
            }
        }
        Ok(used)
    }
}

/// A line with the ones behind it that an open quote takes in.
pub(super) fn whole_line(lines: &[&str]) -> (String, usize) {
    let mut line = lines[0].to_owned();
    let mut used = 1;
    let open = |text: &str| {
        let escaped = text.replace("\\\\", "").replace("\\\"", "");
        escaped.matches('"').count() % 2 == 1
    };
    while open(&line) && used < lines.len() {
        line.push('\n');
        line.push_str(lines[used]);
        used += 1;
    }
    (line, used)
}

/// What the line does, and the path it does it to.
fn verb(ground: &Ground<'_>, line: &str) -> Result<(Verb, String), String> {
    let braces = &ground.dialect.braces;
    let after = |prefix: &str| {
        let rest = line.strip_prefix(prefix)?;
        (!prefix.is_empty() && rest.starts_with(' ')).then(|| rest.trim_start().to_owned())
    };
    // Longer beginnings first: `/configure delete` begins with `/configure`.
    if let Some(path) = after(&braces.delete) {
        return Ok((Verb::Delete, path));
    }
    for (word, verb) in [
        (&braces.insert, Verb::Insert),
        (&braces.deactivate, Verb::Switch(true)),
        (&braces.activate, Verb::Switch(false)),
    ] {
        if let Some(path) = word.as_deref().and_then(after) {
            return Ok((verb, path));
        }
    }
    match after(&braces.set) {
        Some(path) => Ok((Verb::Set, path)),
        None => Err("begins with no word that says what to do".to_owned()),
    }
}

fn top() -> Spot {
    Spot {
        block: BlockId::TOP,
        path: Vec::new(),
        context: ContextId::TOP,
    }
}

/// The levels of a path, each as its text.
fn level<'t>(
    ground: &Ground<'_>,
    spot: &Spot,
    line: &'t str,
    words: &[&'t str],
) -> (&'t str, usize) {
    let count = ground.dialect.step(spot.context, words);
    (pattern::span_of(line, &words[..count]), count)
}

fn set(ground: &mut Ground<'_>, path: &str, generic: &mut Vec<String>) -> Result<(), String> {
    let mut words = Vec::new();
    pattern::quoted_words(path, &mut words);
    let mut rest = words.as_slice();
    let mut spot = top();
    let mut known = true;
    while !rest.is_empty() {
        let (text, count) = level(ground, &spot, path, rest);
        let info = ground.read(spot.context, text);
        known &= info.rule != RuleId::GENERIC;
        rest = &rest[count..];
        let Applied::Line(id) = ground.apply(&spot, &info)? else {
            return Ok(());
        };
        if !rest.is_empty() {
            spot = ground.enter(&spot, id);
        }
    }
    if !known {
        generic.push(path.to_owned());
    }
    Ok(())
}

/// The entry a path leads to.
fn find(ground: &mut Ground<'_>, path: &str) -> Result<(Spot, EntryId), String> {
    let mut words = Vec::new();
    pattern::quoted_words(path, &mut words);
    let mut rest = words.as_slice();
    let mut spot = top();
    loop {
        let (text, count) = level(ground, &spot, path, rest);
        let info = ground.read(spot.context, text);
        let Some(id) = ground.tree.find(spot.block, &info) else {
            return Err(format!("there is no `{text}`"));
        };
        rest = &rest[count..];
        if rest.is_empty() {
            return Ok((spot, id));
        }
        spot = ground.enter(&spot, id);
    }
}

/// The last level may be named in part: every entry that begins with its words goes.
fn delete(ground: &mut Ground<'_>, path: &str) -> Result<(), String> {
    let mut words = Vec::new();
    pattern::quoted_words(path, &mut words);
    let mut rest = words.as_slice();
    let mut spot = top();
    while !rest.is_empty() {
        let (text, count) = level(ground, &spot, path, rest);
        let info = ground.read(spot.context, text);
        let found = ground.tree.find(spot.block, &info);
        rest = &rest[count..];
        match found {
            Some(id) if rest.is_empty() => {
                remove(ground, &spot, id);
                return Ok(());
            }
            Some(id) => spot = ground.enter(&spot, id),
            None => {
                let all = words[words.len() - rest.len() - count..].join(" ");
                return beginning(ground, &spot, &all);
            }
        }
    }
    Ok(())
}

fn remove(ground: &mut Ground<'_>, spot: &Spot, id: EntryId) {
    let info = Arc::clone(&ground.tree.entry(id).info);
    ground.take(spot, id);
    ground.wipe(spot, &info, crate::config::Event::Remove);
}

fn beginning(ground: &mut Ground<'_>, spot: &Spot, words: &str) -> Result<(), String> {
    let begins = |id: &EntryId| {
        let rest = ground.tree.entry(*id).text().strip_prefix(words);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let gone: Vec<EntryId> = ground.tree.lines(spot.block).filter(begins).collect();
    if gone.is_empty() {
        return Err(format!("there is no `{words}` that could go"));
    }
    for id in gone {
        remove(ground, spot, id);
    }
    Ok(())
}

/// `PATH before|after ENTRY`.
fn insert(ground: &mut Ground<'_>, line: &str) -> Result<(), String> {
    let split = [" before ", " after "]
        .into_iter()
        .find_map(|word| Some((line.rsplit_once(word)?, word)));
    let Some(((path, other), word)) = split else {
        return Err("says neither `before` nor `after` what".to_owned());
    };
    let (spot, id) = find(ground, path)?;
    let info = ground.read(spot.context, other);
    let Some(target) = ground.tree.find(spot.block, &info) else {
        return Err(format!("there is no `{other}` beside it"));
    };
    ground.tree.shift(spot.block, id, target, word == " after ");
    Ok(())
}
