//! Inventory data as template values: map order and non-text keys kept, secrets replaced
//! by their placeholders.

use std::sync::Arc;

use minijinja::value::{DynObject, Enumerator, Object, ObjectExt as _, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use crate::model::{Data, SecretName, placeholder};

/// Converts data to template values. Every text that begins like a secret reference and is
/// not one is noted in `bad`, with the path that leads to it.
pub(super) fn to_value(data: &Data, path: &str, bad: &mut Vec<String>) -> Value {
    match data {
        Data::Null => Value::from(()),
        Data::Bool(b) => Value::from(*b),
        Data::Int(i) => Value::from(*i),
        Data::Float(x) => Value::from(*x),
        Data::Text(text) => match SecretName::from_reference(text) {
            Some(Ok(name)) => Value::from(placeholder(&name)),
            Some(Err(e)) => {
                bad.push(format!("{path}: {e}"));
                Value::from(())
            }
            None => Value::from(text.as_str()),
        },
        Data::List(items) => items
            .iter()
            .enumerate()
            .map(|(i, item)| to_value(item, &format!("{path}[{i}]"), bad))
            .collect(),
        Data::Map(entries) => Value::from_pairs(entries.iter().map(|(key, value)| {
            let below = join_path(path, key);
            // A key is never a secret, so it is taken as it stands.
            (key_value(key), to_value(value, &below, bad))
        })),
    }
}

fn join_path(path: &str, key: &Data) -> String {
    if path.is_empty() {
        key.to_string()
    } else {
        format!("{path}.{key}")
    }
}

/// A value that is no collection, as a text with an address of its own where it is text.
pub(super) fn scalar(data: &Data) -> Value {
    let value = to_value(data, "", &mut Vec::new());
    match value.as_str() {
        Some(text) => Value::from(Arc::<str>::from(text)),
        None => value,
    }
}

/// The key of a mapping.
pub(super) fn key_value(key: &Data) -> Value {
    match key {
        Data::Text(text) => Value::from(text.as_str()),
        Data::Null
        | Data::Bool(_)
        | Data::Int(_)
        | Data::Float(_)
        | Data::List(_)
        | Data::Map(_) => to_value(key, "", &mut Vec::new()),
    }
}

/// The `host` of a template: Nornir's host, whose attributes are its own fields and then
/// its data, and whose items are its data and then its fields.
#[derive(Debug)]
pub(super) struct Host {
    /// name, hostname, port, username, password, platform, groups, all_groups, data.
    pub(super) fields: Value,
    /// Resolved data.
    pub(super) data: Value,
}

impl Host {
    fn lookup(first: &Value, second: &Value, key: &Value) -> Option<Value> {
        let found = |from: &Value| from.as_object().and_then(|o| o.get_value(key));
        found(first).or_else(|| found(second))
    }
}

impl Object for Host {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Self::lookup(&self.data, &self.fields, key)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        Self::lookup(&self.fields, &self.data, &Value::from(key))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|host| {
            let iter = host.data.as_object().and_then(DynObject::try_iter);
            iter.unwrap_or_else(|| Box::new(std::iter::empty()))
        })
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "get" => {
                let (key, default): (&Value, Option<Value>) = from_args(args)?;
                let found = self.get_value(key);
                Ok(found.unwrap_or_else(|| default.unwrap_or_else(|| Value::from(()))))
            }
            "keys" | "values" | "items" => self.data.call_method(state, method, args),
            "has_parent_group" => {
                let (name,): (&Value,) = from_args(args)?;
                let groups = self.fields.get_attr("all_groups")?;
                Ok(Value::from(groups.try_iter()?.any(|g| g == *name)))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    /// `{{ host }}` prints its name, as in Nornir.
    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.fields.get_attr("name").unwrap_or_default();
        write!(f, "{name}")
    }
}

/// A value of a template back as plain data, for writers (YAML, JSON).
pub(super) fn to_data(value: &Value) -> Result<Data, Error> {
    Ok(match value.kind() {
        ValueKind::None => Data::Null,
        ValueKind::Bool => Data::Bool(value.is_true()),
        ValueKind::Number => number_data(value)?,
        ValueKind::String => Data::Text(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Seq | ValueKind::Iterable => Data::List(
            value
                .try_iter()?
                .map(|item| to_data(&item))
                .collect::<Result<_, _>>()?,
        ),
        ValueKind::Map => {
            let mut entries = Vec::new();
            for key in value.try_iter()? {
                entries.push((to_data(&key)?, to_data(&value.get_item(&key)?)?));
            }
            Data::Map(entries)
        }
        ValueKind::Undefined | ValueKind::Bytes | ValueKind::Plain | ValueKind::Invalid => {
            return Err(not_plain(value));
        }
        // Kinds a later engine may bring.
        _ => return Err(not_plain(value)),
    })
}

fn not_plain(value: &Value) -> Error {
    let message = format!("{} is not plain data", value.kind());
    Error::new(ErrorKind::InvalidOperation, message)
}

fn number_data(value: &Value) -> Result<Data, Error> {
    if value.is_integer() {
        let too_large = || Error::new(ErrorKind::InvalidOperation, "the number is too large");
        return value.as_i64().map(Data::Int).ok_or_else(too_large);
    }
    f64::try_from(value.clone()).map(Data::Float)
}
