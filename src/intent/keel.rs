//! `data.netkeel`: Netkeel's own keys of a device.
//!
//! They are inherited **key by key**: each of `intent`, `manage`, `apply` … is taken from
//! the first of host, groups (in Nornir's order) and defaults that writes it; a value is
//! taken whole, lists and mappings are not merged. A key written as `null` stops the search
//! and means the built-in default.

use regex::RegexBuilder;

use super::yaml::{Node, Value};
use crate::model::{
    ApplyMode, Check, CheckExpect, Data, Diagnostic, IntentSource, Keel, Limits, Manage, Undo,
    UndoMethod,
};

/// The keys there are, for hints.
const KEYS: [&str; 8] = [
    "intent", "manage", "sections", "apply", "checks", "undo", "limits", "site",
];
/// Largest compiled check expression, in bytes.
const REGEX_SIZE: usize = 1 << 20;
/// Longest command or expression of a check, in bytes.
const MAX_TEXT: usize = 1000;
/// Longest undo time, in seconds: a day.
const MAX_WITHIN: i64 = 86_400;

type Faults = Vec<Diagnostic>;

/// Resolves the keys of one device from the `netkeel` mappings of host, groups and defaults,
/// nearest first. Warnings are pushed to `warnings`.
///
/// # Errors
/// Every fault found, with its place.
pub(super) fn resolve(
    device: &str,
    sources: &[&Node],
    warnings: &mut Vec<Diagnostic>,
) -> Result<Keel, Faults> {
    let mut faults = Vec::new();
    for source in sources {
        known_keys(source, &KEYS, "netkeel", &mut faults);
    }
    let mut keel = Keel::default();
    let mut reader = Reader {
        sources,
        faults: &mut faults,
    };
    keel.intent = reader.read("intent", |n| intent(n, device));
    keel.manage = reader.read("manage", manage).unwrap_or_default();
    keel.sections = reader.read("sections", sections).unwrap_or_default();
    keel.apply = reader.read("apply", apply).unwrap_or_default();
    keel.checks = reader.read("checks", checks).unwrap_or_default();
    keel.undo = reader.read("undo", undo).unwrap_or_default();
    keel.limits = reader.read("limits", limits).unwrap_or_default();
    keel.site = reader.read("site", site);
    if keel.manage == Manage::Full
        && let Some(written) = reader.find("sections")
        && !keel.sections.is_empty()
    {
        let message = "`sections` means nothing while `manage` is `full`";
        let warning = Diagnostic::warning(Some(written.at.clone()), message);
        warnings.push(warning.with_hint("write `manage: partial`"));
    }
    if faults.is_empty() {
        Ok(keel)
    } else {
        Err(faults)
    }
}

struct Reader<'a> {
    sources: &'a [&'a Node],
    faults: &'a mut Faults,
}

impl<'a> Reader<'a> {
    /// The nearest place that writes `key`.
    fn find(&self, key: &str) -> Option<&'a Node> {
        self.sources.iter().find_map(|source| field(source, key))
    }

    /// The nearest value of `key`; null is none.
    fn read<T>(&mut self, key: &str, parse: impl FnOnce(&Node) -> Result<T, Faults>) -> Option<T> {
        let node = self.find(key).filter(|n| !n.is_null())?;
        parse(node).map_err(|f| self.faults.extend(f)).ok()
    }
}

/// The value under a text key of a mapping.
pub(super) fn field<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    node.entries()?
        .iter()
        .find(|(k, _)| k.text() == Some(key))
        .map(|(_, v)| v)
}

/// Adds a fault for everything in `node` that is not one of `known`.
fn known_keys(node: &Node, known: &[&str], of: &str, faults: &mut Faults) {
    let Some(entries) = node.entries() else {
        let message = format!("`{of}` must be a mapping, not {}", node.kind());
        return faults.push(Diagnostic::error(Some(node.at.clone()), message));
    };
    for (key, _) in entries {
        if !key.text().is_some_and(|k| known.contains(&k)) {
            let message = format!("`{of}` has no key `{}`", key.data());
            let hint = format!("the keys are {}", known.join(", "));
            faults.push(Diagnostic::error(Some(key.at.clone()), message).with_hint(hint));
        }
    }
}

/// One fault at a node.
fn wrong(node: &Node, message: impl Into<String>) -> Faults {
    vec![Diagnostic::error(Some(node.at.clone()), message)]
}

/// One of a few words.
fn choice<T: Copy>(node: &Node, key: &str, words: &[(&str, T)]) -> Result<T, Faults> {
    let written = node.text();
    if let Some((_, value)) = words.iter().find(|(word, _)| written == Some(word)) {
        return Ok(*value);
    }
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let shown = match node.value {
        Value::Scalar(_) => format!("`{}`", node.data()),
        Value::List(_) | Value::Map(_) => node.kind().to_owned(),
    };
    let message = format!("`{key}` must be one of {}, not {shown}", names.join(", "));
    Err(wrong(node, message))
}

