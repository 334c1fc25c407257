//! `netkeel adopt`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::app::App;
use super::error::{CliError, Result};
use super::exit::Exit;
use super::stage::Origin;
use crate::apply::read_running;
use crate::config::{Document, NodeId, NodeKind, Sealer, Vault};
use crate::controller::context::Context;
use crate::model::{Device, IntentSource, SecretName, SecretText, placeholder};

/// Write an intent from what devices run, so that their first plan is empty.
///
/// The hosts must be in the inventory of the working tree. Each gets a file
/// intent/configs/NAME.cfg with the names of its secrets in place of their values; the values
/// go into files outside of the repository that only you can read, and the lines for the
/// settings are printed. Devices are only read.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel adopt r1
  netkeel adopt r1 r2 --secrets /etc/netkeel/secrets")]
pub(crate) struct Args {
    /// The devices.
    #[arg(value_name = "HOST", required = true)]
    hosts: Vec<String>,
    /// Folder for the values of secrets [default: `secrets` in the state folder].
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// Write over an intent/configs/NAME.cfg that is there.
    #[arg(long)]
    overwrite: bool,
}

/// Where the files go.
const CONFIGS: &str = "intent/configs";

/// An adopted device.
struct Adopted {
    host: String,
    path: PathBuf,
    secrets: Vec<SecretName>,
    /// Its inventory entry says already where its intent is.
    has_intent: bool,
}

/// Runs it.
pub(crate) async fn run(app: &mut App, args: Args) -> Result<Exit> {
    let settings = app.settings()?;
    let Origin::Worktree(root) = app.origin()? else {
        return Err(
            CliError::usage("`adopt` writes into a working tree, and this is none")
                .hint("start it inside the repository, without `--repo` and `--ref`"),
        );
    };
    let ctx = app.context(&settings)?;
    let intent = app
        .intent(&settings, Origin::Worktree(root.clone()), None)
        .await?;
    let inventory = crate::intent::load(&intent.files)?;
    let folder = args
        .secrets
        .clone()
        .unwrap_or_else(|| settings.state.join("secrets"));
    outside(&root, &folder)?;
    let mut adopted = Vec::new();
    for host in &args.hosts {
        let device = inventory.devices.get(host).ok_or_else(|| {
            CliError::usage(format!(
                "`{host}` is not in the inventory of the working tree"
            ))
            .hint("add it to intent/inventory/hosts.yaml: address, platform, login")
        })?;
        let path = root.join(CONFIGS).join(format!("{host}.cfg"));
        if host.contains('/') {
            return Err(CliError::usage(format!("`{host}` cannot be a file name")));
        }
        if path.exists() && !args.overwrite {
            return Err(
                CliError::usage(format!("`{}` is there already", path.display()))
                    .hint("`--overwrite` replaces it"),
            );
        }
        adopted.push(one(&ctx, device, path, &folder).await?);
    }
    report(app, &root, &folder, &adopted)
}

async fn one(ctx: &Arc<Context>, device: &Device, path: PathBuf, folder: &Path) -> Result<Adopted> {
    let target = ctx.target(device).map_err(CliError::failure)?;
    let pack = Arc::clone(&target.pack);
    let mut sealer = Sealer::new(ctx.seal_key, BTreeMap::new());
    let mut session = ctx
        .connector
        .connect(&target)
        .await
        .map_err(CliError::failure)?;
    let seen = read_running(&mut *session, &device.name, &mut sealer, &pack.dialect).await;
    session.close().await;
    let seen = seen.map_err(CliError::failure)?;
    let text = without_noise(&seen.document);
    let (text, found) = named(&device.name, &text, sealer.vault())?;
    for (name, value) in &found {
        keep(folder, name, value)?;
    }
    let inside = format!("{CONFIGS}/{}.cfg", device.name);
    let failed = |e: std::io::Error| {
        CliError::from(e).while_doing(format!("`{}` cannot be written", path.display()))
    };
    std::fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(failed)?;
    std::fs::write(&path, text).map_err(failed)?;
    Ok(Adopted {
        host: device.name.clone(),
        path,
        secrets: found.into_iter().map(|(name, _)| name).collect(),
        has_intent: device.keel.intent == Some(IntentSource::File(inside)),
    })
}

