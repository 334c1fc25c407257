//! Sets and combinations, as Ansible's filters make them. The order is that of the first
//! list.

use minijinja::value::{Kwargs, Rest};
use minijinja::{Error, Value};

use super::collections::tuple;
use super::{Registry, fault, items};

/// Most items a product or combination may have.
const MOST_ITEMS: usize = 1_000_000;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("union", union);
    registry.filter("intersect", intersect);
    registry.filter("difference", difference);
    registry.filter("symmetric_difference", symmetric_difference);
    registry.filter("unique", unique);
    registry.filter("product", product);
    registry.filter("combinations", combinations);
    registry.filter("permutations", permutations);
}

/// Each item once, in order.
fn distinct(list: impl IntoIterator<Item = Value>) -> Value {
    let mut out: Vec<Value> = Vec::new();
    for item in list {
        if !out.contains(&item) {
            out.push(item);
        }
    }
    Value::from(out)
}

fn union(a: &Value, b: &Value) -> Result<Value, Error> {
    let (a, b) = (items("union", a)?, items("union", b)?);
    Ok(distinct(a.into_iter().chain(b)))
}

fn intersect(a: &Value, b: &Value) -> Result<Value, Error> {
    let (a, b) = (items("intersect", a)?, items("intersect", b)?);
    Ok(distinct(a.into_iter().filter(|v| b.contains(v))))
}

fn difference(a: &Value, b: &Value) -> Result<Value, Error> {
    let (a, b) = (items("difference", a)?, items("difference", b)?);
    Ok(distinct(a.into_iter().filter(|v| !b.contains(v))))
}

fn symmetric_difference(a: &Value, b: &Value) -> Result<Value, Error> {
    let a = items("symmetric_difference", a)?;
    let b = items("symmetric_difference", b)?;
    let only = |one: &[Value], other: &[Value]| -> Vec<Value> {
        one.iter().filter(|v| !other.contains(v)).cloned().collect()
    };
    Ok(distinct([only(&a, &b), only(&b, &a)].concat()))
}

/// Jinja's `unique`: without regard to case unless told.
fn unique(list: &Value, case_sensitive: Option<bool>, options: Kwargs) -> Result<Value, Error> {
    let case = match case_sensitive {
        Some(case) => Some(case),
        None => options.get::<Option<bool>>("case_sensitive")?,
    };
    let attribute = options.get::<Option<&str>>("attribute")?;
    options.assert_all_used()?;
    let mut seen: Vec<Value> = Vec::new();
    let mut out = Vec::new();
    for item in items("unique", list)? {
        let mut key = item.clone();
        for part in attribute.into_iter().flat_map(|a| a.split('.')) {
            key = key.get_attr(part)?;
        }
        if let Some(text) = key.as_str()
            && !case.unwrap_or(false)
        {
            key = Value::from(text.to_lowercase());
        }
        if !seen.contains(&key) {
            seen.push(key);
            out.push(item);
        }
    }
    Ok(Value::from(out))
}

fn product(first: &Value, others: Rest<Value>) -> Result<Value, Error> {
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for list in std::iter::once(first).chain(others.iter()) {
        let list = items("product", list)?;
        room("product", rows.len().saturating_mul(list.len()))?;
        let with = |row: &Vec<Value>| -> Vec<Vec<Value>> {
            let longer = |item: &Value| [row.as_slice(), std::slice::from_ref(item)].concat();
            list.iter().map(longer).collect()
        };
        rows = rows.iter().flat_map(with).collect();
    }
    Ok(rows.into_iter().map(tuple).collect())
}

fn room(what: &str, count: usize) -> Result<(), Error> {
    if count > MOST_ITEMS {
        return Err(fault(format!(
            "{what} would make {count} items; the most is {MOST_ITEMS}"
        )));
    }
    Ok(())
}

fn combinations(list: &Value, size: usize) -> Result<Value, Error> {
    let list = items("combinations", list)?;
    let mut rows: Vec<(usize, Vec<Value>)> = vec![(0, Vec::new())];
    for _ in 0..size {
        let mut next = Vec::new();
        for (from, row) in &rows {
            for (i, item) in list.iter().enumerate().skip(*from) {
                next.push((i + 1, [row.as_slice(), std::slice::from_ref(item)].concat()));
            }
            room("combinations", next.len())?;
        }
        rows = next;
    }
    Ok(rows.into_iter().map(|(_, row)| tuple(row)).collect())
}

fn permutations(list: &Value, size: Option<usize>) -> Result<Value, Error> {
    let list = items("permutations", list)?;
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..size.unwrap_or(list.len()) {
        let mut next = Vec::new();
        for row in &rows {
            for i in (0..list.len()).filter(|i| !row.contains(i)) {
                next.push([row.as_slice(), &[i]].concat());
            }
            room("permutations", next.len())?;
        }
        rows = next;
    }
    let values = |row: Vec<usize>| tuple(row.into_iter().map(|i| list[i].clone()).collect());
    Ok(rows.into_iter().map(values).collect())
}
