//! Regular expressions: Python's syntax where the linear-time engine has it.

use minijinja::value::{Kwargs, Rest, Tuple, ValueOrKwargs};
use minijinja::{Error, Value};
use regex::{Captures, Regex, RegexBuilder};

use super::{Registry, arguments, bounded, fault};

/// Largest compiled expression, in bytes.
const SIZE: usize = 1 << 20;
/// Longest expression, in bytes.
const LENGTH: usize = 4096;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("regex_replace", replace);
    registry.filter("regex_search", search);
    registry.filter("regex_findall", find_all);
    registry.filter("regex_escape", escape);
    registry.test("match", |v: &Value, pattern: &str, o: Kwargs| {
        test(v, pattern, &o, "match")
    });
    registry.test("search", |v: &Value, pattern: &str, o: Kwargs| {
        test(v, pattern, &o, "search")
    });
    registry.test("regex", regex_test);
}

/// Where a pattern must match.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Anywhere,
    Start,
    Whole,
}

fn compile(
    pattern: &str,
    ignore_case: bool,
    multiline: bool,
    place: Place,
) -> Result<Regex, Error> {
    if pattern.len() > LENGTH {
        return Err(fault(format!(
            "the regular expression has {} bytes; the most is {LENGTH}",
            pattern.len()
        )));
    }
    // Python's end of text.
    let body = pattern.replace("\\Z", "\\z");
    let body = match place {
        Place::Anywhere => body,
        Place::Start => format!("\\A(?:{body})"),
        Place::Whole => format!("\\A(?:{body})\\z"),
    };
    RegexBuilder::new(&body)
        .case_insensitive(ignore_case)
        .multi_line(multiline)
        .size_limit(SIZE)
        .build()
        .map_err(|e| fault(unusable(pattern, &e)))
}

fn unusable(pattern: &str, error: &regex::Error) -> String {
    for (sign, what) in [
        ("(?=", "look-ahead"),
        ("(?!", "look-ahead"),
        ("(?<=", "look-behind"),
        ("(?<!", "look-behind"),
    ] {
        if pattern.contains(sign) {
            return format!(
                "the regular expression `{pattern}` uses {what}, which the linear-time engine does not have; match the surroundings with a group and use `\\1`"
            );
        }
    }
    let text = error.to_string();
    let reason = text.lines().last().unwrap_or_default();
    let reason = reason.trim().trim_start_matches("error: ");
    format!("the regular expression `{pattern}` is not usable: {reason}")
}

fn flag(given: Option<bool>, options: &Kwargs, name: &str) -> Result<bool, Error> {
    match given {
        Some(given) => Ok(given),
        None => Ok(options.get::<Option<bool>>(name)?.unwrap_or(false)),
    }
}

fn replace(
    value: String,
    pattern: Option<&str>,
    replacement: Option<&str>,
    ignore_case: Option<bool>,
    options: Kwargs,
) -> Result<String, Error> {
    let pattern = match pattern {
        Some(pattern) => pattern,
        None => options.get::<Option<&str>>("pattern")?.unwrap_or(""),
    };
    let replacement = match replacement {
        Some(replacement) => replacement,
        None => options.get::<Option<&str>>("replacement")?.unwrap_or(""),
    };
    let ignore_case = flag(ignore_case, &options, "ignorecase")?;
    let multiline = flag(None, &options, "multiline")?;
    let limit = options.get::<Option<usize>>("count")?.unwrap_or(0);
    let mandatory = options
        .get::<Option<usize>>("mandatory_count")?
        .unwrap_or(0);
    options.assert_all_used()?;
    let regex = compile(pattern, ignore_case, multiline, Place::Anywhere)?;
    let template = Template::parse(replacement, &regex)?;
    let (out, done) = template.replace(&value, &regex, limit)?;
    if mandatory != 0 && mandatory != done {
        return Err(fault(format!(
            "regex_replace: `{pattern}` should match {mandatory} times and matches {done} times"
        )));
    }
    Ok(out)
}

/// A replacement in Python's syntax: `\1`, `\g<1>`, `\g<name>`, `\n`, `\t`, `\\`.
struct Template(Vec<Piece>);

enum Piece {
    Text(String),
    Group(usize),
}