/// The text without lines that say nothing about the configuration (its size, when it was
/// changed last).
fn without_noise(document: &Document) -> String {
    let mut cut = Vec::new();
    let mut waiting: Vec<NodeId> = document.roots().to_vec();
    while let Some(id) = waiting.pop() {
        let node = document.node(id);
        match &node.kind {
            NodeKind::Noise => cut.push(node.span.clone()),
            NodeKind::Command
            | NodeKind::Block
            | NodeKind::Literal
            | NodeKind::Comment
            | NodeKind::Separator
            | NodeKind::Terminator
            | NodeKind::Error => waiting.extend(node.children),
        }
    }
    cut.sort_by_key(|span| std::cmp::Reverse(span.start));
    let mut text = document.text().to_owned();
    for span in cut {
        text.replace_range(span, "");
    }
    let first = text
        .lines()
        .position(|line| !matches!(line.trim(), "" | "!"));
    let lines: Vec<&str> = text.lines().skip(first.unwrap_or(0)).collect();
    format!("{}\n", lines.join("\n").trim_end())
}

const OPEN: &str = "\u{27e6}sealed:";
const CLOSE: char = '\u{27e7}';

/// Gives every sealed value a name made of the device and the words before it.
fn named(
    host: &str,
    sealed: &str,
    vault: &Vault,
) -> Result<(String, Vec<(SecretName, SecretText)>)> {
    let mut text = sealed.to_owned();
    let mut found: Vec<(SecretName, SecretText)> = Vec::new();
    while let Some(start) = text.find(OPEN) {
        let Some(length) = text[start..].find(CLOSE) else {
            break;
        };
        let token = text[start..start + length + CLOSE.len_utf8()].to_owned();
        let value = vault
            .open(&token)
            .map_err(|token| CliError::failure(format!("`{host}`: no value behind {token}")))?;
        let line = text[..start].rsplit('\n').next().unwrap_or_default();
        let name = unused(host, line, &found)?;
        text = text.replace(&token, &placeholder(&name));
        found.push((name, value));
    }
    Ok((text, found))
}

/// `edge-1/neighbor-10.0.0.1-password` for ` neighbor 10.0.0.1 password 7 …`.
fn unused(host: &str, line: &str, taken: &[(SecretName, SecretText)]) -> Result<SecretName> {
    const LONGEST: usize = 60;
    let clean = |text: &str| -> String {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        text.chars()
            .map(|c| if good(c) { c } else { '_' })
            .collect()
    };
    let is_type = |word: &&str| !(word.len() == 1 && word.chars().all(|c| c.is_ascii_digit()));
    let words: Vec<&str> = line.split_whitespace().filter(is_type).collect();
    let mut base = format!("{}/{}", clean(host), clean(&words.join("-")));
    base.truncate(LONGEST);
    let mut name = base.clone();
    let mut number = 2;
    while taken.iter().any(|(known, _)| known.as_str() == name) {
        name = format!("{base}-{number}");
        number += 1;
    }
    SecretName::new(&name).map_err(CliError::failure)
}

/// Writes one value where only its owner can read it.
fn keep(folder: &Path, name: &SecretName, value: &SecretText) -> Result<()> {
    let path = folder.join(name.as_str());
    let failed = |e: std::io::Error| {
        CliError::from(e).while_doing(format!("`{}` cannot be written", path.display()))
    };
    let parent = path.parent().unwrap_or(folder);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(parent)
        .map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(failed)?; // mode 0600
    file.write_all(value.expose().as_bytes()).map_err(failed)?;
    file.persist(&path).map_err(|e| failed(e.error))?;
    Ok(())
}

/// Values of secrets must not get into the repository.
fn outside(root: &Path, folder: &Path) -> Result<()> {
    let folder = std::path::absolute(folder)?;
    let root = std::path::absolute(root)?;
    if !folder.starts_with(&root) {
        return Ok(());
    }
    let ignored = git2::Repository::open(&root)
        .and_then(|repository| repository.status_should_ignore(&folder.join("any")))
        .map_err(CliError::failure)?;
    if ignored {
        return Ok(());
    }
    Err(
        CliError::usage(format!("`{}` is inside the repository", folder.display()))
            .hint("`--secrets DIR` outside of it, or a folder in .gitignore"),
    )
}

