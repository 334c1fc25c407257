//! One child, as the parent holds it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::ending::Ending;
use super::{CHILD_ARG, wire};
use crate::intent::{RenderDevice, RenderLimits, Rendered};

/// How much of a child's standard error is looked at.
const STDERR: u64 = 4096;
/// How long a dead child may take to be collected.
const COLLECT: Duration = Duration::from_secs(5);

/// A running child that has read limits and files.
pub(super) struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Process {
    /// Starts a child and gives it the files.
    pub(super) async fn start(
        program: &Path,
        opening: &[u8],
        limits: &RenderLimits,
    ) -> Result<Self, Ending> {
        let mut child = Command::new(program)
            .arg(CHILD_ARG)
            .arg(limits.memory.to_string())
            .arg(limits.cpu_seconds.to_string())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| Ending::NotStarted(e.to_string()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Ending::NotStarted("it has no pipes".to_owned()));
        };
        let mut process = Self {
            child,
            input,
            output,
        };
        let hello = async {
            process.input.write_all(opening).await.ok()?;
            process.answer(0).await.ok()
        };
        match timeout(Duration::from_secs(limits.wall_seconds), hello).await {
            Ok(Some((wire::READY, _))) => Ok(process),
            Ok(_) => Err(process.end(Ending::Gone).await),
            Err(_) => Err(process.end(Ending::Time).await),
        }
    }

    /// Renders one device. The flag says whether the child goes on.
    pub(super) async fn render(
        &mut self,
        device: &RenderDevice,
        limits: &RenderLimits,
    ) -> Result<(Rendered, bool), Ending> {
        let mut frame = Vec::new();
        wire::push(&mut frame, wire::DEVICE, &[&wire::json(device)]);
        // JSON escapes make a text longer, and the origins come on top.
        let room = limits.max_output.saturating_mul(8).saturating_add(1 << 20);
        let exchange = async {
            self.input
                .write_all(&frame)
                .await
                .map_err(|_| Ending::Gone)?;
            self.answer(room).await
        };
        let (tag, body) = timeout(Duration::from_secs(limits.wall_seconds), exchange)
            .await
            .unwrap_or(Err(Ending::Time))?;
        let packed: wire::Packed = serde_json::from_slice(&body).map_err(|_| Ending::Gone)?;
        let mut rendered = packed.unpack();
        rendered.name.clone_from(&device.name);
        for diagnostic in &mut rendered.diagnostics {
            diagnostic.device = Some(device.name.clone());
        }
        Ok((rendered, tag == wire::ANSWER))
    }

    /// The next frame from the child, no longer than `room`.
    async fn answer(&mut self, room: u64) -> Result<(u8, Vec<u8>), Ending> {
        let mut head = [0; wire::HEAD];
        let read = self.output.read_exact(&mut head).await;
        read.map_err(|_| Ending::Gone)?;
        let (length, tag) = wire::head(head);
        if length as u64 > room {
            return Err(Ending::Output);
        }
        let mut body = vec![0; length];
        let read = self.output.read_exact(&mut body).await;
        read.map_err(|_| Ending::Gone)?;
        Ok((tag, body))
    }

    /// Ends the child and finds out how it ended, unless we ended it.
    pub(super) async fn end(mut self, ending: Ending) -> Ending {
        drop(self.input);
        if !matches!(ending, Ending::Gone) {
            // Already dead is as good.
            drop(self.child.start_kill());
            drop(timeout(COLLECT, self.child.wait()).await);
            return ending;
        }
        let mut words = Vec::new();
        if let Some(stderr) = self.child.stderr.take() {
            let read = async { stderr.take(STDERR).read_to_end(&mut words).await };
            drop(timeout(COLLECT, read).await);
        }
        match timeout(COLLECT, self.child.wait()).await {
            Ok(Ok(status)) => Ending::Died(status, String::from_utf8_lossy(&words).into_owned()),
            Ok(Err(_)) | Err(_) => Ending::Gone,
        }
    }
}
