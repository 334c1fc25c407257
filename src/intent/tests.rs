//! Whole templates from `tests/cases/intent`, expressions that Jinja2 with Ansible's and
//! netutils' filters has answered, and the lists in the documentation.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::engine::Renderer;
use super::filters::{self, Kind};
use super::render::{RenderDevice, RenderLimits, Rendered, render_device};
use crate::model::{Data, FileSet, IntentSource};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// JSON as inventory data; a key `#10` is the number 10.
fn data(json: &serde_json::Value) -> Data {
    use serde_json::Value as Json;
    match json {
        Json::Null => Data::Null,
        Json::Bool(b) => Data::Bool(*b),
        Json::Number(n) => n
            .as_i64()
            .map_or_else(|| Data::Float(n.as_f64().unwrap_or(0.0)), Data::Int),
        Json::String(s) => Data::Text(s.clone()),
        Json::Array(items) => Data::List(items.iter().map(data).collect()),
        Json::Object(map) => Data::Map(map.iter().map(|(k, v)| (key(k), data(v))).collect()),
    }
}

fn key(text: &str) -> Data {
    match text.strip_prefix('#').and_then(|n| n.parse().ok()) {
        Some(number) => Data::Int(number),
        None => Data::Text(text.to_owned()),
    }
}

fn device(template: &str, values: Data) -> RenderDevice {
    let text = |s: &str| Data::Text(s.to_owned());
    let list = |all: &[&str]| Data::List(all.iter().map(|s| text(s)).collect());
    RenderDevice {
        name: "r1".to_owned(),
        source: IntentSource::Template(template.to_owned()),
        host: Data::Map(vec![
            (text("name"), text("r1")),
            (text("platform"), text("ios")),
            (text("groups"), list(&["edge"])),
            (text("all_groups"), list(&["edge", "lon"])),
        ]),
        data: values,
    }
}

/// Renders one template with nothing else around.
fn render(source: &str) -> Rendered {
    let mut files = FileSet::new();
    files.insert("intent/templates/t.j2", source);
    let values = serde_json::json!({
        "users": [
            {"name": "ann", "groups": ["a", "b"], "x": {"y": 1}},
            {"name": "bob", "groups": ["b"]},
        ],
        "d": {"b": 1, "a": {"z": [1, 2], "y": "text"}, "c": null},
        "vlans": {"#10": "users", "#20": "voice"},
    });
    let device = device("intent/templates/t.j2", data(&values));
    render_device(&files, &device, &RenderLimits::default())
}

fn fault(source: &str) -> String {
    let rendered = render(source);
    assert_eq!(rendered.text, None, "{source}");
    assert_eq!(rendered.diagnostics.len(), 1, "{source}");
    rendered.diagnostics[0].to_string()
}

fn add_files(files: &mut FileSet, folder: &Path, prefix: &str) {
    for entry in fs::read_dir(folder).expect("a case is a folder") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("named").to_string_lossy();
        let inside = format!("{prefix}{name}");
        if path.is_dir() {
            add_files(files, &path, &format!("{inside}/"));
        } else {
            files.insert(inside, fs::read(&path).expect("readable"));
        }
    }
}

/// Every line with the places it came from.
fn annotated(rendered: &Rendered) -> String {
    let text = rendered.text.as_deref().unwrap_or_default();
    let mut out = String::new();
    for (line, chain) in text.split_inclusive('\n').zip(&rendered.origins) {
        let places: Vec<String> = chain
            .iter()
            .map(|at| format!("{}:{}", at.file.trim_start_matches("intent/templates/"), at.line))
            .collect();
        let line = line.replace('\r', "\\r");
        write!(out, "{:<34}| {line}", places.join(" > ")).expect("text");
    }
    out
}

#[test]
fn cases_render_with_their_origins() {
    let mut seen = 0;
    for entry in fs::read_dir(root().join("tests/cases/intent")).expect("cases") {
        let folder = entry.expect("readable").path();
        if !folder.is_dir() {
            continue;
        }
        seen += 1;
        let mut files = FileSet::new();
        add_files(&mut files, &folder, "intent/templates/");
        let values = fs::read(folder.join("data.json")).expect("data.json");
        let values = data(&serde_json::from_slice(&values).expect("JSON"));
        let device = device("intent/templates/main.j2", values);
        let renderer = Renderer::new(files, RenderLimits::default());
        let rendered = renderer.render(&device);
        assert_eq!(rendered.diagnostics, [], "{}", folder.display());
        let text = rendered.text.as_deref().expect("rendered");
        assert_eq!(text.lines().count(), rendered.origins.len());
        let actual = annotated(&rendered);
        let expected = folder.join("expected.txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &actual).expect("writable");
        }
        let wanted = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(actual, wanted, "{}", folder.display());
        // Only a case that is about it may need the fallback.
        let about = ["measured", "foreign"].iter().any(|n| folder.ends_with(n));
        assert_eq!(renderer.marks_agree(&device), !about, "{}", folder.display());
    }
    assert!(seen >= 12, "only {seen} cases");
}

#[test]
fn filters_answer_as_ansible_and_netutils_do() {
    let text = fs::read_to_string(root().join("tests/cases/intent/filters.txt")).expect("cases");
    let mut wrong = String::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let (expression, wanted) = line.split_once('\t').expect("two columns");
        let rendered = render(&format!("{{{{ {expression} }}}}"));
        let shown = match &rendered.text {
            Some(text) => text.replace('\\', "\\\\").replace('\n', "\\n"),
            None => "ERROR".to_owned(),
        };
        if shown != wanted {
            let why = rendered.diagnostics.first().map(ToString::to_string);
            writeln!(wrong, "{expression}\n   is {shown} {}\n  not {wanted}", why.unwrap_or_default())
                .expect("text");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
