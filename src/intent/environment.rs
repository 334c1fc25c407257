//! The template environment: minijinja set up once per revision, with templates from its
//! files only.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Rest;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value,
    escape_formatter,
};

use super::faults;
use super::filters;
use super::marks::{BEFORE, Mark, Marks, ROUND, SET, value_mark};
use super::render::RenderLimits;
use super::trace::Trace;
use crate::model::{FileSet, Position};

/// Where templates live; a name is looked for here first, then from the repository's root.
const TEMPLATES: &str = "intent/templates/";

/// How deep includes and macros may nest. minijinja's own default of 500 needs more stack
/// in an unoptimised build than the main thread has.
const RECURSION: usize = 150;

/// What an environment renders.
#[derive(Clone)]
pub(super) enum Purpose {
    /// The text.
    Text,
    /// The same with origin marks.
    Marked(Arc<Mutex<Marks>>),
    /// The same, and what was read is recorded.
    Traced(Arc<Mutex<Marks>>, Arc<Trace>),
}

impl Purpose {
    /// Marks are printed by instructions of their own, so a marked text needs more fuel.
    fn share(&self) -> u64 {
        match self {
            Self::Text => 1,
            Self::Marked(_) => 4,
            Self::Traced(..) => 8,
        }
    }

    /// The source to compile.
    fn source(&self, name: &str, text: &str) -> String {
        let (marks, values) = match self {
            Self::Text => return text.to_owned(),
            Self::Marked(marks) => (marks, false),
            Self::Traced(marks, _) => (marks, true),
        };
        let mut marks = marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.mark(name, text, values)
    }
}

/// Sets one up.
pub(super) fn environment(
    files: &Arc<FileSet>,
    limits: &RenderLimits,
    purpose: Purpose,
) -> Environment<'static> {
    let mut env = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .expect("the default delimiters are valid");
    env.set_syntax(syntax);
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_recursion_limit(RECURSION);
    env.set_fuel(Some(limits.fuel.saturating_mul(purpose.share())));
    // Names undefined variables in errors.
    env.set_debug(true);
    env.set_unknown_method_callback(filters::methods);
    filters::register(&mut env);
    let known = Arc::clone(files);
    env.set_path_join_callback(move |name, _| {
        find(&known, name, Order::TemplatesFirst).map_or(Cow::Borrowed(name), Cow::Owned)
    });
    if let Purpose::Traced(marks, trace) = &purpose {
        record(&mut env, marks, trace);
    }
    let files = Arc::clone(files);
    env.set_loader(move |name| load(&files, &purpose, name));
    env
}

/// Records what is read by what is printed and bound.
fn record(env: &mut Environment<'static>, marks: &Arc<Mutex<Marks>>, trace: &Arc<Trace>) {
    let to = Arc::clone(trace);
    env.add_function(BEFORE, move |statement: usize| to.before(statement));
    let to = Arc::clone(trace);
    env.add_function(
        ROUND,
        move |statement: usize, same: bool, names: Rest<Value>| {
            to.round(statement, same, &names);
        },
    );
    let (to, known) = (Arc::clone(trace), Arc::clone(marks));
    env.add_function(
        SET,
        move |statement: usize, first: usize, names: Rest<Value>| {
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            to.set(statement, first, &names, known.roots_of_set(statement));
        },
    );
    let (to, known) = (Arc::clone(trace), Arc::clone(marks));
    env.set_formatter(move |out, state, value| print(out, state, value, &known, &to));
}

/// Prints a value, with a mark for every variable it is made of at the beginning of each of
/// its lines.
fn print(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
    marks: &Mutex<Marks>,
    trace: &Trace,
) -> Result<(), Error> {
    let known = || marks.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(text) = value.as_str() {
        let alone = known().alone(text);
        match alone {
            Some(Mark::Enter(mark)) => trace.enter(mark),
            Some(Mark::Leave(mark)) => trace.leave(mark),
            Some(Mark::Text(_) | Mark::High(_) | Mark::Low(_)) | None => {}
        }
        // What a macro made has said it itself.
        if Marks::within(text) {
            return escape_formatter(out, state, value);
        }
    }
    // A value may read others while it is printed.
    let text = value.to_string();
    let made_of = trace.printed(value, &|mark| known().expression(mark));
    let before: String = made_of
        .into_iter()
        .filter_map(value_mark)
        .flatten()
        .collect();
    for line in text.split_inclusive('\n') {
        out.write_str(&before)?;
        out.write_str(line)?;
    }
    Ok(())
}

/// Reads a template from the revision's files.
fn load(files: &FileSet, purpose: &Purpose, name: &str) -> Result<Option<String>, Error> {
    if escapes(name) {
        return Err(Error::new(
            ErrorKind::TemplateNotFound,
            format!("template name `{name}` leaves the repository"),
        ));
    }
    let Some(content) = files.get(name) else {
        return Ok(None);
    };
    let Ok(text) = std::str::from_utf8(content) else {
        let at = not_utf8(name, content);
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("template `{name}` is not UTF-8 text (line {})", at.line),
        ));
    };
    Ok(Some(purpose.source(name, text)))
}

/// Where the first byte that is no UTF-8 stands.
pub(super) fn not_utf8(path: &str, content: &[u8]) -> Position {
    let good = std::str::from_utf8(content).map_or_else(|e| e.valid_up_to(), str::len);
    let before = &content[..good];
    let line_start = before
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |i| i + 1);
    Position {
        file: path.to_owned(),
        line: before.iter().filter(|b| **b == b'\n').count() + 1,
        column: String::from_utf8_lossy(&before[line_start..])
            .chars()
            .count()
            + 1,
    }
}

/// Which place is looked at first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// For the path in `netkeel.intent`.
    RootFirst,
    /// For includes, imports and parents.
    TemplatesFirst,
}

/// The path of the file a template name means.
pub(super) fn find(files: &FileSet, name: &str, order: Order) -> Option<String> {
    if escapes(name) {
        return None;
    }
    let from_root = name.to_owned();
    let from_templates = format!("{TEMPLATES}{name}");
    let places = match order {
        Order::RootFirst => [from_root, from_templates],
        Order::TemplatesFirst => [from_templates, from_root],
    };
    places.into_iter().find(|path| files.get(path).is_some())
}

fn escapes(name: &str) -> bool {
    name.starts_with('/') || name.split('/').any(|part| part == "..")
}

/// Collects a rendering up to a number of bytes.
struct Bounded {
    text: Vec<u8>,
    limit: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > self.limit {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                faults::OUTPUT_FULL,
            ));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Renders a template, up to `limit` bytes.
pub(super) fn render(
    env: &Environment<'_>,
    name: &str,
    context: &Value,
    limit: u64,
) -> Result<String, Error> {
    let mut out = Bounded {
        text: Vec::new(),
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
    };
    env.get_template(name)?
        .render_captured_to(context.clone(), &mut out)?;
    String::from_utf8(out.text)
        .map_err(|_| Error::new(ErrorKind::WriteFailure, "the text is not UTF-8"))
}
