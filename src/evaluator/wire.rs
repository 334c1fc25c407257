//! What parent and child say to each other: frames of a length, a tag and a body.

use std::collections::HashMap;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use crate::intent::{RenderLimits, Rendered, Variable};
use crate::model::{Diagnostic, FileSet, Position};

/// Limits of the batch, as JSON.
pub(super) const LIMITS: u8 = b'L';
/// A file: length of its path (4 bytes), path, content.
pub(super) const FILE: u8 = b'F';
/// A device to render, as JSON.
pub(super) const DEVICE: u8 = b'D';
/// A rendered device, as JSON.
pub(super) const ANSWER: u8 = b'A';
/// The same, and the child goes: it has used much of its CPU time.
pub(super) const LAST_ANSWER: u8 = b'Z';
/// The child has read limits and files.
pub(super) const READY: u8 = b'R';

/// Bytes before a body.
pub(super) const HEAD: usize = 5;

/// Adds a frame.
pub(super) fn push(out: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // A longer body cannot be: the repository's files are capped far below.
    out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    out.push(tag);
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Length and tag of the frame that follows.
pub(super) fn head(bytes: [u8; HEAD]) -> (usize, u8) {
    let [a, b, c, d, tag] = bytes;
    (u32::from_be_bytes([a, b, c, d]) as usize, tag)
}

/// The frames every child reads first.
pub(super) fn opening(files: &FileSet, limits: &RenderLimits) -> Vec<u8> {
    let mut out = Vec::new();
    for path in files.paths() {
        let content = files.get(path).unwrap_or_default();
        let length = u32::try_from(path.len()).unwrap_or(u32::MAX).to_be_bytes();
        push(&mut out, FILE, &[&length, path.as_bytes(), content]);
    }
    push(&mut out, LIMITS, &[&json(limits)]);
    out
}

/// The body of a frame with this value. Our own types always serialise.
pub(super) fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// Path and content from the body of a file frame.
pub(super) fn file(body: &[u8]) -> Option<(String, Vec<u8>)> {
    let (length, rest) = body.split_first_chunk::<4>()?;
    let (path, content) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some((String::from_utf8(path.to_vec()).ok()?, content.to_vec()))
}

/// The next frame, blocking; `None` at the end of the stream.
pub(super) fn read(from: &mut impl Read) -> io::Result<Option<(u8, Vec<u8>)>> {
    let mut bytes = [0; HEAD];
    match from.read_exact(&mut bytes) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(e) => return Err(e),
    }
    let (length, tag) = head(bytes);
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(Some((tag, body)))
}

/// A rendered device with each place written once.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Packed {
    name: String,
    text: Option<String>,
    places: Vec<Position>,
    /// Distinct chains, as indices into `places`.
    chains: Vec<Vec<u32>>,
    /// One index into `chains` per line.
    lines: Vec<u32>,
    /// Distinct variables.
    variables: Vec<Variable>,
    /// Indices into `variables` for each line, if they were asked for.
    values: Vec<Vec<u32>>,
    diagnostics: Vec<Diagnostic>,
}

/// Numbers things in the order they are first seen.
struct Numbers<T> {
    all: Vec<T>,
    known: HashMap<T, u32>,
}

impl<T: Clone + Eq + std::hash::Hash> Numbers<T> {
    fn new() -> Self {
        Self {
            all: Vec::new(),
            known: HashMap::new(),
        }
    }

    fn number(&mut self, value: &T) -> u32 {
        if let Some(number) = self.known.get(value) {
            return *number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(value.clone());
        self.known.insert(value.clone(), number);
        number
    }
}

impl Packed {
    pub(super) fn pack(rendered: Rendered) -> Self {
        let mut places = Numbers::new();
        let mut chains = Numbers::new();
        let mut lines = Vec::with_capacity(rendered.origins.len());
        for origin in &rendered.origins {
            let chain: Vec<u32> = origin.iter().map(|at| places.number(at)).collect();
            lines.push(chains.number(&chain));
        }
        let mut variables = Numbers::new();
        let number = |line: &Vec<Variable>| line.iter().map(|v| variables.number(v)).collect();
        let values = rendered.values.iter().map(number).collect();
        Self {
            name: rendered.name,
            text: rendered.text,
            places: places.all,
            chains: chains.all,
            lines,
            variables: variables.all,
            values,
            diagnostics: rendered.diagnostics,
        }
    }

    pub(super) fn unpack(self) -> Rendered {
        let place = |i: &u32| self.places.get(*i as usize).cloned();
        let chain = |i: &u32| {
            let chain = self.chains.get(*i as usize);
            chain.map(|c| c.iter().filter_map(place).collect())
        };
        let origins = self.lines.iter().filter_map(chain).collect();
        let variable = |i: &u32| self.variables.get(*i as usize).cloned();
        let line = |line: &Vec<u32>| line.iter().filter_map(variable).collect();
        let values = self.values.iter().map(line).collect();
        Rendered {
            name: self.name,
            text: self.text,
            origins,
            values,
            diagnostics: self.diagnostics,
        }
    }
}
