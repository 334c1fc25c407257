//! An undo held by a process on the host the network OS runs on.
//!
//! Over a shell login, a private folder is made that holds the running configuration, the
//! commands that lead back, and a guard: a detached process that waits, and then undoes. Who
//! makes the folder `decided` first, the guard or the confirming session, has decided; so a
//! confirm in the last second and the undo can never both happen.
//!
//! Everything goes over standard input: nothing secret stands in a process list. The folder
//! has mode 0700, its files 0600, and it is removed once it is not needed.

use std::sync::Arc;
use std::time::Duration;

use crate::device::transport::ssh::{Endpoint, Link, Ran, Trust};
use crate::device::{DeviceError, Target};
use crate::model::SecretText;
use crate::pack::transaction::HostUndoSpec;

/// What a shell must answer; a CLI that merely echoes cannot.
const PROBE: &str = "echo netkeel-$((6*7))\n";
const PROBED: &str = "netkeel-42";

/// Seconds the undo itself may take before we stop waiting for it.
const UNDO_SECONDS: u64 = 120;

const ARMING: &str = "arming the undo on the host";
const CONFIRMING: &str = "confirming on the host";
const UNDOING: &str = "undoing on the host";

/// The undo of one device's host.
pub struct HostUndo {
    target: Target,
    trust: Arc<Trust>,
    spec: HostUndoSpec,
}

impl HostUndo {
    /// For this device.
    #[must_use]
    pub fn new(target: Target, trust: Arc<Trust>, spec: HostUndoSpec) -> Self {
        Self {
            target,
            trust,
            spec,
        }
    }

    async fn open(&self) -> Result<Link, DeviceError> {
        let target = &self.target;
        let to = Endpoint {
            device: &target.device,
            address: &target.address,
            port: target.undo.shell_port.unwrap_or(target.port),
            login: &target.login,
            jump: target.jump.as_ref(),
            within: target.connect_timeout,
        };
        Link::open(&to, &self.trust).await
    }

    /// Runs a script in a new login and closes it again.
    async fn run(&self, script: &str, doing: &str) -> Result<Ran, DeviceError> {
        let link = self.open().await?;
        let ran = run_on(&link, script, self.patience()).await;
        link.close().await;
        let ran = ran.ok_or_else(|| DeviceError::Timeout {
            device: self.target.device.clone(),
            doing: doing.to_owned(),
            seconds: self.patience().as_secs(),
        })?;
        ran.map_err(|_| DeviceError::Lost {
            device: self.target.device.clone(),
            doing: doing.to_owned(),
        })
    }

    fn patience(&self) -> Duration {
        self.target.silence_timeout + Duration::from_secs(UNDO_SECONDS)
    }

    /// Whether the login yields a shell that knows the program; why not, otherwise. Asks over
    /// `link` where the shell is to be had at the same port.
    ///
    /// # Errors
    /// A connection that cannot be had, at another port.
    pub async fn probe(&self, link: &Link) -> Result<Option<String>, DeviceError> {
        let script = format!(
            "{PROBE}command -v {} >/dev/null 2>&1 && echo has-program\n",
            self.spec.program
        );
        let same = self
            .target
            .undo
            .shell_port
            .is_none_or(|port| port == self.target.port);
        let ran = if same {
            match run_on(link, &script, self.target.silence_timeout).await {
                Some(Ok(ran)) => ran,
                Some(Err(_)) | None => return Ok(Some("the login has no shell".to_owned())),
            }
        } else {
            self.run(&script, "looking for a shell on the host").await?
        };
        Ok(if !ran.output.contains(PROBED) {
            Some("the login yields no shell on the host".to_owned())
        } else if !ran.output.contains("has-program") {
            Some(format!(
                "the shell on the host does not know `{}`",
                self.spec.program
            ))
        } else {
            None
        })
    }

    /// Arms the undo: the folder that holds it.
    ///
    /// # Errors
    /// `Busy` when another undo is armed there, `Protocol` when it cannot be armed.
    pub async fn arm(
        &self,
        rollback: &[SecretText],
        within: Duration,
    ) -> Result<String, DeviceError> {
        let fence = format!("NETKEEL_{:016x}", rand::random::<u64>());
        let script = self.arm_script(rollback, within, &fence);
        let ran = self.run(script.expose(), ARMING).await?;
        let last = ran.output.lines().last().unwrap_or_default();
        if let Some(folder) = last.strip_prefix("busy ") {
            return Err(DeviceError::Busy {
                device: self.target.device.clone(),
                why: format!("another undo is armed on the host, in {folder}"),
            });
        }
        match last.strip_prefix("armed ") {
            Some(folder) if is_folder(folder) => Ok(folder.to_owned()),
            _ => Err(self.failed(ARMING, &ran)),
        }
    }

