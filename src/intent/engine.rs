//! The template engine: minijinja set up once per revision, with templates from its files
//! only.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::faults;
use super::filters;
use super::marks::Marks;
use super::origins::{align, line_count, strip};
use super::render::{LineOrigin, RenderDevice, RenderLimits, Rendered};
use super::values::{Host, to_value};
use crate::model::{Data, Diagnostic, FileSet, IntentSource, Position, SecretName, placeholder};

/// Where templates live; a name is looked for here first, then from the repository's root.
const TEMPLATES: &str = "intent/templates/";

/// How deep includes and macros may nest. minijinja's own default of 500 needs more stack
/// in an unoptimised build than the main thread has.
const RECURSION: usize = 150;

/// Renders the devices of one revision; compiled templates are kept between them.
#[derive(Debug)]
pub struct Renderer {
    files: Arc<FileSet>,
    limits: RenderLimits,
    /// Renders the text.
    plain: Environment<'static>,
    /// Renders the same with origin marks.
    marked: Environment<'static>,
    marks: Arc<Mutex<Marks>>,
}

impl Renderer {
    /// Prepares to render from `files`.
    #[must_use]
    pub fn new(files: FileSet, limits: RenderLimits) -> Self {
        let files = Arc::new(files);
        let marks = Arc::new(Mutex::new(Marks::default()));
        Self {
            plain: environment(&files, &limits, None),
            marked: environment(&files, &limits, Some(Arc::clone(&marks))),
            files,
            limits,
            marks,
        }
    }

    /// Renders one device. Never fails as a whole: what is wrong is in the answer.
    #[must_use]
    pub fn render(&self, device: &RenderDevice) -> Rendered {
        let mut diagnostics = Vec::new();
        let made = match &device.source {
            IntentSource::Template(path) => self.template(path, device, &mut diagnostics),
            IntentSource::File(path) => self.file(path, &mut diagnostics),
        };
        for diagnostic in &mut diagnostics {
            diagnostic.device = Some(device.name.clone());
        }
        let (text, origins) = made.map_or((None, Vec::new()), |(t, o)| (Some(t), o));
        Rendered {
            name: device.name.clone(),
            text,
            origins,
            diagnostics,
        }
    }

    /// A plain file is its own rendering.
    fn file(&self, path: &str, faults: &mut Vec<Diagnostic>) -> Option<(String, Vec<LineOrigin>)> {
        let Some(content) = self.files.get(path) else {
            faults.push(
                Diagnostic::error(None, format!("file `{path}` does not exist"))
                    .with_hint("the path is taken from the repository's root"),
            );
            return None;
        };
        let Ok(text) = std::str::from_utf8(content) else {
            faults.push(Diagnostic::error(
                Some(not_utf8(path, content)),
                format!("file `{path}` is not UTF-8 text"),
            ));
            return None;
        };
        let origin = |line| {
            vec![Position {
                file: path.to_owned(),
                line,
                column: 1,
            }]
        };
        let origins = (1..=line_count(text)).map(origin).collect();
        Some((text.to_owned(), origins))
    }

