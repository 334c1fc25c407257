//! Filters, tests and functions under the names Ansible and netutils use. Each family has
//! its file; `docs/templates.md` lists them all, and a test compares the two.
#![expect(
    clippy::needless_pass_by_value,
    reason = "the engine hands arguments of filters over by value"
)]

mod bounded;
mod codec;
mod collections;
mod hwaddr;
mod interface;
mod ipaddr;
mod ipkind;
mod ipmore;
mod ipvalue;
mod json;
mod methods;
mod netutils;
mod numbers;
mod regexes;
mod sets;
mod text;
mod vlan;
mod yaml_read;
mod yaml_write;

use minijinja::functions::Function;
use minijinja::value::{FunctionArgs, FunctionResult, Kwargs, Rest, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, Value};
use minijinja_contrib::globals;

pub(super) use methods::methods;

/// What a name is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `value | name`.
    Filter,
    /// `value is name`.
    Test,
    /// `name(…)`.
    Function,
}

pub(super) use Kind::{Filter as FILTER, Test as TEST};

/// minijinja's own filters that are used as they are.
const BUILTIN_FILTERS: &[&str] = &[
    "abs",
    "attr",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "groupby",
    "items",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "upper",
    "urlencode",
];

/// minijinja's own tests.
const BUILTIN_TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "safe",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// minijinja's own functions, and ours that depend on the device.
const BUILTIN_FUNCTIONS: &[&str] = &["debug", "dict", "namespace", "range", "secret"];

/// Adds to an environment and remembers the names.
pub(super) struct Registry<'a> {
    env: &'a mut Environment<'static>,
    names: Vec<(Kind, &'static str)>,
}

impl Registry<'_> {
    fn filter<F, Rv, Args>(&mut self, name: &'static str, f: F)
    where
        F: Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'b> FunctionArgs<'b>,
    {
        self.names.push((Kind::Filter, name));
        self.env.add_filter(name, f);
    }

    fn test<F, Rv, Args>(&mut self, name: &'static str, f: F)
    where
        F: Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'b> FunctionArgs<'b>,
    {
        self.names.push((Kind::Test, name));
        self.env.add_test(name, f);
    }

    fn function<F, Rv, Args>(&mut self, name: &'static str, f: F)
    where
        F: Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'b> FunctionArgs<'b>,
    {
        self.names.push((Kind::Function, name));
        self.env.add_function(name, f);
    }
}

/// Adds everything to an environment.
pub(super) fn register(env: &mut Environment<'static>) {
    fill(&mut Registry {
        env,
        names: Vec::new(),
    });
}

fn fill(registry: &mut Registry<'_>) {
    bounded::register(registry);
    codec::register(registry);
    collections::register(registry);
    hwaddr::register(registry);
    interface::register(registry);
    ipaddr::register(registry);
    ipmore::register(registry);
    json::register(registry);
    netutils::register(registry);
    numbers::register(registry);
    regexes::register(registry);
    sets::register(registry);
    text::register(registry);
    registry.function("cycler", globals::cycler);
    registry.function("joiner", globals::joiner);
    vlan::register(registry);
    yaml_read::register(registry);
    yaml_write::register(registry);
}

/// Every name of a kind, sorted.
pub(super) fn names(kind: Kind) -> Vec<&'static str> {
    let mut env = Environment::new();
    let mut registry = Registry {
        env: &mut env,
        names: Vec::new(),
    };
    fill(&mut registry);
    let builtin = match kind {
        Kind::Filter => BUILTIN_FILTERS,
        Kind::Test => BUILTIN_TESTS,
        Kind::Function => BUILTIN_FUNCTIONS,
    };
    let ours = registry.names.iter().filter(|(k, _)| *k == kind);
    let mut all: Vec<_> = ours.map(|(_, name)| *name).collect();
    all.extend(builtin);
    all.sort_unstable();
    all.dedup();
    all
}

/// Positional and named arguments of a filter that takes any number of them.
fn arguments(all: Rest<ValueOrKwargs>) -> Result<(Vec<Value>, Kwargs), Error> {
    let mut positional = all.into_values();
    let named = match positional.pop_if(|last| last.is_kwargs()) {
        Some(named) => Kwargs::try_from(named)?,
        None => Kwargs::from_iter(None::<(String, Value)>),
    };
    Ok((positional, named))
}

/// A filter's complaint.
fn fault(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// The items of a list; anything else is a complaint by `filter`.
fn items(filter: &str, value: &Value) -> Result<Vec<Value>, Error> {
    use minijinja::value::ValueKind;
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Err(fault(format!(
            "{filter} takes a list, not {}",
            value.kind()
        )));
    }
    Ok(value.try_iter()?.collect())
}
