//! Where the values of a device's data were written.
//!
//! Places are kept apart from the data, as one flat list in the order in which the data is
//! walked: a value, then for a mapping each key and its value, for a list each item. Nobody
//! but a person who asks where a line came from needs them, so they are made on demand.

use serde::{Deserialize, Serialize};

use super::yaml::{Node, Value};
use crate::model::Position;

/// File (an index from 1, 0 for nowhere), line and column.
type Spot = (u32, u32, u32);

/// The places of one device's values, in the shape of its `host` fields and its data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    files: Vec<String>,
    /// Of the `host` object of a template.
    pub(super) host: Spots,
    /// Of the resolved data.
    pub(super) data: Spots,
}

/// Places of one value and all that is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Spots(Vec<Spot>);

impl Places {
    /// The place that a spot means.
    fn position(&self, spot: Spot) -> Option<Position> {
        let file = usize::try_from(spot.0).ok()?.checked_sub(1)?;
        Some(Position {
            file: self.files.get(file)?.clone(),
            line: usize::try_from(spot.1).ok()?,
            column: usize::try_from(spot.2).ok()?,
        })
    }

    /// The places of the `host` fields, in the order of the walk.
    pub(super) fn of_host(&self) -> impl Iterator<Item = Option<Position>> {
        self.host.0.iter().map(|spot| self.position(*spot))
    }

    /// The places of the data, in the order of the walk.
    pub(super) fn of_data(&self) -> impl Iterator<Item = Option<Position>> {
        self.data.0.iter().map(|spot| self.position(*spot))
    }

    fn spot(&mut self, at: Option<&Position>) -> Spot {
        let Some(at) = at else { return (0, 0, 0) };
        let known = self.files.iter().position(|file| *file == at.file);
        let file = known.unwrap_or_else(|| {
            self.files.push(at.file.clone());
            self.files.len() - 1
        });
        let number = |n: usize| u32::try_from(n).unwrap_or(0);
        (number(file + 1), number(at.line), number(at.column))
    }

    /// Adds a place to the data, or one that is nowhere.
    pub(super) fn push_data(&mut self, at: Option<&Position>) {
        let spot = self.spot(at);
        self.data.0.push(spot);
    }

    /// Adds a place to the `host` fields, or one that is nowhere.
    pub(super) fn push_host(&mut self, at: Option<&Position>) {
        let spot = self.spot(at);
        self.host.0.push(spot);
    }

    /// Adds a value of the data with all that is in it.
    pub(super) fn push_node(&mut self, node: &Node) {
        self.push_data(Some(&node.at));
        match &node.value {
            Value::Scalar(_) => {}
            Value::List(items) => items.iter().for_each(|item| self.push_node(item)),
            Value::Map(entries) => {
                for (key, value) in entries {
                    self.push_data(Some(&key.at));
                    self.push_node(value);
                }
            }
        }
    }
}