fn report(app: &mut App, root: &Path, folder: &Path, adopted: &[Adopted]) -> Result<Exit> {
    let folder = std::path::absolute(folder)?;
    if app.ui.json {
        let devices: Vec<_> = adopted
            .iter()
            .map(|a| json!({ "name": a.host, "file": a.path, "secrets": a.secrets }))
            .collect();
        app.ui
            .document(&json!({ "schema": 1, "secrets": folder, "devices": devices }))?;
        return Ok(Exit::Fine);
    }
    for device in adopted {
        let path = device.path.strip_prefix(root).unwrap_or(&device.path);
        let count = super::show::count(device.secrets.len(), "secret");
        app.ui
            .line(&format!("{}: {}, {count}", device.host, path.display()))?;
    }
    let settings = settings_lines(&folder, adopted);
    if !settings.is_empty() {
        app.ui.line(&format!(
            "\nAdd to the settings (netkeel.yaml), under `secrets:`\n{settings}"
        ))?;
    }
    let without: Vec<&str> = adopted
        .iter()
        .filter(|a| !a.has_intent)
        .map(|a| a.host.as_str())
        .collect();
    if !without.is_empty() {
        app.ui.line(&format!(
            "Add to the inventory, for {}:\n  data: {{netkeel: {{intent: \"{CONFIGS}/{{name}}.cfg\"}}}}",
            without.join(", ")
        ))?;
    }
    app.ui
        .line("then `netkeel plan` shows that nothing would change")?;
    Ok(Exit::Fine)
}

fn settings_lines(folder: &Path, adopted: &[Adopted]) -> String {
    let mut lines = String::new();
    for device in adopted {
        for name in &device.secrets {
            let path = folder.join(name.as_str());
            let host = globset::escape(&device.host);
            let _ = writeln!(
                lines,
                "  {name}: {{file: '{}', to: {{hosts: ['{host}']}}}}",
                path.display()
            );
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn names_tell_what_the_secret_is() {
        let none = Vec::new();
        let name = |line: &str, taken: &[(SecretName, SecretText)]| {
            unused("edge 1", line, taken).unwrap().as_str().to_owned()
        };
        assert_eq!(
            name(" neighbor 10.0.0.1 password 7 ", &none),
            "edge_1/neighbor-10.0.0.1-password"
        );
        let first = SecretName::new("edge_1/enable-secret").unwrap();
        let taken = vec![(first, SecretText::new("x"))];
        assert_eq!(name("enable secret 9 ", &taken), "edge_1/enable-secret-2");
    }

    #[test]
    fn values_are_kept_for_their_owner_only_and_outside_of_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let name = SecretName::new("r1/enable-secret").unwrap();
        keep(folder.path(), &name, &SecretText::new("hunter2")).unwrap();
        let path = folder.path().join("r1/enable-secret");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "hunter2");

        let tree = tempfile::tempdir().unwrap();
        git2::Repository::init(tree.path()).unwrap();
        assert!(outside(tree.path(), folder.path()).is_ok());
        assert!(outside(tree.path(), &tree.path().join("secrets")).is_err());
        std::fs::write(tree.path().join(".gitignore"), "secrets/\n").unwrap();
        assert!(outside(tree.path(), &tree.path().join("secrets")).is_ok());
    }

    #[test]
    fn the_settings_lines_are_valid_settings() {
        let adopted = [Adopted {
            host: "r[1]".into(),
            path: "x".into(),
            secrets: vec![SecretName::new("r_1_/enable-secret").unwrap()],
            has_intent: true,
        }];
        let lines = settings_lines(Path::new("/s"), &adopted);
        assert_eq!(
            lines,
            "  r_1_/enable-secret: {file: '/s/r_1_/enable-secret', to: {hosts: ['r[[]1[]]']}}\n"
        );
    }
}