    fn template(
        &self,
        path: &str,
        device: &RenderDevice,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<(String, Vec<LineOrigin>)> {
        let context = context(device, diagnostics)?;
        let found = find(&self.files, path, Order::RootFirst);
        let name = found.as_deref().unwrap_or(path);
        let text = match render(&self.plain, name, &context, self.limits.max_output) {
            Ok(text) => text,
            Err(e) => {
                diagnostics.push(faults::diagnostic(&e, &self.files, &self.limits));
                return None;
            }
        };
        let origins = self.origins(name, &context, &text);
        Some((text, origins))
    }

    /// Whether the marked rendering says the same, so that origins are exact.
    #[cfg(test)]
    pub(super) fn marks_agree(&self, device: &RenderDevice) -> bool {
        let IntentSource::Template(name) = &device.source else {
            return true;
        };
        let context = context(device, &mut Vec::new()).expect("good data");
        let text = render(&self.plain, name, &context, u64::MAX).expect("renders");
        let marked = render(&self.marked, name, &context, u64::MAX);
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marked.is_ok_and(|marked| strip(&marked, &marks).text == text)
    }

    /// One chain per line, from the marked rendering.
    fn origins(&self, name: &str, context: &Value, text: &str) -> Vec<LineOrigin> {
        // A marked text is longer: up to three characters of four bytes per short word.
        let room = self.limits.max_output.saturating_mul(8);
        let rendered = render(&self.marked, name, context, room);
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(rendered) = rendered else {
            // A filter stumbled over the marks.
            return vec![vec![template_start(name)]; line_count(text)];
        };
        let stripped = strip(&rendered, &marks);
        if stripped.text == text {
            return stripped.origins;
        }
        align(text, &stripped)
    }
}

fn template_start(name: &str) -> Position {
    Position {
        file: name.to_owned(),
        line: 1,
        column: 1,
    }
}

/// What a template sees: every key of the data by name, `host`, and the function `secret`.
fn context(device: &RenderDevice, diagnostics: &mut Vec<Diagnostic>) -> Option<Value> {
    let mut bad = Vec::new();
    let data = to_value(&device.data, "", &mut bad);
    let mut fields = vec![(Value::from("data"), data.clone())];
    for (key, value) in device.host.entries() {
        let value = to_value(value, &format!("host.{key}"), &mut bad);
        fields.push((Value::from(key.to_string()), value));
    }
    for fault in &bad {
        diagnostics.push(
            Diagnostic::error(None, fault.clone())
                .with_hint("a value that begins with `secret:` names a secret"),
        );
    }
    if !bad.is_empty() {
        return None;
    }
    diagnostics.extend(RESERVED.iter().filter_map(|name| hidden(device, name)));
    let mut names: Vec<(Value, Value)> = Vec::new();
    for (key, _) in device.data.entries() {
        if let Data::Text(key) = key
            && let Ok(value) = data.get_attr(key)
        {
            names.push((Value::from(key.as_str()), value));
        }
    }
    let fields = Value::from_pairs(fields);
    let host = Value::from_object(Host { fields, data });
    names.push((Value::from("host"), host));
    names.push((Value::from("secret"), Value::from_function(secret)));
    Some(Value::from_pairs(names))
}

/// Names of a template that are not the data's.
const RESERVED: [&str; 2] = ["host", "secret"];

/// A warning when the data has a key that a template cannot see by its name.
fn hidden(device: &RenderDevice, name: &str) -> Option<Diagnostic> {
    device.data.get(name)?;
    let message = format!("the data key `{name}` is hidden by the template's own `{name}`");
    let hint = format!("it is `host.data.{name}` there");
    Some(Diagnostic::warning(None, message).with_hint(hint))
}

/// `secret('NAME')`: the opaque placeholder of a secret.
fn secret(name: &str) -> Result<String, Error> {
    SecretName::new(name)
        .map(|name| placeholder(&name))
        .map_err(|e| Error::new(ErrorKind::InvalidOperation, e.to_string()))
}

fn environment(
    files: &Arc<FileSet>,
    limits: &RenderLimits,
    marks: Option<Arc<Mutex<Marks>>>,
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
    // Marks are printed by instructions of their own, so the marked text needs more fuel.
    let share = if marks.is_some() { 4 } else { 1 };
    env.set_fuel(Some(limits.fuel.saturating_mul(share)));
    // Names undefined variables in errors.
    env.set_debug(true);
    env.set_unknown_method_callback(filters::methods);
    filters::register(&mut env);
    let known = Arc::clone(files);
    env.set_path_join_callback(move |name, _| {
        find(&known, name, Order::TemplatesFirst).map_or(Cow::Borrowed(name), Cow::Owned)
    });
    let files = Arc::clone(files);
    env.set_loader(move |name| load(&files, marks.as_deref(), name));
    env
}

/// Reads a template from the revision's files.
fn load(
    files: &FileSet,
    marks: Option<&Mutex<Marks>>,
    name: &str,
) -> Result<Option<String>, Error> {
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
    Ok(Some(match marks {
        Some(marks) => marks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .mark(name, text),
        None => text.to_owned(),
    }))
}

/// Where the first byte that is no UTF-8 stands.
fn not_utf8(path: &str, content: &[u8]) -> Position {
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
enum Order {
    /// For the path in `netkeel.intent`.
    RootFirst,
    /// For includes, imports and parents.
    TemplatesFirst,
}

/// The path of the file a template name means.
fn find(files: &FileSet, name: &str, order: Order) -> Option<String> {
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

fn render(env: &Environment<'_>, name: &str, context: &Value, limit: u64) -> Result<String, Error> {
    let mut out = Bounded {
        text: Vec::new(),
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
    };
    env.get_template(name)?
        .render_captured_to(context.clone(), &mut out)?;
    String::from_utf8(out.text)
        .map_err(|_| Error::new(ErrorKind::WriteFailure, "the text is not UTF-8"))
}
