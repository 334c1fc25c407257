//! Lists and mappings, as Ansible's filters treat them.

use minijinja::value::{Kwargs, Rest, Tuple, ValueKind};
use minijinja::{Error, Value};

use super::{Registry, fault, items};

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("combine", combine);
    registry.filter("dict2items", dict2items);
    registry.filter("items2dict", items2dict);
    registry.filter("flatten", flatten);
    registry.filter("zip", |first: &Value, others: Rest<Value>| {
        zip(first, &others, None)
    });
    registry.filter("zip_longest", zip_longest);
    registry.filter("subelements", subelements);
    registry.filter("extract", extract);
    registry.filter("rekey_on_member", rekey_on_member);
}

fn pairs(filter: &str, map: &Value) -> Result<Vec<(Value, Value)>, Error> {
    if map.kind() != ValueKind::Map {
        return Err(fault(format!(
            "{filter} takes a mapping, not {}",
            map.kind()
        )));
    }
    let pair = |key: Value| Ok((key.clone(), map.get_item(&key)?));
    map.try_iter()?.map(pair).collect()
}

/// How `combine` joins two lists under one key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ListMerge {
    Replace,
    Keep,
    Append,
    Prepend,
    AppendNew,
    PrependNew,
}

impl ListMerge {
    fn parse(name: &str) -> Result<Self, Error> {
        Ok(match name {
            "replace" => Self::Replace,
            "keep" => Self::Keep,
            "append" => Self::Append,
            "prepend" => Self::Prepend,
            "append_rp" => Self::AppendNew,
            "prepend_rp" => Self::PrependNew,
            _ => {
                return Err(fault(format!(
                    "combine: list_merge is replace, keep, append, prepend, append_rp or prepend_rp, not `{name}`"
                )));
            }
        })
    }

    fn merge(self, old: &Value, new: &Value) -> Result<Value, Error> {
        let (old, new) = (items("combine", old)?, items("combine", new)?);
        let without = |list: &[Value], other: &[Value]| -> Vec<Value> {
            let absent = |v: &&Value| !other.contains(v);
            list.iter().filter(absent).cloned().collect()
        };
        Ok(Value::from(match self {
            Self::Replace => new,
            Self::Keep => old,
            Self::Append => [old, new].concat(),
            Self::Prepend => [new, old].concat(),
            Self::AppendNew => [without(&old, &new), new].concat(),
            Self::PrependNew => [new.clone(), without(&old, &new)].concat(),
        }))
    }
}