    fn arm_script(&self, rollback: &[SecretText], within: Duration, fence: &str) -> SecretText {
        let lines: Vec<&str> = rollback.iter().map(SecretText::expose).collect();
        let load = self.spec.load.replace("{file}", "\"$d/rollback\"");
        let guard = GUARD
            .replace("@SECONDS@", &within.as_secs().max(1).to_string())
            .replace("@LOAD@", &load)
            .replace("@RUNNING@", &self.spec.running);
        SecretText::new(
            ARM.replace("@RUNNING@", &self.spec.running)
                .replace("@FENCE@", fence)
                .replace("@GUARD@", &guard)
                .replace("@ROLLBACK@", &lines.join("\n")),
        )
    }

    /// Sees, in a new login, that the guard is alive and waiting.
    ///
    /// # Errors
    /// `Protocol` when it is not.
    pub async fn check(&self, folder: &str) -> Result<(), DeviceError> {
        let ran = self.run(&self.about(folder, CHECK)?, ARMING).await?;
        match ran.output.trim() {
            "waiting" => Ok(()),
            _ => Err(self.failed(ARMING, &ran)),
        }
    }

    /// Stops the guard, sees that it is gone, and removes the folder.
    ///
    /// # Errors
    /// `Protocol` when the undo has happened already, or the guard cannot be stopped.
    pub async fn confirm(&self, folder: &str) -> Result<(), DeviceError> {
        let ran = self.run(&self.about(folder, CONFIRM)?, CONFIRMING).await?;
        match ran.output.trim() {
            "confirmed" => Ok(()),
            "fired" => Err(self.said(CONFIRMING, "the undo has already begun")),
            "gone" => Err(self.said(CONFIRMING, "the undo's folder is gone from the host")),
            _ => Err(self.failed(CONFIRMING, &ran)),
        }
    }

    /// Lets the guard undo now, and waits until it has.
    ///
    /// # Errors
    /// `HalfRestored` when the configuration is not what it was.
    pub async fn rollback(&self, folder: &str) -> Result<(), DeviceError> {
        let ran = self.run(&self.about(folder, ROLLBACK)?, UNDOING).await?;
        match ran.output.trim() {
            "restored" => Ok(()),
            "gone" => Err(self.said(UNDOING, "the undo's folder is gone from the host")),
            "confirmed" => Err(self.said(UNDOING, "the change has been confirmed")),
            "differs" => Err(DeviceError::HalfRestored {
                device: self.target.device.clone(),
                answer: format!(
                    "the undo ran and running is not what it was; see {folder} on the host"
                ),
            }),
            _ => Err(self.failed(UNDOING, &ran)),
        }
    }

    fn about(&self, folder: &str, script: &str) -> Result<String, DeviceError> {
        if !is_folder(folder) {
            return Err(self.said(UNDOING, "the journal's folder is not one of ours"));
        }
        Ok(format!(
            "d={folder}\n{COMMON}{}",
            script.replace("@WAIT@", &(UNDO_SECONDS * 5).to_string())
        ))
    }

    fn said(&self, doing: &str, what: &str) -> DeviceError {
        DeviceError::Protocol {
            device: self.target.device.clone(),
            doing: doing.to_owned(),
            answer: what.to_owned(),
        }
    }

    /// The host's own words are not repeated: they may quote a line with a secret in it.
    fn failed(&self, doing: &str, ran: &Ran) -> DeviceError {
        let word = ran.output.split_whitespace().last().unwrap_or("nothing");
        let word: String = word.chars().take(40).collect();
        let status = ran.status.map_or("none".to_owned(), |s| s.to_string());
        self.said(
            doing,
            &format!("the host answered `{word}`, exit status {status}"),
        )
    }
}

async fn run_on(
    link: &Link,
    script: &str,
    patience: Duration,
) -> Option<Result<Ran, russh::Error>> {
    let work = link.exec("sh -s", script.as_bytes().to_vec());
    tokio::time::timeout(patience, work).await.ok()
}

/// Only what `mktemp` made for us is ever named in a script.
fn is_folder(path: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    path.starts_with('/')
        && path.chars().all(good)
        && !path.contains("..")
        && path
            .rsplit('/')
            .next()
            .is_some_and(|name| name.starts_with("netkeel-undo."))
}

const ARM: &str = r#"set -eu
umask 077
base=${TMPDIR:-/tmp}
for p in "$base"/netkeel-undo.*/pid; do
  f=${p%/pid}
  if [ -e "$p" ] && [ ! -e "$f/done" ] && kill -0 "$(cat "$p")" 2>/dev/null; then
    echo "busy $f"; exit 3
  fi
