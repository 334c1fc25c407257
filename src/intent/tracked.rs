//! Inventory data as template values that say when they are read. They print, compare and
//! count like the plain values of `values.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::places::Places;
use super::trace::{Step, Trace};
use super::values::{key_value, scalar};
use crate::model::{Data, Position};

/// A value in a collection, and its number if it is no collection itself.
type Item = (Value, Option<usize>);

/// A mapping.
#[derive(Debug)]
struct Map {
    trace: Arc<Trace>,
    /// Its own number; the names a template sees have none.
    id: Option<usize>,
    entries: Vec<(Value, Item)>,
    index: BTreeMap<Value, usize>,
}

/// A sequence.
#[derive(Debug)]
struct List {
    trace: Arc<Trace>,
    id: usize,
    items: Vec<Item>,
}

fn read(trace: &Trace, item: &Item) -> Value {
    if let Some(id) = item.1 {
        trace.read(id);
    }
    item.0.clone()
}

impl Map {
    fn new(trace: Arc<Trace>, id: Option<usize>, entries: Vec<(Value, Item)>) -> Self {
        let keys = entries.iter().enumerate();
        let index = keys.map(|(at, (key, _))| (key.clone(), at)).collect();
        Self {
            trace,
            id,
            entries,
            index,
        }
    }
}

impl Object for Map {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = *self.index.get(key)?;
        Some(read(&self.trace, &self.entries[at].1))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if let Some(id) = self.id {
            self.trace.listed(id);
        }
        let entries = self
            .entries
            .iter()
            .map(|(k, (v, _))| (k.clone(), v.clone()));
        let entries: Vec<(Value, Value)> = entries.collect();
        Enumerator::RevKeyValueIter(Box::new(entries.into_iter()))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        if let Some(id) = self.id {
            self.trace.read(id);
        }
        Some(self.entries.len())
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let item = self.items.get(key.as_usize()?)?;
        Some(read(&self.trace, item))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.trace.listed(self.id);
        Enumerator::Values(self.items.iter().map(|(v, _)| v.clone()).collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        self.trace.read(self.id);
        Some(self.items.len())
    }
}

/// The number of a collection of the inventory.
pub(super) fn container(value: &Value) -> Option<usize> {
    let list = value.downcast_object_ref::<List>().map(|list| list.id);
    list.or_else(|| value.downcast_object_ref::<Map>().and_then(|map| map.id))
}

/// What a template sees of a device; `others` makes, of the fields of `host` and of the
/// data, the names that are no data.
pub(super) fn tracked(
    trace: &Arc<Trace>,
    host: &Data,
    data: &Data,
    places: &Places,
    others: impl FnOnce(&Value, &Value) -> Vec<(Value, Value)>,
) -> Value {
    trace.restart();
    let data_items = items_of(trace, data, &mut places.of_data(), None);
    let data = Value::from_object(Map::new(Arc::clone(trace), None, data_items.clone()));
    let name = Step::Name("host".to_owned());
    let above = trace.add(None, name, None);
    let mut fields = items_of(trace, host, &mut places.of_host(), Some(above));
    fields.push((Value::from("data"), (data.clone(), None)));
    let fields = Value::from_object(Map::new(Arc::clone(trace), None, fields));
    let mut names = data_items;
    names.retain(|(key, _)| key.as_str().is_some());
    for (key, value) in others(&fields, &data) {
        names.retain(|(known, _)| *known != key);
        names.push((key, (value, None)));
    }
    Value::from_object(Map::new(Arc::clone(trace), None, names))
}

/// The entries of the outermost mapping.
fn items_of(
    trace: &Arc<Trace>,
    data: &Data,
    places: &mut dyn Iterator<Item = Option<Position>>,
    above: Option<usize>,
) -> Vec<(Value, Item)> {
    places.next();
    let mut maker = Maker { trace, places };
    let entries = data.entries().iter();
    entries.map(|(k, v)| maker.entry(above, k, v).1).collect()
}

struct Maker<'a> {
    trace: &'a Arc<Trace>,
    places: &'a mut dyn Iterator<Item = Option<Position>>,
}

impl Maker<'_> {
    /// Numbers of key and value, if they are no collections; and the entry.
    fn entry(
        &mut self,
        above: Option<usize>,
        key: &Data,
        value: &Data,
    ) -> ((usize, Option<usize>), (Value, Item)) {
        let step = match key {
            Data::Text(text) if plain(text) || above.is_none() => Step::Name(text.clone()),
            Data::Text(text) => Step::Item(format!("'{text}'")),
            Data::Null
            | Data::Bool(_)
            | Data::Int(_)
            | Data::Float(_)
            | Data::List(_)
            | Data::Map(_) => Step::Item(key.to_string()),
        };
        let at = self.places.next().flatten();
        let key_id = self.trace.add(above, step.clone(), at);
        let key = match key {
            Data::Text(text) => Value::from(Arc::<str>::from(text.as_str())),
            Data::Null
            | Data::Bool(_)
            | Data::Int(_)
            | Data::Float(_)
            | Data::List(_)
            | Data::Map(_) => key_value(key),
        };
        self.trace.is(key_id, &key);
        let item = self.value(above, step, value);
        ((key_id, item.1), (key, item))
    }

    fn value(&mut self, above: Option<usize>, step: Step, data: &Data) -> Item {
        let at = self.places.next().flatten();
        let id = self.trace.add(above, step, at);
        match data {
            Data::List(items) => {
                let each = items.iter().enumerate();
                let items: Vec<Item> = each
                    .map(|(i, item)| self.value(Some(id), Step::Item(i.to_string()), item))
                    .collect();
                let known = items.iter().filter_map(|(_, id)| *id).collect();
                self.trace.holds(id, Vec::new(), known);
                let trace = Arc::clone(self.trace);
                (Value::from_object(List { trace, id, items }), None)
            }
            Data::Map(entries) => {
                let each = entries.iter().map(|(k, v)| self.entry(Some(id), k, v));
                let (known, entries): (Vec<_>, Vec<_>) = each.unzip();
                let keys = known.iter().map(|(key, _)| *key).collect();
                let values = known.iter().filter_map(|(_, value)| *value).collect();
                self.trace.holds(id, keys, values);
                let map = Map::new(Arc::clone(self.trace), Some(id), entries);
                (Value::from_object(map), None)
            }
            Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Text(_) => {
                let value = scalar(data);
                self.trace.is(id, &value);
                (value, Some(id))
            }
        }
    }
}

/// A key that can stand behind a dot.
fn plain(key: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !key.is_empty() && key.chars().all(word) && !key.starts_with(|c: char| c.is_ascii_digit())
}