fn manage(node: &Node) -> Result<Manage, Faults> {
    let words = [("full", Manage::Full), ("partial", Manage::Partial)];
    choice(node, "manage", &words)
}

fn apply(node: &Node) -> Result<ApplyMode, Faults> {
    let words = [ApplyMode::Observe, ApplyMode::Manual, ApplyMode::Auto];
    choice(node, "apply", &words.map(|mode| (mode.as_str(), mode)))
}

fn method(node: &Node) -> Result<UndoMethod, Faults> {
    let words = [
        ("auto", UndoMethod::Auto),
        ("device", UndoMethod::Device),
        ("host", UndoMethod::Host),
        ("none", UndoMethod::None),
    ];
    choice(node, "undo", &words)
}

fn intent(node: &Node, device: &str) -> Result<IntentSource, Faults> {
    if let Some(short) = node.text() {
        let path = path(node, short, device)?;
        return Ok(if short.ends_with(".j2") {
            IntentSource::Template(path)
        } else {
            IntentSource::File(path)
        });
    }
    let mut faults = Vec::new();
    known_keys(node, &["template", "file"], "intent", &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let read = |key| field(node, key).filter(|n| !n.is_null());
    match (read("template"), read("file")) {
        (Some(at), None) => text(at, "template")
            .and_then(|t| path(at, t, device))
            .map(IntentSource::Template),
        (None, Some(at)) => text(at, "file")
            .and_then(|t| path(at, t, device))
            .map(IntentSource::File),
        (Some(_), Some(_)) => Err(wrong(node, "`intent` has both a template and a file")),
        (None, None) => Err(wrong(
            node,
            "`intent` needs `template: PATH` or `file: PATH`",
        )),
    }
}

/// A path inside the repository, `{name}` replaced.
fn path(node: &Node, written: &str, device: &str) -> Result<String, Faults> {
    let path = written.replace("{name}", device);
    let bad = |part: &str| {
        part.is_empty() || part == "." || part == ".." || part.eq_ignore_ascii_case(".git")
    };
    if path.split('/').any(bad) || path.contains('\\') || path.chars().any(char::is_control) {
        let message = format!("`{path}` is not a path inside the repository");
        let fault = Diagnostic::error(Some(node.at.clone()), message);
        let hint = "relative to the top of the repository, parts separated by `/`, no `..`";
        return Err(vec![fault.with_hint(hint)]);
    }
    if let Some(at) = path.find(['{', '}']) {
        let message = format!("only `{{name}}` may stand in braces, in `{}`", &path[at..]);
        return Err(wrong(node, message));
    }
    Ok(path)
}

fn text<'a>(node: &'a Node, key: &str) -> Result<&'a str, Faults> {
    node.text()
        .ok_or_else(|| wrong(node, format!("`{key}` must be text, not {}", node.kind())))
}

fn list<'a>(node: &'a Node, key: &str) -> Result<&'a [Node], Faults> {
    node.items()
        .ok_or_else(|| wrong(node, format!("`{key}` must be a list, not {}", node.kind())))
}

fn sections(node: &Node) -> Result<Vec<String>, Faults> {
    let one = |item: &Node| -> Result<String, Faults> {
        let glob = text(item, "sections")?;
        if glob.is_empty() || glob.len() > MAX_TEXT {
            return Err(wrong(item, "an empty or overlong section"));
        }
        globset::Glob::new(glob)
            .map(|_| glob.to_owned())
            .map_err(|e| wrong(item, format!("`{glob}` is not a glob: {}", e.kind())))
    };
    list(node, "sections")?.iter().map(one).collect()
}

