//! `netkeel init`

pub(crate) mod files;

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use git2::{IndexAddOption, Repository, RepositoryInitOptions, Signature};

use super::app::App;
use super::error::{CliError, Result};
use super::exit::Exit;
use files::{FILES, IGNORED, SECRETS, SETTINGS};

/// Write a commented example repository: inventory, templates, policies, settings.
///
/// It describes seven simulated routers, so that everything can be tried at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel init my-network
  cd my-network
  netkeel check")]
pub(crate) struct Args {
    /// Where; made if it is not there.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

/// Runs it.
pub(crate) fn run(app: &mut App, args: &Args) -> Result<Exit> {
    let written = write(&args.folder)?;
    let committed = commit(&args.folder)?;
    if app.ui.json {
        app.ui.document(
            &serde_json::json!({ "schema": 1, "folder": args.folder, "files": written }),
        )?;
        return Ok(Exit::Fine);
    }
    for path in &written {
        app.ui.line(&format!("  {path}"))?;
    }
    if !committed {
        app.ui
            .line("the folder is inside a Git repository already: commit the files there")?;
    }
    app.ui.line(&format!(
        "
Now:
  cd {}
  netkeel check               # renders and validates, touches nothing
  netkeel sim . --trust       # in a second terminal: the seven routers, simulated
  netkeel plan                # what differs, and what would be typed
Then change something under intent/, commit it, and `netkeel plan` and `netkeel apply`.",
        args.folder.display()
    ))?;
    Ok(Exit::Fine)
}

/// Writes everything, or nothing if something of it is there already.
pub(crate) fn write(folder: &Path) -> Result<Vec<String>> {
    let settings = format!("{SETTINGS}{}", include_str!("../../../netkeel.yaml"));
    let mut files: Vec<(String, &str, u32)> = FILES
        .iter()
        .map(|(path, text)| ((*path).to_owned(), *text, 0o644))
        .collect();
    files.push(("netkeel.yaml".to_owned(), &settings, 0o644));
    files.push((".gitignore".to_owned(), IGNORED, 0o644));
    for (name, value) in SECRETS {
        files.push((format!(".netkeel/secrets/{name}"), value, 0o600));
    }
    if let Some((path, ..)) = files.iter().find(|(path, ..)| folder.join(path).exists()) {
        return Err(CliError::usage(format!(
            "`{}` is there already",
            folder.join(path).display()
        ))
        .hint("nothing was written; name a new folder: `netkeel init DIR`"));
    }
    for (path, text, mode) in &files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(|e| {
            CliError::from(e).while_doing(format!("`{}` cannot be made", folder.display()))
        })?;
        keep(&path, text, *mode)?;
    }
    Ok(files.into_iter().map(|(path, ..)| path).collect())
}

/// Writes a new file with a mode of its own.
pub(crate) fn keep(path: &Path, text: &str, mode: u32) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(mode).open(path);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|e| {
            CliError::from(e).while_doing(format!("`{}` cannot be written", path.display()))
        })
}

/// Makes it a repository with one commit. False if it is inside one already.
pub(crate) fn commit(folder: &Path) -> Result<bool> {
    let git = |e: git2::Error| CliError::failure(e).while_doing("the repository cannot be made");
    if Repository::discover(folder).is_ok() {
        return Ok(false);
    }
    let mut options = RepositoryInitOptions::new();
    options.initial_head("main");
    let repository = Repository::init_opts(folder, &options).map_err(git)?;
    record(&repository, "Example intent").map_err(git)?;
    Ok(true)
}

/// Commits everything Git does not ignore.
pub(crate) fn record(repository: &Repository, message: &str) -> Result<git2::Oid, git2::Error> {
    let mut index = repository.index()?;
    index.add_all(["*"], IndexAddOption::DEFAULT, None)?;
    index.update_all(["*"], None)?;
    index.write()?;
    let tree = repository.find_tree(index.write_tree()?)?;
    let author = match repository.signature() {
        Ok(author) => author,
        Err(_) => Signature::now("Netkeel", "netkeel@localhost")?,
    };
    let parent = repository
        .head()
        .ok()
        .and_then(|head| head.peel_to_commit().ok());
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(Some("HEAD"), &author, &author, message, &tree, &parents)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::settings::{Environment, Layers, SettingsSecrets};

    struct Nowhere;
    impl Environment for Nowhere {
        fn var(&self, _name: &str) -> Option<String> {
            None
        }
        fn is_root(&self) -> bool {
            false
        }
    }

    #[test]
    fn the_example_is_a_repository_with_valid_settings_and_no_secret_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("new");
        let written = write(&root).unwrap();
        assert!(written.contains(&"intent/inventory/hosts.yaml".to_owned()));
        assert!(commit(&root).unwrap());
        let repository = Repository::open(&root).unwrap();
        assert_eq!(repository.head().unwrap().shorthand().unwrap(), "main");
        let tree = repository.head().unwrap().peel_to_tree().unwrap();
        assert!(tree.get_path(Path::new("netkeel.yaml")).is_ok());
        assert!(
            tree.get_path(Path::new(".netkeel/secrets/device_password"))
                .is_err()
        );
        assert!(
            repository
                .statuses(None)
                .unwrap()
                .iter()
                .all(|s| s.status().is_ignored())
        );

        let layers = Layers {
            working_folder: root.clone(),
            ..Layers::default()
        };
        let settings = layers.load(&Nowhere).unwrap();
        assert_eq!(settings.state, root.join(".netkeel/state"));
        let secrets = SettingsSecrets::new(&settings);
        for (name, value) in SECRETS {
            let name = crate::model::SecretName::new(name).unwrap();
            assert_eq!(secrets.resolve_own(&name).unwrap().expose(), *value);
        }
        let about = std::fs::metadata(root.join(".netkeel/secrets/device_password")).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("netkeel.yaml"), "mine").unwrap();
        assert!(
            write(folder.path())
                .unwrap_err()
                .text()
                .contains("is there already")
        );
        assert!(!folder.path().join("intent").exists());
    }
}