impl Template {
    fn parse(text: &str, regex: &Regex) -> Result<Self, Error> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('\\') {
            literal.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let (piece, used) = Self::escaped(rest, regex)?;
            match piece {
                Piece::Text(text) => literal.push_str(&text),
                group @ Piece::Group(_) => {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                    pieces.push(group);
                }
            }
            rest = &rest[used..];
        }
        literal.push_str(rest);
        pieces.push(Piece::Text(literal));
        Ok(Self(pieces))
    }

    /// What follows a backslash, and how long it is.
    fn escaped(rest: &str, regex: &Regex) -> Result<(Piece, usize), Error> {
        let Some(first) = rest.chars().next() else {
            return Err(fault("the replacement ends with a backslash"));
        };
        if first.is_ascii_digit() && first != '0' {
            let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
            return Ok((Piece::Group(group(&rest[..digits], regex)?), digits));
        }
        if let Some(name) = rest.strip_prefix("g<") {
            let end = name
                .find('>')
                .ok_or_else(|| fault("`\\g<` in the replacement has no `>`"))?;
            return Ok((Piece::Group(group(&name[..end], regex)?), end + 3));
        }
        let text = match first {
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            'r' => "\r".to_owned(),
            '\\' => "\\".to_owned(),
            c if c.is_ascii_alphanumeric() => {
                return Err(fault(format!("`\\{c}` is not known in a replacement")));
            }
            c => format!("\\{c}"),
        };
        Ok((Piece::Text(text), first.len_utf8()))
    }

    /// Replaces up to `limit` matches (0: all); says how many there were.
    fn replace(&self, value: &str, regex: &Regex, limit: usize) -> Result<(String, usize), Error> {
        let mut out = String::new();
        let mut done = 0;
        let mut from = 0;
        for captures in regex.captures_iter(value) {
            let Some(whole) = captures.get(0) else {
                continue;
            };
            out.push_str(&value[from..whole.start()]);
            self.expand(&captures, &mut out);
            bounded::room("regex_replace", out.len())?;
            from = whole.end();
            done += 1;
            if done == limit {
                break;
            }
        }
        out.push_str(&value[from..]);
        Ok((out, done))
    }

    fn expand(&self, captures: &Captures<'_>, out: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Group(group) => {
                    out.push_str(captures.get(*group).map_or("", |m| m.as_str()));
                }
            }
        }
    }
}

/// The index of a group by number or name.
fn group(name: &str, regex: &Regex) -> Result<usize, Error> {
    let index = match name.parse::<usize>() {
        Ok(index) => Some(index).filter(|i| *i < regex.captures_len()),
        Err(_) => regex.capture_names().position(|n| n == Some(name)),
    };
    index.ok_or_else(|| fault(format!("the regular expression has no group `{name}`")))
}

/// `regex_search(pattern, '\\1', '\\g<name>')`: the match, or the groups asked for.
fn search(value: String, pattern: &str, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let (groups, options) = arguments(args)?;
    let ignore_case = flag(None, &options, "ignorecase")?;
    let multiline = flag(None, &options, "multiline")?;
    options.assert_all_used()?;
    let regex = compile(pattern, ignore_case, multiline, Place::Anywhere)?;
    let mut wanted = Vec::new();
    for asked in &groups {
        let asked = asked.to_string();
        let name = asked
            .strip_prefix("\\g<")
            .and_then(|n| n.strip_suffix('>'))
            .or_else(|| asked.strip_prefix('\\'))
            .ok_or_else(|| fault(format!("regex_search: `{asked}` is no group like `\\\\1`")))?;
        wanted.push(group(name, &regex)?);
    }
    let Some(found) = regex.captures(&value) else {
        return Ok(Value::from(()));
    };
    let text = |group: usize| found.get(group).map(|m| Value::from(m.as_str()));
    if wanted.is_empty() {
        return Ok(text(0).unwrap_or_default());
    }
    Ok(wanted
        .into_iter()
        .map(|group| text(group).unwrap_or_else(|| Value::from(())))
        .collect())
}

/// All matches: whole, or the one group, or tuples of the groups.
fn find_all(
    value: String,
    pattern: &str,
    multiline: Option<bool>,
    ignore_case: Option<bool>,
    options: Kwargs,
) -> Result<Value, Error> {
    let multiline = flag(multiline, &options, "multiline")?;
    let ignore_case = flag(ignore_case, &options, "ignorecase")?;
    options.assert_all_used()?;
    let regex = compile(pattern, ignore_case, multiline, Place::Anywhere)?;
    let text = |captures: &Captures<'_>, group| {
        Value::from(captures.get(group).map_or("", |m| m.as_str()))
    };
    let found = |captures: Captures<'_>| match captures.len() {
        1 => text(&captures, 0),
        2 => text(&captures, 1),
        n => Value::from(Tuple::new((1..n).map(|g| text(&captures, g)).collect())),
    };
    Ok(regex.captures_iter(&value).map(found).collect())
}

/// Python's `re.escape`.
fn escape(value: String, kind: Option<&str>) -> Result<String, Error> {
    let special: &str = match kind.unwrap_or("python") {
        "python" => "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}",
        "posix_basic" => "[].^$*\\",
        other => return Err(fault(format!("regex_escape: unknown kind `{other}`"))),
    };
    let mut out = String::with_capacity(value.len() * 2);
    for c in value.chars() {
        if special.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    Ok(out)
}

fn test(value: &Value, pattern: &str, options: &Kwargs, kind: &str) -> Result<bool, Error> {
    let place = match kind {
        "match" => Place::Start,
        "fullmatch" => Place::Whole,
        "search" => Place::Anywhere,
        other => return Err(fault(format!("regex: unknown match type `{other}`"))),
    };
    let ignore_case = flag(None, options, "ignorecase")?;
    let multiline = flag(None, options, "multiline")?;
    options.assert_all_used()?;
    let regex = compile(pattern, ignore_case, multiline, place)?;
    Ok(regex.is_match(&value.to_string()))
}

fn regex_test(value: &Value, pattern: &str, options: Kwargs) -> Result<bool, Error> {
    let kind = options.get::<Option<String>>("match_type")?;
    test(
        value,
        pattern,
        &options,
        kind.as_deref().unwrap_or("search"),
    )
}
