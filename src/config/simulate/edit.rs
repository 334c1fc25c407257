//! `config … edit … set … next … end`: FortiOS.

use std::sync::Arc;

use super::Machine;
use super::ground::{Ground, Spot};
use super::paths::whole_line;
use super::slots::Applied;
use super::tree::{BlockId, EntryId};
use crate::config::dialect::{ContextId, Event, RuleId};
use crate::config::lexer::typed_words;

/// The open blocks.
#[derive(Default)]
pub(super) struct Edit {
    inside: Vec<(Spot, bool)>,
}

impl Machine for Edit {
    fn command(
        &mut self,
        ground: &mut Ground<'_>,
        lines: &[&str],
        generic: &mut Vec<String>,
    ) -> Result<usize, String> {
        let (line, used) = whole_line(lines);
        let words = typed_words(line.trim(), &ground.dialect.braces);
        let canonical = words.join(" ");
        match words.first().map(String::as_str) {
            None => {}
            Some("next") => self.leave(true)?,
            Some("end") => self.leave(false)?,
            Some("delete") => self.delete(ground, &canonical)?,
            Some("move") => self.shift(ground, &canonical)?,
            Some("purge") => self.purge(ground),
            Some(verb) => self.line(ground, verb, &canonical, generic)?,
        }
        Ok(used)
    }

    fn end(&self) -> Option<String> {
        (!self.inside.is_empty()).then(|| "its blocks are not left again".to_owned())
    }
}

impl Edit {
    fn spot(&self) -> Spot {
        let top = || Spot {
            block: BlockId::TOP,
            path: Vec::new(),
            context: ContextId::TOP,
        };
        self.inside
            .last()
            .map_or_else(top, |(spot, _)| spot.clone())
    }

    fn leave(&mut self, edit: bool) -> Result<(), String> {
        match self.inside.last() {
            Some((_, kind)) if *kind == edit => {
                self.inside.pop();
                Ok(())
            }
            _ => Err("closes no block that is open".to_owned()),
        }
    }

    fn line(
        &mut self,
        ground: &mut Ground<'_>,
        verb: &str,
        line: &str,
        generic: &mut Vec<String>,
    ) -> Result<(), String> {
        let spot = self.spot();
        let info = ground.read(spot.context, line);
        if info.rule == RuleId::GENERIC {
            generic.push(line.to_owned());
        }
        let Applied::Line(id) = ground.apply(&spot, &info)? else {
            return Ok(());
        };
        if matches!(verb, "config" | "edit") {
            let inner = ground.enter(&spot, id);
            self.inside.push((inner, verb == "edit"));
        }
        Ok(())
    }

    /// The entry with this name in the table we are in.
    fn entry(&self, ground: &Ground<'_>, name: &str) -> Result<EntryId, String> {
        let spot = self.spot();
        let info = ground.read(spot.context, &format!("edit {name}"));
        let found = ground.tree.find(spot.block, &info);
        found.ok_or_else(|| format!("there is no entry `{name}` in this table"))
    }

    fn delete(&mut self, ground: &mut Ground<'_>, line: &str) -> Result<(), String> {
        let name = line.split_once(' ').map_or("", |(_, rest)| rest);
        let id = self.entry(ground, name)?;
        let spot = self.spot();
        let info = Arc::clone(&ground.tree.entry(id).info);
        ground.take(&spot, id);
        ground.wipe(&spot, &info, Event::Remove);
        Ok(())
    }

    /// `move A before|after B`.
    fn shift(&mut self, ground: &mut Ground<'_>, line: &str) -> Result<(), String> {
        let rest = line.split_once(' ').map_or("", |(_, rest)| rest);
        let split = [" before ", " after "]
            .into_iter()
            .find_map(|word| Some((rest.split_once(word)?, word)));
        let Some(((name, other), word)) = split else {
            return Err("says neither `before` nor `after` what".to_owned());
        };
        let (id, target) = (self.entry(ground, name)?, self.entry(ground, other)?);
        let block = self.spot().block;
        ground.tree.shift(block, id, target, word == " after ");
        Ok(())
    }

    fn purge(&mut self, ground: &mut Ground<'_>) {
        let spot = self.spot();
        let all: Vec<EntryId> = ground.tree.lines(spot.block).collect();
        for id in all {
            ground.take(&spot, id);
        }
    }
}
