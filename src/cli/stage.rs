//! The stages a command strings together: the repository or working tree, the context, the
//! fleet. The work itself is the controller's; there is no second path.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::app::{App, now, this_program};
use super::error::{CliError, Result};
use super::exit::Exit;
use super::repository::{enclosing_tree, source_error, source_spec};
use crate::controller::Logins;
use crate::controller::context::{Context, SshFile, owner_name, seal_key};
use crate::controller::daemon::HEAD_META;
use crate::controller::prepare::{Fleet, prepare, prepare_traced};
use crate::device::transport::ssh_config::{Environment, SshConfig};
use crate::device::{Connector, HostKeyPolicy, SshConnector};
use crate::evaluator::Evaluator;
use crate::intent::Filter;
use crate::model::{Diagnostic, FileSet, Revision, Store};
use crate::pack::Packs;
use crate::report::Reporter;
use crate::settings::{HostKeys, Overrides, Settings, SettingsSecrets, closest};
use crate::source::{Mirror, Resolved, SourceError, SourceSpec, worktree};
use crate::store::SqliteStore;

/// Where the intent is taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The files of a working tree as they are now.
    Worktree(PathBuf),
    /// A branch or tag of a repository.
    Branch,
}

/// The intent at one moment.
pub(crate) struct Intent {
    /// Which revision (or working tree).
    pub(crate) revision: Revision,
    /// Its files.
    pub(crate) files: FileSet,
    /// The revision the branch was trusted at before, if it is not an ancestor of this one
    /// and nobody has accepted that.
    pub(crate) rewritten: Option<String>,
}

/// A context whose state is thrown away, for commands that touch neither state nor devices.
pub(crate) struct Scratch {
    /// The context.
    pub(crate) ctx: Arc<Context>,
    _folder: tempfile::TempDir,
}

impl App {
    /// The real thing: state on disk, devices over the network.
    pub(crate) fn context(&mut self, settings: &Arc<Settings>) -> Result<Arc<Context>> {
        let store = self.store(settings)?;
        context(
            settings,
            &settings.state,
            store,
            Arc::new(connector(settings)?),
        )
    }

    /// The same, with the connector apart: for what is not done in a session (host keys).
    pub(crate) fn context_and_connector(
        &mut self,
        settings: &Arc<Settings>,
    ) -> Result<(Arc<Context>, Arc<SshConnector>)> {
        let store = self.store(settings)?;
        let connector = Arc::new(connector(settings)?);
        let shared: Arc<dyn Connector> = Arc::clone(&connector) as Arc<dyn Connector>;
        Ok((
            context(settings, &settings.state, store, shared)?,
            connector,
        ))
    }

    /// The same, with the store as the loop wants it.
    pub(crate) fn daemon_context(
        &mut self,
        settings: &Arc<Settings>,
    ) -> Result<(Arc<Context>, Arc<SqliteStore>)> {
        let store = self.store(settings)?;
        let connector = Arc::new(connector(settings)?);
        let ctx = context(settings, &settings.state, Arc::clone(&store), connector)?;
        Ok((ctx, store))
    }

    /// For commands that touch neither state nor devices.
    pub(crate) fn scratch(&mut self, settings: &Arc<Settings>) -> Result<Scratch> {
        let folder = tempfile::tempdir()?;
        let store = SqliteStore::open(folder.path(), now())?.store;
        let nobody = SshConnector::new(Vec::new(), HostKeyPolicy::Strict);
        let ctx = context(settings, folder.path(), Arc::new(store), Arc::new(nobody))?;
        Ok(Scratch {
            ctx,
            _folder: folder,
        })
    }

    /// `--filter`
    pub(crate) fn filter(&self) -> Result<Filter> {
        let text = self.common.filter.as_deref().unwrap_or_default();
        Filter::parse(text).map_err(|e| {
            CliError::failure(e)
                .with_exit(Exit::Usage)
                .hint("for example --filter 'platform=ios and not site=lon'")
        })
    }