fn combine(first: &Value, others: Rest<Value>, options: Kwargs) -> Result<Value, Error> {
    let recursive = options.get::<Option<bool>>("recursive")?.unwrap_or(false);
    let lists = options.get::<Option<&str>>("list_merge")?;
    let lists = ListMerge::parse(lists.unwrap_or("replace"))?;
    options.assert_all_used()?;
    let mut maps = Vec::new();
    for value in std::iter::once(first).chain(others.iter()) {
        if is_list(value) {
            maps.extend(value.try_iter()?);
        } else {
            maps.push(value.clone());
        }
    }
    let mut maps = maps.into_iter();
    let Some(mut result) = maps.next() else {
        return Ok(Value::from_pairs(Vec::<(Value, Value)>::new()));
    };
    pairs("combine", &result)?;
    for map in maps {
        result = merge(&result, &map, recursive, lists)?;
    }
    Ok(result)
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

fn merge(old: &Value, new: &Value, recursive: bool, lists: ListMerge) -> Result<Value, Error> {
    let mut result = pairs("combine", old)?;
    for (key, value) in pairs("combine", new)? {
        let Some(at) = result.iter().position(|(k, _)| *k == key) else {
            result.push((key, value));
            continue;
        };
        let known = &result[at].1;
        let merged =
            if recursive && known.kind() == ValueKind::Map && value.kind() == ValueKind::Map {
                merge(known, &value, recursive, lists)?
            } else if is_list(known) && is_list(&value) {
                lists.merge(known, &value)?
            } else {
                value
            };
        result[at].1 = merged;
    }
    Ok(Value::from_pairs(result))
}

fn names(options: &Kwargs) -> Result<(String, String), Error> {
    let name = |key: &str| options.get::<Option<String>>(key);
    let key = name("key_name")?.unwrap_or_else(|| "key".to_owned());
    let value = name("value_name")?.unwrap_or_else(|| "value".to_owned());
    options.assert_all_used()?;
    Ok((key, value))
}

fn dict2items(map: &Value, options: Kwargs) -> Result<Value, Error> {
    let (key_name, value_name) = names(&options)?;
    let item = |(key, value)| {
        Value::from_pairs([
            (Value::from(key_name.as_str()), key),
            (Value::from(value_name.as_str()), value),
        ])
    };
    Ok(pairs("dict2items", map)?.into_iter().map(item).collect())
}

fn items2dict(list: &Value, options: Kwargs) -> Result<Value, Error> {
    let (key_name, value_name) = names(&options)?;
    let mut result: Vec<(Value, Value)> = Vec::new();
    for item in items("items2dict", list)? {
        let (key, value) = (item.get_attr(&key_name)?, item.get_attr(&value_name)?);
        if key.is_undefined() || value.is_undefined() {
            return Err(fault(format!(
                "items2dict needs `{key_name}` and `{value_name}` in every item, got {item}"
            )));
        }
        match result.iter_mut().find(|(k, _)| *k == key) {
            Some(known) => known.1 = value,
            None => result.push((key, value)),
        }
    }
    Ok(Value::from_pairs(result))
}

fn flatten(list: &Value, levels: Option<i64>, options: Kwargs) -> Result<Value, Error> {
    let levels = match levels {
        Some(levels) => Some(levels),
        None => options.get::<Option<i64>>("levels")?,
    };
    let skip_nulls = options.get::<Option<bool>>("skip_nulls")?.unwrap_or(true);
    options.assert_all_used()?;
    let mut out = Vec::new();
    flatten_into(&items("flatten", list)?, levels, skip_nulls, &mut out)?;
    Ok(Value::from(out))
}

fn flatten_into(
    list: &[Value],
    levels: Option<i64>,
    skip_nulls: bool,
    out: &mut Vec<Value>,
) -> Result<(), Error> {
    for item in list {
        if skip_nulls && (item.is_none() || matches!(item.as_str(), Some("None" | "null"))) {
            continue;
        }
        if is_list(item) && levels.is_none_or(|l| l >= 1) {
            let below = items("flatten", item)?;
            flatten_into(&below, levels.map(|l| l - 1), skip_nulls, out)?;
        } else {
            out.push(item.clone());
        }
    }
    Ok(())
}

pub(super) fn tuple(values: Vec<Value>) -> Value {
    Value::from(Tuple::new(values))
}

/// Pairs lists up; `fill` makes it as long as the longest.
fn zip(first: &Value, others: &[Value], fill: Option<&Value>) -> Result<Value, Error> {
    let mut lists = vec![items("zip", first)?];
    for other in others {
        lists.push(items("zip", other)?);
    }
    let lengths = lists.iter().map(Vec::len);
    let length = if fill.is_some() {
        lengths.max()
    } else {
        lengths.min()
    };
    let missing = fill.cloned().unwrap_or_default();
    let row = |i: usize| {
        let at = |list: &Vec<Value>| list.get(i).cloned().unwrap_or_else(|| missing.clone());
        tuple(lists.iter().map(at).collect())
    };
    Ok((0..length.unwrap_or(0)).map(row).collect())
}

fn zip_longest(first: &Value, others: Rest<Value>, options: Kwargs) -> Result<Value, Error> {
    let fill = options.get::<Option<Value>>("fillvalue")?;
    options.assert_all_used()?;
    zip(
        first,
        &others,
        Some(&fill.unwrap_or_else(|| Value::from(()))),
    )
}

fn subelements(
    value: &Value,
    path: &Value,
    skip_missing: Option<bool>,
    options: Kwargs,
) -> Result<Value, Error> {
    let skip = match skip_missing {
        Some(skip) => skip,
        None => options
            .get::<Option<bool>>("skip_missing")?
            .unwrap_or(false),
    };
    options.assert_all_used()?;
    let elements: Vec<Value> = if value.kind() == ValueKind::Map {
        let all = pairs("subelements", value)?;
        all.into_iter().map(|(_, v)| v).collect()
    } else {
        items("subelements", value)?
    };
    let parts: Vec<String> = match path.as_str() {
        Some(path) => path.split('.').map(str::to_owned).collect(),
        None => path.try_iter()?.map(|p| p.to_string()).collect(),
    };
    let mut out = Vec::new();
    for element in elements {
        let Some(below) = sub(&element, &parts, skip)? else {
            continue;
        };
        for item in items("subelements", &below)? {
            out.push(tuple(vec![element.clone(), item]));
        }
    }
    Ok(Value::from(out))
}

fn sub(element: &Value, parts: &[String], skip: bool) -> Result<Option<Value>, Error> {
    let mut below = element.clone();
    for part in parts {
        below = below.get_attr(part)?;
        if below.is_undefined() {
            if skip {
                return Ok(None);
            }
            return Err(fault(format!(
                "subelements: there is no `{part}` in {element}"
            )));
        }
    }
    Ok(Some(below))
}

/// `key | extract(container, more_keys)`.
fn extract(key: &Value, container: &Value, more: Option<Value>) -> Result<Value, Error> {
    let mut value = container.get_item(key)?;
    let more = match more {
        Some(more) if is_list(&more) => items("extract", &more)?,
        Some(more) => vec![more],
        None => Vec::new(),
    };
    for key in more {
        value = value.get_item(&key)?;
    }
    Ok(value)
}

fn rekey_on_member(
    value: &Value,
    member: &Value,
    duplicates: Option<&str>,
    options: Kwargs,
) -> Result<Value, Error> {
    let duplicates = match duplicates {
        Some(duplicates) => duplicates,
        None => options
            .get::<Option<&str>>("duplicates")?
            .unwrap_or("error"),
    };
    options.assert_all_used()?;
    let elements: Vec<Value> = if value.kind() == ValueKind::Map {
        let all = pairs("rekey_on_member", value)?;
        all.into_iter().map(|(_, v)| v).collect()
    } else {
        items("rekey_on_member", value)?
    };
    let mut out: Vec<(Value, Value)> = Vec::new();
    for element in elements {
        let key = element.get_item(member)?;
        if key.is_undefined() {
            return Err(fault(format!(
                "rekey_on_member: no `{member}` in {element}"
            )));
        }
        match out.iter_mut().find(|(k, _)| *k == key) {
            None => out.push((key, element)),
            Some(known) if duplicates == "overwrite" => known.1 = element,
            Some(_) => return Err(fault(format!("rekey_on_member: `{key}` is not unique"))),
        }
    }
    Ok(Value::from_pairs(out))
}