done
d=$(mktemp -d "$base/netkeel-undo.XXXXXXXX")
trap '[ -e "$d/pid" ] || rm -rf "$d"' EXIT
cat > "$d/rollback" <<'@FENCE@'
@ROLLBACK@
@FENCE@
cat > "$d/guard" <<'@FENCE@'
@GUARD@
@FENCE@
@RUNNING@ > "$d/running" 2>/dev/null </dev/null
[ -s "$d/running" ]
started=
if [ "$(id -u)" = 0 ] && [ -d /run/systemd/system ] && command -v systemd-run >/dev/null 2>&1; then
  if systemd-run --quiet --collect --setenv=PATH="$PATH" sh "$d/guard" "$d" >/dev/null 2>&1 </dev/null; then started=1; fi
fi
if [ -z "$started" ]; then
  if command -v setsid >/dev/null 2>&1; then
    setsid sh "$d/guard" "$d" >/dev/null 2>&1 </dev/null &
  else
    nohup sh "$d/guard" "$d" >/dev/null 2>&1 </dev/null &
  fi
fi
n=0
while [ ! -s "$d/pid" ] && [ $n -lt 50 ]; do sleep 0.1 2>/dev/null || sleep 1; n=$((n+1)); done
kill -0 "$(cat "$d/pid")"
echo "armed $d"
"#;

const GUARD: &str = r#"d=$1
umask 077
trap : USR1
echo $$ > "$d/pid.new" && mv "$d/pid.new" "$d/pid"
if [ "${2:-}" != now ]; then
  sleep @SECONDS@ &
  s=$!
  wait "$s"
  kill "$s" 2>/dev/null
  mkdir "$d/decided" 2>/dev/null || exit 0
fi
verdict=differs
for pass in 1 2; do
  @LOAD@ >> "$d/output" 2>&1 </dev/null
  @RUNNING@ > "$d/after" 2>> "$d/output" </dev/null
  if [ "$(sort "$d/running")" = "$(sort "$d/after")" ]; then verdict=restored; break; fi
done
echo $verdict > "$d/done.new" && mv "$d/done.new" "$d/done"
"#;

const COMMON: &str = r#"umask 077
alive() {
  p=$(cat "$d/pid" 2>/dev/null) && kill -0 "$p" 2>/dev/null || return 1
  [ ! -r "/proc/$p/cmdline" ] || tr '\0' ' ' < "/proc/$p/cmdline" | grep -q "$d"
}
pause() { sleep 0.2 2>/dev/null || sleep 1; }
"#;

const CHECK: &str = r#"if [ -s "$d/running" ] && [ -f "$d/rollback" ] && [ ! -e "$d/decided" ] && alive; then echo waiting; else echo dead; fi
"#;

const CONFIRM: &str = r#"[ -d "$d" ] || { echo gone; exit 0; }
mkdir "$d/decided" 2>/dev/null || [ -e "$d/confirmed" ] || { echo fired; exit 0; }
: > "$d/confirmed"
if alive; then kill -TERM -- "-$p" 2>/dev/null || kill -TERM "$p"; fi
n=0
while alive && [ $n -lt 50 ]; do pause; n=$((n+1)); done
if alive; then echo alive; exit 1; fi
rm -rf "$d"
if [ -e "$d" ]; then echo left; exit 1; fi
echo confirmed
"#;

const ROLLBACK: &str = r#"[ -d "$d" ] || { echo gone; exit 0; }
[ ! -e "$d/confirmed" ] || { echo confirmed; exit 0; }
if [ ! -e "$d/done" ]; then
  if alive; then
    kill -USR1 "$p" 2>/dev/null
  else
    mkdir "$d/decided" 2>/dev/null
    if command -v setsid >/dev/null 2>&1; then
      setsid sh "$d/guard" "$d" now >/dev/null 2>&1 </dev/null &
    else
      nohup sh "$d/guard" "$d" now >/dev/null 2>&1 </dev/null &
    fi
  fi
fi
n=0
while [ ! -e "$d/done" ] && [ $n -lt @WAIT@ ]; do pause; n=$((n+1)); done
[ -e "$d/done" ] || { echo running; exit 1; }
v=$(cat "$d/done")
[ "$v" != restored ] || rm -rf "$d"
echo "$v"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_folders_go_into_a_script() {
        assert!(is_folder("/tmp/netkeel-undo.aB3dE6gH"));
        for bad in [
            "/tmp/x",
            "/tmp/netkeel-undo.a;b",
            "netkeel-undo.a",
            "/tmp/../netkeel-undo.a",
            "/tmp/netkeel-undo.a b",
            "/netkeel-undo.a/",
        ] {
            assert!(!is_folder(bad), "{bad}");
        }
    }
}
