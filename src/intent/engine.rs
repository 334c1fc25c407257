//! The template engine: renders the text, and once more with marks to tell where each of its
//! lines came from. What the second rendering says never changes the first.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::{Environment, Error, ErrorKind, Value};

use super::environment::{Order, Purpose, environment, find, not_utf8, render};
use super::faults;
use super::marks::Marks;
use super::origins::{Stripped, align, line_count, strip};
use super::places::Places;
use super::render::{LineOrigin, RenderDevice, RenderLimits, Rendered, Variable};
use super::trace::Trace;
use super::tracked::tracked;
use super::values::{Host, to_value};
use crate::model::{Data, Diagnostic, FileSet, IntentSource, Position, SecretName, placeholder};

/// Names of functions and objects of ours that a template sees.
const RESERVED: [&str; 2] = ["host", "secret"];

/// A text, the chain of each line, the variables in each line.
type Made = (String, Vec<LineOrigin>, Vec<Vec<Variable>>);

/// Renders the devices of one revision; compiled templates are kept between them.
#[derive(Debug)]
pub struct Renderer {
    files: Arc<FileSet>,
    limits: RenderLimits,
    /// Renders the text.
    plain: Environment<'static>,
    /// Renders the same with origin marks.
    marked: Environment<'static>,
    /// Renders the same, and records what it reads.
    traced: Environment<'static>,
    marks: Arc<Mutex<Marks>>,
    trace: Arc<Trace>,
}

impl Renderer {
    /// Prepares to render from `files`.
    #[must_use]
    pub fn new(files: FileSet, limits: RenderLimits) -> Self {
        let files = Arc::new(files);
        let marks = Arc::new(Mutex::new(Marks::default()));
        let trace = Arc::new(Trace::default());
        let marked = Purpose::Marked(Arc::clone(&marks));
        let traced = Purpose::Traced(Arc::clone(&marks), Arc::clone(&trace));
        Self {
            plain: environment(&files, &limits, Purpose::Text),
            marked: environment(&files, &limits, marked),
            traced: environment(&files, &limits, traced),
            files,
            limits,
            marks,
            trace,
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
        let (text, origins, values) = match made {
            Some((text, origins, values)) => (Some(text), origins, values),
            None => (None, Vec::new(), Vec::new()),
        };
        Rendered {
            name: device.name.clone(),
            text,
            origins,
            values,
            diagnostics,
        }
    }

    /// A plain file is its own rendering.
    fn file(&self, path: &str, faults: &mut Vec<Diagnostic>) -> Option<Made> {
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
        Some((text.to_owned(), origins, Vec::new()))
    }

    fn template(
        &self,
        path: &str,
        device: &RenderDevice,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Made> {
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
        let (origins, values) = match &device.places {
            None => (self.chains(name, &context, &text), Vec::new()),
            Some(places) => self.origins(name, device, places, &text),
        };
        Some((text, origins, values))
    }

    /// Whether the marked rendering says the same, so that origins are exact.
    #[cfg(test)]
    pub(super) fn marks_agree(&self, device: &RenderDevice) -> bool {
        let IntentSource::Template(name) = &device.source else {
            return true;
        };
        let context = context(device, &mut Vec::new()).expect("good data");
        let text = render(&self.plain, name, &context, u64::MAX).expect("renders");
        let agrees = |env, context| {
            self.stripped(env, name, context)
                .is_some_and(|s| s.text == text)
        };
        let places = device.places.clone().unwrap_or_default();
        agrees(&self.marked, &context)
            && agrees(&self.traced, &self.traced_context(device, &places))
    }

    /// The marked rendering without its marks.
    fn stripped(&self, env: &Environment<'_>, name: &str, context: &Value) -> Option<Stripped> {
        // A marked text is longer: up to three characters of four bytes per short word.
        let room = self.limits.max_output.saturating_mul(8);
        let rendered = render(env, name, context, room).ok()?;
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        Some(strip(&rendered, &marks))
    }

    /// One chain per line, from the marked rendering.
    fn chains(&self, name: &str, context: &Value, text: &str) -> Vec<LineOrigin> {
        match self.stripped(&self.marked, name, context) {
            Some(stripped) if stripped.text == text => stripped.origins,
            Some(stripped) => align(text, &stripped).0,
            // A filter stumbled over the marks.
            None => vec![vec![template_start(name)]; line_count(text)],
        }
    }

    /// Chains and variables of each line, from the traced rendering.
    fn origins(
        &self,
        name: &str,
        device: &RenderDevice,
        places: &Places,
        text: &str,
    ) -> (Vec<LineOrigin>, Vec<Vec<Variable>>) {
        let context = self.traced_context(device, places);
        let (origins, values) = match self.stripped(&self.traced, name, &context) {
            Some(stripped) if stripped.text == text => (stripped.origins, stripped.values),
            Some(stripped) => align(text, &stripped),
            None => {
                let lines = line_count(text);
                (
                    vec![vec![template_start(name)]; lines],
                    vec![Vec::new(); lines],
                )
            }
        };
        let variables = |ids: &Vec<usize>| {
            let known = ids.iter().filter_map(|id| self.trace.variable(*id));
            known.collect()
        };
        (origins, values.iter().map(variables).collect())
    }

    /// What a template sees, as values that say when they are read.
    fn traced_context(&self, device: &RenderDevice, places: &Places) -> Value {
        let others = |fields: &Value, data: &Value| named(fields.clone(), data.clone());
        tracked(&self.trace, &device.host, &device.data, places, others)
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
    names.extend(named(fields, data));
    Some(Value::from_pairs(names))
}

/// What a template sees beside the data.
fn named(fields: Value, data: Value) -> Vec<(Value, Value)> {
    let host = Value::from_object(Host { fields, data });
    vec![
        (Value::from("host"), host),
        (Value::from("secret"), Value::from_function(secret)),
    ]
}

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
