//! Runs templates in a child process of the same binary, under limits it sets on itself.
//!
//! ```text
//!  parent (tokio)                         child (no async, one thread)
//!  ──────────────                         ────────────────────────────
//!  spawn, environment cleared   ──>       limits itself, then reads
//!  limits, files                ──>       keeps them
//!  one device                   ──>       renders it
//!                               <──       its text, origins, diagnostics
//!  the next device …
//! ```
//!
//! The two go in step, so the parent knows which device a child was at when it died: that
//! device gets a diagnostic, and a new child goes on with the rest. No secret value enters a
//! child, and nothing it prints on its standard error is passed on except the reason of its
//! end, shortened.

mod child;
mod ending;
mod process;
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use crate::intent::{RenderDevice, RenderRequest, RenderResponse, Rendered};
use crate::model::{Diagnostic, IntentSource};

pub use child::child_main;
use ending::Ending;
use process::Process;

/// The hidden first argument that makes the binary an evaluator child.
pub const CHILD_ARG: &str = "--evaluator-child";

/// Most children at a time: more do not pay, since each reads all files.
const MOST_CHILDREN: usize = 4;
/// Devices that make another child worth its start.
const DEVICES_PER_CHILD: usize = 16;
/// Children one template may end before its other devices are not tried any more: with a
/// thousand devices each waiting for its limit, the answer would come hours later.
const MOST_DEATHS: usize = 8;

/// Starts children. The child's program is this binary with the hidden argument
/// [`CHILD_ARG`].
#[derive(Clone, Debug)]
pub struct Evaluator {
    program: PathBuf,
}

impl Evaluator {
    /// Uses this program file (normally `std::env::current_exe()`).
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self { program }
    }

    /// Renders a batch. A dead child fails the device it was rendering; the others are
    /// rendered by the next child. The answer is in the order of the request. Dropping the
    /// future ends the children.
    pub async fn render(&self, request: RenderRequest) -> RenderResponse {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let useful = request.devices.len().div_ceil(DEVICES_PER_CHILD);
        let children = useful.min(cores).min(MOST_CHILDREN);
        let batch = Arc::new(Batch::new(self.program.clone(), request));
        let mut workers = JoinSet::new();
        for _ in 0..children {
            workers.spawn(Arc::clone(&batch).work());
        }
        while workers.join_next().await.is_some() {}
        batch.response()
    }
}

/// One request while it is being answered.
struct Batch {
    program: PathBuf,
    /// Frames that every child reads first.
    opening: Vec<u8>,
    request: RenderRequest,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// Index of the next device nobody has taken.
    next: usize,
    answers: BTreeMap<usize, Rendered>,
    /// Children each source has ended.
    deaths: BTreeMap<String, usize>,
    /// Why no child can be had at all.
    hopeless: Option<String>,
}

impl Batch {
    fn new(program: PathBuf, request: RenderRequest) -> Self {
        Self {
            program,
            opening: wire::opening(&request.files, &request.limits),
            request,
            progress: Mutex::default(),
        }
    }

    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes devices until there are none left.
    async fn work(self: Arc<Self>) {
        let mut process = None;
        while let Some(index) = self.take() {
            let device = &self.request.devices[index];
            let answer = match self.refused(device) {
                Some(why) => failed(device, why),
                None => self.render_one(&mut process, device).await,
            };
            self.progress().answers.insert(index, answer);
        }
    }

    fn take(&self) -> Option<usize> {
        let mut progress = self.progress();
        let index = progress.next;
        progress.next += 1;
        (index < self.request.devices.len()).then_some(index)
    }

    /// Why a device is not even tried.
    fn refused(&self, device: &RenderDevice) -> Option<String> {
        let progress = self.progress();
        if let Some(why) = &progress.hopeless {
            return Some(why.clone());
        }
        let path = source_path(device);
        let deaths = progress.deaths.get(path).copied().unwrap_or(0);
        (deaths >= MOST_DEATHS).then(|| {
            format!("not rendered: `{path}` has ended the renderer on {deaths} other devices")
        })
    }

    async fn render_one(&self, process: &mut Option<Process>, device: &RenderDevice) -> Rendered {
        let limits = &self.request.limits;
        let mut running = match process.take() {
            Some(running) => running,
            None => match Process::start(&self.program, &self.opening, limits).await {
                Ok(running) => running,
                Err(ending) => {
                    let why = ending.of_start(limits);
                    self.progress().hopeless = Some(why.clone());
                    return failed(device, why);
                }
            },
        };
        match running.render(device, limits).await {
            Ok((rendered, goes_on)) => {
                *process = goes_on.then_some(running);
                rendered
            }
            Err(ending) => {
                let ending = running.end(ending).await;
                self.died(device, &ending)
            }
        }
    }

    fn died(&self, device: &RenderDevice, ending: &Ending) -> Rendered {
        let path = source_path(device);
        let mut progress = self.progress();
        *progress.deaths.entry(path.to_owned()).or_default() += 1;
        failed(device, ending.of_device(path, &self.request.limits))
    }

    /// All answers, in the order of the request. Every device has one: a worker that
    /// panicked leaves only its own device without.
    fn response(&self) -> RenderResponse {
        let mut progress = self.progress();
        let answer = |(index, device): (usize, &RenderDevice)| {
            let answer = progress.answers.remove(&index);
            answer.unwrap_or_else(|| failed(device, "not rendered: the renderer failed".to_owned()))
        };
        RenderResponse {
            devices: self
                .request
                .devices
                .iter()
                .enumerate()
                .map(answer)
                .collect(),
        }
    }
}

fn source_path(device: &RenderDevice) -> &str {
    match &device.source {
        IntentSource::Template(path) | IntentSource::File(path) => path,
    }
}

/// A device without a text, and why.
fn failed(device: &RenderDevice, why: String) -> Rendered {
    Rendered {
        name: device.name.clone(),
        text: None,
        origins: Vec::new(),
        values: Vec::new(),
        diagnostics: vec![Diagnostic::error(None, why).for_device(device.name.clone())],
    }
}
