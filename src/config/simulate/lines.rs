//! Lines typed into modes: IOS and its relatives, FRR.

use std::sync::Arc;

use super::Machine;
use super::ground::{Ground, Spot};
use super::slots::Applied;
use super::tree::{BlockId, EntryId};
use crate::config::dialect::{ContextId, Dialect, RuleId};

/// Where we are.
#[derive(Default)]
pub(super) struct Lines {
    inside: Vec<Spot>,
}

fn top() -> Spot {
    Spot {
        block: BlockId::TOP,
        path: Vec::new(),
        context: ContextId::TOP,
    }
}

impl Machine for Lines {
    fn command(
        &mut self,
        ground: &mut Ground<'_>,
        lines: &[&str],
        generic: &mut Vec<String>,
    ) -> Result<usize, String> {
        let line = lines[0].trim();
        if line.is_empty() || line == "!" {
            return Ok(1);
        }
        if let Some(levels) = ground.dialect.leaves(line) {
            self.leave(levels)?;
            return Ok(1);
        }
        let depth = depth_of(ground.dialect, &self.contexts(), line);
        self.inside.truncate(depth);
        let spot = self.inside.last().cloned().unwrap_or_else(top);
        let info = ground.read(spot.context, line);
        if info.rule == RuleId::GENERIC {
            generic.push(line.to_owned());
        }
        if let Some(used) = ground.literal(&spot, &info, lines)? {
            return Ok(used);
        }
        if ground.goes_on(&spot, &info) {
            return Ok(1);
        }
        let items = ground.items(&info);
        for item in &items {
            let info = ground.read(spot.context, item);
            ground.apply(&spot, &info)?;
        }
        if !items.is_empty() {
            return Ok(1);
        }
        if let Applied::Line(id) = ground.apply(&spot, &info)? {
            self.enter(ground, &spot, id, &lines[1..]);
        }
        Ok(1)
    }
}

impl Lines {
    /// Contexts from the top level to where we are.
    fn contexts(&self) -> Vec<ContextId> {
        let inner = self.inside.iter().map(|spot| spot.context);
        std::iter::once(ContextId::TOP).chain(inner).collect()
    }

    fn leave(&mut self, levels: usize) -> Result<(), String> {
        if self.inside.is_empty() {
            return Err("leaves configuration mode before the last command".to_owned());
        }
        let left = self.inside.len().saturating_sub(levels);
        self.inside.truncate(left);
        Ok(())
    }

    fn enter(&mut self, ground: &mut Ground<'_>, spot: &Spot, id: EntryId, rest: &[&str]) {
        let info = Arc::clone(&ground.tree.entry(id).info);
        if info.opens.is_none() && !self.unknown_block(ground, spot, id, rest) {
            return;
        }
        let inner = ground.enter(spot, id);
        self.inside.push(inner);
    }

    /// Whether a line no rule knows opens a block: it has children already, or is meant to
    /// have; where nothing is known of it, if a later line would leave configuration mode
    /// without it.
    fn unknown_block(&self, ground: &Ground<'_>, spot: &Spot, id: EntryId, rest: &[&str]) -> bool {
        let entry = ground.tree.entry(id);
        if entry.info.rule != RuleId::GENERIC {
            return false;
        }
        let filled = !ground.tree.is_empty(id);
        match ground.goal_fills(spot, entry.text()) {
            _ if filled => true,
            Some(block) => block,
            None => self.unbalanced(ground.dialect, rest),
        }
    }

    /// Whether these lines leave one block more than they enter.
    fn unbalanced(&self, dialect: &Dialect, lines: &[&str]) -> bool {
        let mut contexts = self.contexts();
        for line in lines.iter().map(|l| l.trim()).filter(|l| !l.is_empty()) {
            if let Some(levels) = dialect.leaves(line) {
                if contexts.len() == 1 {
                    return true;
                }
                contexts.truncate(contexts.len().saturating_sub(levels).max(1));
                continue;
            }
            contexts.truncate(depth_of(dialect, &contexts, line) + 1);
            let context = contexts.last().copied().unwrap_or(ContextId::TOP);
            contexts.extend(dialect.meaning(context, line).opens);
        }
        false
    }
}

/// How deep a line stands: the innermost context that knows it; the innermost of all if
/// none does.
fn depth_of(dialect: &Dialect, contexts: &[ContextId], line: &str) -> usize {
    let innermost = contexts.len() - 1;
    let opens = |c: ContextId| dialect.meaning(c, line).opens.is_some();
    for depth in (0..contexts.len()).rev() {
        let context = contexts[depth];
        if context == ContextId::UNKNOWN {
            // Inside a block no rule knows, only what opens a known block further out
            // leads out of it.
            if depth == innermost && !contexts[..depth].iter().any(|c| opens(*c)) {
                return depth;
            }
        } else if dialect.knows(context, line) {
            return depth;
        }
    }
    innermost
}
