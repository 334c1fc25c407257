//! Template errors as diagnostics: the place, what is wrong, and how to write it.

use std::error::Error as _;

use minijinja::{Error, ErrorKind};

use super::filters;
use super::render::RenderLimits;
use crate::model::{Diagnostic, FileSet, Position};

/// What the bounded writer says when the text is too long.
pub(super) const OUTPUT_FULL: &str = "output limit";

/// How similar a name must be to be suggested.
const SIMILAR: f32 = 0.6;

/// Describes a failed rendering: the innermost place, and from where it was included.
pub(super) fn diagnostic(error: &Error, files: &FileSet, limits: &RenderLimits) -> Diagnostic {
    let chain = chain(error);
    let innermost = chain.last().copied().unwrap_or(error);
    let mut message = message(innermost, files, limits);
    for outer in chain.iter().rev().skip(1) {
        if let Some(at) = position(outer, files) {
            let from = format!(", included from {}:{}", at.file, at.line);
            message.push_str(&from);
        }
    }
    let at = chain.iter().rev().find_map(|e| position(e, files));
    let line = at
        .as_ref()
        .and_then(|at| files.text(&at.file)?.lines().nth(at.line - 1));
    let diagnostic = Diagnostic::error(at.clone(), message);
    match hint(innermost, line.unwrap_or_default()) {
        Some(hint) => diagnostic.with_hint(hint),
        None => diagnostic,
    }
}

/// The error and the template errors behind it.
fn chain(error: &Error) -> Vec<&Error> {
    let mut all = vec![error];
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<Error>() {
            all.push(cause);
        }
        source = cause.source();
    }
    all
}

fn position(error: &Error, files: &FileSet) -> Option<Position> {
    let file = error.name()?;
    let line = error.line()?;
    let column = || {
        let before = files.text(file)?.get(..error.range()?.start)?;
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        Some(before[start..].chars().count() + 1)
    };
    Some(Position {
        file: file.to_owned(),
        line,
        column: column().unwrap_or(1),
    })
}

/// The expression an error is about, when it is one short line.
fn expression<'a>(error: &Error, files: &'a FileSet) -> Option<&'a str> {
    let text = files.text(error.name()?)?.get(error.range()?)?.trim();
    (!text.is_empty() && text.len() <= 60 && !text.contains('\n')).then_some(text)
}

fn message(error: &Error, files: &FileSet, limits: &RenderLimits) -> String {
    let detail = error.detail().unwrap_or_default();
    let kind = error.kind();
    if kind == ErrorKind::OutOfFuel {
        let steps = limits.fuel;
        return format!(
            "rendering takes more than {steps} steps; is there a loop that does not end?"
        );
    }
    if kind == ErrorKind::WriteFailure {
        return format!(
            "the rendered text is larger than {} bytes",
            limits.max_output
        );
    }
    if kind == ErrorKind::UndefinedError && detail.is_empty() {
        // Inside a macro the engine does not say which; the place does.
        let which = expression(error, files).map(|e| format!("`{e}`"));
        return format!("{} is undefined", which.as_deref().unwrap_or("a value"));
    }
    if detail.is_empty() {
        return kind.to_string();
    }
    if kind == ErrorKind::SyntaxError {
        return format!("syntax error: {detail}");
    }
    detail.to_owned()
}

/// How to write it instead, as far as we know.
fn hint(error: &Error, line: &str) -> Option<String> {
    let detail = error.detail().unwrap_or_default();
    let kind = error.kind();
    let always = [
        (
            kind == ErrorKind::UndefinedError,
            "define it in the inventory's data, or write `| default(…)` behind it",
        ),
        (
            kind == ErrorKind::TemplateNotFound,
            "names are looked up in intent/templates/ and from the repository's root",
        ),
        (
            detail.contains("use % operator on unsupported"),
            "`%` does not format text here; write `'%s …' | format(x)` or `'{} …'.format(x)`",
        ),
        (
            detail.contains("use + operator on unsupported"),
            "join text and numbers with `~`",
        ),
        (
            kind == ErrorKind::SyntaxError && line.contains("{% trans"),
            "translations are not supported",
        ),
    ];
    if let Some((_, hint)) = always.into_iter().find(|(holds, _)| *holds) {
        return Some(hint.to_owned());
    }
    if kind == ErrorKind::UnknownMethod {
        return method_hint(detail);
    }
    let kinds = [
        (ErrorKind::UnknownFilter, "filter ", filters::FILTER),
        (ErrorKind::UnknownTest, "test ", filters::TEST),
    ];
    let (_, prefix, which) = kinds.into_iter().find(|(k, ..)| *k == kind)?;
    similar_name(detail, prefix, which)
}

/// Methods that change a value in place do not exist: values never change.
fn method_hint(detail: &str) -> Option<String> {
    let (_, method) = detail.rsplit_once(" named ")?;
    let instead = match method {
        "append" => "{% set items = items + [x] %}",
        "extend" => "{% set items = items + more %}",
        "insert" => "{% set items = items[:n] + [x] + items[n:] %}",
        "remove" => "{% set items = items | reject('equalto', x) | list %}",
        "pop" | "clear" | "popitem" => {
            "a slice (`items[:-1]`), or `reject` and `dict2items` to leave entries out"
        }
        "sort" => "{% set items = items | sort %}",
        "reverse" => "{% set items = items | reverse | list %}",
        "update" | "setdefault" | "__setitem__" => "{% set map = map | combine({'key': x}) %}",
        _ => return None,
    };
    Some(format!(
        "lists and mappings cannot be changed in place; write {instead}; inside a loop keep the result in a namespace: {{% set ns = namespace(items=[]) %}} … {{% set ns.items = ns.items + [x] %}}"
    ))
}

fn similar_name(detail: &str, prefix: &str, kind: filters::Kind) -> Option<String> {
    let name = detail.strip_prefix(prefix)?.split(' ').next()?;
    let names = filters::names(kind);
    let close = similar::get_close_matches(name, &names, 1, SIMILAR);
    let listed = "docs/templates.md lists what there is";
    Some(match close.first() {
        Some(close) => format!("did you mean `{close}`? {listed}"),
        None => listed.to_owned(),
    })
}