    /// The working tree this was started in, unless a repository or reference was named.
    pub(crate) fn origin(&self) -> Result<Origin> {
        let named = self.common.repo.is_some()
            || self.common.reference.is_some()
            || std::env::var_os("NETKEEL_REPO").is_some()
            || std::env::var_os("NETKEEL_REF").is_some();
        if named {
            return Ok(Origin::Branch);
        }
        let tree = enclosing_tree(&std::env::current_dir()?);
        Ok(tree.map_or(Origin::Branch, Origin::Worktree))
    }

    /// Looks at the repository (or the working tree).
    pub(crate) async fn intent(
        &mut self,
        settings: &Arc<Settings>,
        origin: Origin,
        store: Option<&Arc<dyn Store>>,
    ) -> Result<Intent> {
        // Only the branch that is followed can have been rewritten; another one, or a tag,
        // that a person names is simply another one.
        let followed = store.filter(|_| self.is_followed(settings));
        let known = match followed {
            Some(store) => store.get_meta(HEAD_META)?,
            None => None,
        };
        let accepted = match store {
            Some(store) => store.acceptances()?,
            None => Vec::new(),
        };
        let spec = source_spec(settings)?;
        let looked = blocking(move || look(spec, origin, known)).await?;
        let (resolved, files, known) = looked.map_err(source_error)?;
        let trusted = resolved.fast_forward
            || accepted.iter().any(|acceptance| {
                acceptance.kind == crate::model::AcceptanceKind::RewrittenBranch
                    && acceptance.subject == resolved.revision.id
            });
        Ok(Intent {
            revision: resolved.revision,
            files,
            rewritten: known.filter(|_| !trusted),
        })
    }

    /// The reference in use is the one the settings name, without the flags.
    fn is_followed(&self, settings: &Settings) -> bool {
        let flags = Overrides {
            reference: None,
            ..self.common.overrides()
        };
        let written = self.settings_with(flags, true);
        written.is_ok_and(|written| written.repository.reference == settings.repository.reference)
    }

    /// Loads, filters, renders; prints warnings beside the result.
    pub(crate) async fn fleet(&mut self, ctx: &Context, intent: Intent) -> Result<Fleet> {
        self.fleet_with(ctx, intent, false).await
    }

    /// The same; with `traced`, each line knows the variables it is made of.
    pub(crate) async fn fleet_with(
        &mut self,
        ctx: &Context,
        intent: Intent,
        traced: bool,
    ) -> Result<Fleet> {
        let filter = self.filter()?;
        let revision = intent.revision.clone();
        let fleet = if traced {
            prepare_traced(ctx, intent.revision, intent.files, &filter).await
        } else {
            prepare(ctx, intent.revision, intent.files, &filter).await
        };
        let fleet = fleet.map_err(|faults| {
            CliError::from(faults).while_doing(format!("{} is not usable", described(&revision)))
        })?;
        for warning in &fleet.warnings {
            self.ui.note(&format!("warning: {warning}"))?;
        }
        Ok(fleet)
    }
}

type Looked = std::result::Result<(Resolved, FileSet, Option<String>), SourceError>;

fn look(spec: SourceSpec, origin: Origin, known: Option<String>) -> Looked {
    match origin {
        Origin::Worktree(root) => {
            let (revision, files) = worktree(&root, &spec)?;
            Ok((
                Resolved {
                    revision,
                    fast_forward: true,
                },
                files,
                None,
            ))
        }
        Origin::Branch => {
            let mut mirror = Mirror::open(spec)?;
            let resolved = mirror.refresh(known.as_deref())?;
            let files = mirror.files(&resolved.revision.id)?;
            Ok((resolved, files, known))
        }
    }
}

/// Runs blocking work (Git) off the runtime.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(CliError::failure)
}

/// `revision 0123456789 (main)` or `the working tree`.
pub(crate) fn described(revision: &Revision) -> String {
    if revision.is_worktree() {
        "the working tree".to_owned()
    } else {
        format!("revision {} ({})", revision.short(), revision.reference)
    }
}

