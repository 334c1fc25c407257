//! Logging in: every credential is offered at most once per connection, because accounts
//! get locked.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use russh::client::{AuthResult, Handle, Handler, KeyboardInteractiveAuthResponse};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, load_secret_key};
use russh::{MethodKind, MethodSet};

use crate::device::{DeviceError, Login};
use crate::model::SecretText;

/// Rounds of keyboard-interactive: one question, and the empty rounds servers like to add.
const ROUNDS: usize = 4;

/// Private keys, decrypted once: the key derivation of an encrypted one takes a tenth of a
/// second on purpose.
#[derive(Debug, Default)]
pub struct Keys(Mutex<BTreeMap<PathBuf, Cached>>);

/// Tells whether a key file has changed: inode, size, time of change.
type Stamp = (u64, u64, i64, i64);

#[derive(Debug)]
struct Cached {
    stamp: Stamp,
    passphrase: Option<SecretText>,
    key: Arc<PrivateKey>,
}

impl Keys {
    async fn load(
        &self,
        path: &Path,
        passphrase: Option<&SecretText>,
    ) -> Result<Arc<PrivateKey>, russh::keys::Error> {
        let meta = std::fs::metadata(path)?;
        let stamp = (meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec());
        if let Some(cached) = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(path)
            && cached.stamp == stamp
            && cached.passphrase.as_ref() == passphrase
        {
            return Ok(Arc::clone(&cached.key));
        }
        let (file, words) = (path.to_owned(), passphrase.cloned());
        let loaded = tokio::task::spawn_blocking(move || {
            load_secret_key(file, words.as_ref().map(SecretText::expose))
        });
        let key = Arc::new(loaded.await.map_err(io::Error::other)??);
        let cached = Cached {
            stamp,
            passphrase: passphrase.cloned(),
            key: Arc::clone(&key),
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned(), cached);
        Ok(key)
    }
}

/// What one method came to.
enum Tried {
    /// Logged in.
    In,
    /// Accepted, and another method is wanted as well.
    Partly,
    /// Refused; what the server would still take.
    Refused(MethodSet),
}

/// Logs in: the key first, then the password, by whichever of its two methods the server has.
///
/// # Errors
/// `Auth` when the server refuses (or closes on a credential), `Credential` when there is
/// nothing to offer.
pub(super) async fn log_in<H: Handler>(
    handle: &mut Handle<H>,
    device: &str,
    login: &Login,
    keys: &Keys,
) -> Result<(), DeviceError> {
    if login.key_file.is_none() && login.password.is_none() {
        return Err(DeviceError::Credential {
            device: device.to_owned(),
            what: "no password and no key is given".to_owned(),
            source: Box::new(io::Error::from(io::ErrorKind::NotFound)),
        });
    }
    if let Some(path) = &login.key_file {
        let key = keys
            .load(path, login.key_passphrase.as_ref())
            .await
            .map_err(|source| DeviceError::Credential {
                device: device.to_owned(),
                what: format!("private key {}", path.display()),
                source: Box::new(source),
            })?;
        if matches!(by_key(handle, login, key).await?, Tried::In) {
            return Ok(());
        }
    }
    let logged_in = match &login.password {
        Some(password) => with_password(handle, login, password).await?,
        None => false,
    };
    if logged_in {
        return Ok(());
    }
    Err(Refusal.into_error(device, login))
}

/// The password, by whichever of the two methods the server knows.
async fn with_password<H: Handler>(
    handle: &mut Handle<H>,
    login: &Login,
    password: &SecretText,
) -> Result<bool, DeviceError> {
    match by_password(handle, login, password).await? {
        Tried::In => Ok(true),
        // The server has not looked at the password: it does not know the method.
        Tried::Refused(left)
            if !left.contains(&MethodKind::Password)
                && left.contains(&MethodKind::KeyboardInteractive) =>
        {
            by_question(handle, login, password).await
        }
        Tried::Refused(_) | Tried::Partly => Ok(false),
    }
}

/// A refused login. A connection closed on a credential counts as one: to try again could be
/// the attempt that locks the account.
struct Refusal;

impl Refusal {
    fn into_error(self, device: &str, login: &Login) -> DeviceError {
        DeviceError::Auth {
            device: device.to_owned(),
            username: login.username.clone(),
        }
    }
}

fn tried(result: Result<AuthResult, russh::Error>) -> Tried {
    match result {
        Ok(AuthResult::Success) => Tried::In,
        Ok(AuthResult::Failure {
            partial_success: true,
            ..
        }) => Tried::Partly,
        Ok(AuthResult::Failure {
            remaining_methods, ..
        }) => Tried::Refused(remaining_methods),
        Err(_) => Tried::Refused(MethodSet::empty()),
    }
}

async fn by_key<H: Handler>(
    handle: &mut Handle<H>,
    login: &Login,
    key: Arc<PrivateKey>,
) -> Result<Tried, DeviceError> {
    let hash = if key.algorithm().is_rsa() {
        // A server that does not say is tried with SHA-256, which all since 2018 know.
        let said = handle.best_supported_rsa_hash().await.ok().flatten();
        said.unwrap_or(Some(russh::keys::HashAlg::Sha256))
    } else {
        None
    };
    let key = PrivateKeyWithHashAlg::new(key, hash);
    Ok(tried(
        handle.authenticate_publickey(&login.username, key).await,
    ))
}

async fn by_password<H: Handler>(
    handle: &mut Handle<H>,
    login: &Login,
    password: &SecretText,
) -> Result<Tried, DeviceError> {
    let result = handle
        .authenticate_password(&login.username, password.expose())
        .await;
    Ok(tried(result))
}

/// Keyboard-interactive: the first hidden question gets the password; a second one (a token,
/// or the same again) has no answer.
async fn by_question<H: Handler>(
    handle: &mut Handle<H>,
    login: &Login,
    password: &SecretText,
) -> Result<bool, DeviceError> {
    let mut password = Some(password);
    let mut said = handle
        .authenticate_keyboard_interactive_start(&login.username, None::<String>)
        .await;
    for _ in 0..ROUNDS {
        let prompts = match said {
            Ok(KeyboardInteractiveAuthResponse::Success) => return Ok(true),
            Ok(KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. }) => prompts,
            Ok(KeyboardInteractiveAuthResponse::Failure { .. }) | Err(_) => return Ok(false),
        };
        let answers = match (prompts.as_slice(), password) {
            ([], _) => Vec::new(),
            ([one], Some(secret)) if !one.echo => {
                password = None;
                vec![secret.expose().to_owned()]
            }
            _ => return Ok(false),
        };
        said = handle
            .authenticate_keyboard_interactive_respond(answers)
            .await;
    }
    Ok(false)
}
