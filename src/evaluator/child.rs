//! The child: limits first, then frames in, frames out. Synchronous, one thread.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::wire;
use crate::intent::{RenderDevice, RenderLimits, Rendered, Renderer};
use crate::model::{Diagnostic, FileSet};

/// What the child exits with when it could not limit itself or did not understand the
/// parent.
const MISUSED: u8 = 70;

/// The child's whole life: limits first, then requests on stdin, answers on stdout. The
/// limits come as arguments behind the hidden one: bytes of memory, seconds of CPU time.
#[must_use]
pub fn child_main() -> ExitCode {
    let mut numbers = std::env::args().skip(2).map(|a| a.parse::<u64>());
    let (Some(Ok(memory)), Some(Ok(cpu))) = (numbers.next(), numbers.next()) else {
        return ExitCode::from(MISUSED);
    };
    if limit(memory, cpu).is_err() {
        return ExitCode::from(MISUSED);
    }
    let mut input = BufReader::new(io::stdin().lock());
    let mut output = BufWriter::new(io::stdout().lock());
    match serve(&mut input, &mut output, cpu) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(MISUSED),
    }
}

/// Limits this process. Nothing has been read before.
fn limit(memory: u64, cpu: u64) -> rustix::io::Result<()> {
    lower(Resource::As, memory, memory)?;
    // The first limit ends the process by a signal that says why; the second is certain.
    lower(Resource::Cpu, cpu, cpu + 1)?;
    lower(Resource::Core, 0, 0)?;
    lower(Resource::Fsize, 0, 0)?;
    // The three streams stay; nothing else can be opened, and no process be started.
    lower(Resource::Nofile, 3, 3)?;
    lower(Resource::Nproc, 0, 0)?;
    rustix::thread::set_no_new_privs(true)
}

/// Lowers a limit. One that whoever started us has set lower still stays: it could not be
/// raised again.
fn lower(resource: Resource, current: u64, maximum: u64) -> rustix::io::Result<()> {
    let ours = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let limit = Rlimit {
        current: Some(current.min(ours)),
        maximum: Some(maximum.min(ours)),
    };
    setrlimit(resource, limit)
}

fn serve(input: &mut impl Read, output: &mut impl Write, cpu: u64) -> io::Result<()> {
    let mut files = FileSet::new();
    let limits = loop {
        let Some((tag, body)) = wire::read(input)? else {
            return Ok(());
        };
        match tag {
            wire::FILE => {
                let (path, content) = wire::file(&body).ok_or(io::ErrorKind::InvalidData)?;
                files.insert(path, content);
            }
            _ => break serde_json::from_slice::<RenderLimits>(&body)?,
        }
    };
    let renderer = Renderer::new(files, limits);
    send(output, wire::READY, &[])?;
    while let Some((_, body)) = wire::read(input)? {
        let rendered = match serde_json::from_slice::<RenderDevice>(&body) {
            Ok(device) => renderer.render(&device),
            Err(e) => not_understood(&e),
        };
        let last = cpu_seconds() * 2 >= cpu;
        let tag = if last {
            wire::LAST_ANSWER
        } else {
            wire::ANSWER
        };
        send(output, tag, &wire::json(&wire::Packed::pack(rendered)))?;
        if last {
            break;
        }
    }
    Ok(())
}

fn send(output: &mut impl Write, tag: u8, body: &[u8]) -> io::Result<()> {
    let mut frame = Vec::with_capacity(body.len() + wire::HEAD);
    wire::push(&mut frame, tag, &[body]);
    output.write_all(&frame)?;
    output.flush()
}

/// CPU time used so far. A child that has used half of what it may have makes room for a
/// fresh one, so that no device pays for those before it.
fn cpu_seconds() -> u64 {
    u64::try_from(clock_gettime(ClockId::ProcessCPUTime).tv_sec).unwrap_or(0)
}

/// Data that JSON cannot carry (nested beyond its limit, a number that is none). The parent
/// knows which device it asked for.
fn not_understood(error: &serde_json::Error) -> Rendered {
    Rendered {
        name: String::new(),
        text: None,
        origins: Vec::new(),
        values: Vec::new(),
        diagnostics: vec![Diagnostic::error(
            None,
            format!("the device's data cannot be passed to the renderer: {error}"),
        )],
    }
}