fn context(
    settings: &Arc<Settings>,
    state: &Path,
    store: Arc<SqliteStore>,
    connector: Arc<dyn Connector>,
) -> Result<Arc<Context>> {
    let packs = Packs::builtin().map_err(CliError::failure)?;
    let secrets = Arc::new(SettingsSecrets::new(settings));
    let seal_key = seal_key(state)
        .map_err(|e| CliError::from(e).while_doing("the sealing key cannot be used"))?;
    Ok(Arc::new(Context {
        settings: Arc::clone(settings),
        packs,
        store,
        connector,
        logins: Logins::default(),
        secrets,
        ssh_config: ssh_config(settings)?,
        evaluator: Evaluator::new(this_program()?),
        reporter: Reporter::new(),
        seal_key,
        owner: owner_name(),
        now,
    }))
}

/// The OpenSSH client configuration, if the settings name one.
fn ssh_config(settings: &Settings) -> Result<Option<SshFile>> {
    let Some(path) = &settings.ssh.ssh_config else {
        return Ok(None);
    };
    let env = Environment {
        home: home()?,
        user: super::app::who(),
    };
    let config = SshConfig::read(path, &env, false)
        .map_err(|error| CliError::failure(error).with_exit(Exit::Usage))?;
    Ok(Some(SshFile { config, env }))
}

/// Makes sessions over the network.
fn connector(settings: &Settings) -> Result<SshConnector> {
    let known_hosts = match &settings.ssh.known_hosts {
        Some(path) => path.clone(),
        None => home()?.join(".ssh/known_hosts"),
    };
    let policy = match settings.ssh.host_keys {
        HostKeys::Strict => HostKeyPolicy::Strict,
        HostKeys::AcceptNew => HostKeyPolicy::AcceptNew,
    };
    let connector = SshConnector::new(vec![known_hosts], policy);
    Ok(match &settings.ssh.session_log {
        Some(folder) => connector.with_session_logs(folder.clone()),
        None => connector,
    })
}

/// The user's home folder.
pub(crate) fn home() -> Result<PathBuf> {
    let home = std::env::var_os("HOME")
        .filter(|home| !home.is_empty())
        .map(PathBuf::from);
    home.ok_or_else(|| {
        CliError::usage("there is no HOME to look for ~/.ssh/known_hosts in")
            .hint("set `ssh.known_hosts` in the settings")
    })
}

/// The devices a command is about: those named, or all of the fleet.
pub(crate) fn selected(fleet: &Fleet, hosts: &[String]) -> Result<Vec<String>> {
    let known: Vec<&str> = fleet.devices.keys().map(String::as_str).collect();
    for host in hosts {
        if !fleet.devices.contains_key(host) {
            let error = CliError::usage(format!(
                "`{host}` is not in the inventory of {}",
                described(&fleet.revision)
            ));
            return Err(match closest(host, known.iter().copied()) {
                Some(meant) => error.hint(format!("did you mean `{meant}`?")),
                None => error.hint("`netkeel inventory` lists the hosts (and mind `--filter`)"),
            });
        }
    }
    let names = if hosts.is_empty() {
        known.into_iter().map(str::to_owned).collect()
    } else {
        hosts.to_vec()
    };
    Ok(names)
}

/// Everything wrong with the selected devices.
pub(crate) fn problems<'a>(fleet: &'a Fleet, names: &'a [String]) -> Vec<&'a Diagnostic> {
    let devices = names.iter().filter_map(|name| fleet.devices.get(name));
    devices.flat_map(|device| &device.problems).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_host_that_is_not_there_is_guessed() {
        let fleet = Fleet {
            revision: Revision {
                id: "0123456789abcdef".into(),
                reference: "main".into(),
                author: String::new(),
                time: Timestamp::UNIX_EPOCH,
                summary: String::new(),
            },
            devices: BTreeMap::from([("edge-1".to_owned(), Default::default())]),
            rules: Arc::default(),
            warnings: Vec::new(),
        };
        assert_eq!(selected(&fleet, &[]).unwrap(), ["edge-1"]);
        let error = selected(&fleet, &["egde-1".into()]).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(
            error.text().contains("did you mean `edge-1`?"),
            "{}",
            error.text()
        );
    }
}