fn checks(node: &Node) -> Result<Vec<Check>, Faults> {
    let mut faults = Vec::new();
    let mut checks: Vec<Check> = Vec::new();
    for item in list(node, "checks")? {
        match check(item) {
            Ok(check) if checks.iter().any(|c| c.name == check.name) => {
                faults.extend(wrong(
                    item,
                    format!("a second check named `{}`", check.name),
                ));
            }
            Ok(check) => checks.push(check),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() {
        Ok(checks)
    } else {
        Err(faults)
    }
}

fn check(item: &Node) -> Result<Check, Faults> {
    let mut faults = Vec::new();
    known_keys(
        item,
        &["name", "command", "must", "must_not"],
        "checks",
        &mut faults,
    );
    if !faults.is_empty() {
        return Err(faults);
    }
    let read = |key| field(item, key).filter(|n| !n.is_null());
    let command = read("command").ok_or_else(|| wrong(item, "a check needs a `command`"))?;
    let command = line(command, "command")?;
    let name = read("name").map_or(Ok(command.clone()), |n| line(n, "name"))?;
    let expect = match (read("must"), read("must_not")) {
        (Some(at), None) => CheckExpect::Must(expression(at, "must")?),
        (None, Some(at)) => CheckExpect::MustNot(expression(at, "must_not")?),
        (None, None) | (Some(_), Some(_)) => {
            return Err(wrong(item, "a check needs either `must` or `must_not`"));
        }
    };
    Ok(Check {
        name,
        command,
        expect,
    })
}

/// One line of text: a newline in a command would be a second command.
fn line(node: &Node, key: &str) -> Result<String, Faults> {
    let line = text(node, key)?;
    if line.trim().is_empty() || line.len() > MAX_TEXT || line.chars().any(char::is_control) {
        let message = format!("`{key}` must be one line of at most {MAX_TEXT} characters");
        return Err(wrong(node, message));
    }
    Ok(line.to_owned())
}

fn expression(node: &Node, key: &str) -> Result<String, Faults> {
    let pattern = text(node, key)?;
    if pattern.is_empty() || pattern.len() > MAX_TEXT {
        return Err(wrong(node, format!("`{key}` is empty or overlong")));
    }
    let built = RegexBuilder::new(pattern)
        .multi_line(true)
        .size_limit(REGEX_SIZE)
        .dfa_size_limit(REGEX_SIZE)
        .build();
    match built {
        Ok(_) => Ok(pattern.to_owned()),
        Err(e) => {
            let why = e.to_string();
            let last = why.lines().last().unwrap_or_default();
            let last = last.strip_prefix("error: ").unwrap_or(last);
            Err(wrong(
                node,
                format!("`{key}` is not a usable expression: {last}"),
            ))
        }
    }
}

fn undo(node: &Node) -> Result<Undo, Faults> {
    let mut undo = Undo::default();
    if node.text().is_some() {
        undo.method = method(node)?;
        return Ok(undo);
    }
    let mut faults = Vec::new();
    known_keys(
        node,
        &["method", "within", "shell_port"],
        "undo",
        &mut faults,
    );
    let mut reader = Reader {
        sources: &[node],
        faults: &mut faults,
    };
    undo.method = reader.read("method", method).unwrap_or_default();
    undo.within = reader.read("within", seconds).unwrap_or(undo.within);
    undo.shell_port = reader.read("shell_port", port);
    if faults.is_empty() {
        Ok(undo)
    } else {
        Err(faults)
    }
}

/// Seconds as a number, or text like `90s`, `5m`, `1h`.
fn seconds(node: &Node) -> Result<u64, Faults> {
    let amount = match &node.value {
        Value::Scalar(Data::Int(n)) => Some(*n),
        Value::Scalar(Data::Text(text)) => {
            [("s", 1), ("m", 60), ("h", 3600)]
                .iter()
                .find_map(|(unit, factor)| {
                    let number = text.strip_suffix(unit)?.trim_end().parse::<i64>().ok()?;
                    number.checked_mul(*factor)
                })
        }
        Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
    };
    amount
        .filter(|n| (1..=MAX_WITHIN).contains(n))
        .and_then(|n| u64::try_from(n).ok())
        .ok_or_else(|| {
            let message = "`within` must be seconds or a time like `5m`, at most a day";
            wrong(node, message)
        })
}

/// A TCP port.
pub(super) fn port(node: &Node) -> Result<u16, Faults> {
    whole(node)
        .and_then(|n| u16::try_from(n).ok())
        .ok_or_else(|| {
            let fault = Diagnostic::error(
                Some(node.at.clone()),
                "a port must be a whole number from 0 to 65535",
            );
            vec![match node.text() {
                Some(text) if text.parse::<u16>().is_ok() => {
                    fault.with_hint("write it without quotes")
                }
                Some(_) | None => fault,
            }]
        })
}

fn whole(node: &Node) -> Option<i64> {
    match &node.value {
        Value::Scalar(Data::Int(n)) => Some(*n),
        Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
    }
}

fn limits(node: &Node) -> Result<Limits, Faults> {
    let mut faults = Vec::new();
    known_keys(node, &["delete_percent"], "limits", &mut faults);
    let mut reader = Reader {
        sources: &[node],
        faults: &mut faults,
    };
    let delete_percent = reader.read("delete_percent", |n| {
        whole(n)
            .and_then(|v| u8::try_from(v).ok())
            .filter(|v| *v <= 100)
            .ok_or_else(|| wrong(n, "`delete_percent` must be a whole number from 0 to 100"))
    });
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(delete_percent.map_or_else(Limits::default, |delete_percent| Limits { delete_percent }))
}

fn site(node: &Node) -> Result<String, Faults> {
    match &node.value {
        Value::Scalar(Data::Text(text)) if !text.trim().is_empty() => Ok(text.clone()),
        Value::Scalar(Data::Int(number)) => Ok(number.to_string()),
        Value::Scalar(_) | Value::List(_) | Value::Map(_) => Err(wrong(
            node,
            format!("`site` must be text, not {}", node.kind()),
        )),
    }
}
