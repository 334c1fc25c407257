//! Several refused logins in a row on one credential stop all logins with it, so that
//! nobody's account gets locked by us.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::context::Context;
use crate::device::{Connector, DeviceError, Session, Target};
use crate::model::{Credential, Device, Store, StoreError};

/// Store key of the counters, so that a restart does not forget them.
const META: &str = "refused_logins";
/// Counting is read and write; workers of this process take turns.
static COUNTING: Mutex<()> = Mutex::new(());

/// Makes the sessions of one device's change: every login counts, and none is tried with a
/// credential that is stopped.
pub(super) struct Counted<'a> {
    ctx: &'a Context,
    credential: String,
}

impl<'a> Counted<'a> {
    pub(super) fn new(ctx: &'a Context, credential: String) -> Self {
        Self { ctx, credential }
    }
}

#[async_trait]
impl Connector for Counted<'_> {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Session>, DeviceError> {
        if let Some(why) = stopped(self.ctx, &self.credential).await {
            return Err(DeviceError::Credential {
                device: target.device.clone(),
                what: "stopped".to_owned(),
                source: why.into(),
            });
        }
        let connected = self.ctx.connector.connect(target).await;
        let refused = matches!(&connected, Err(DeviceError::Auth { .. }));
        note(self.ctx, &self.credential, refused, connected.is_ok()).await;
        connected
    }
}

/// Names a credential without showing it: the user, and where the secret comes from.
pub(super) fn id(target: &Target, device: &Device) -> String {
    let from = match (&device.password, &target.login.key_file) {
        (_, Some(file)) => format!("key {}", file.display()),
        (Some(Credential::Named(name)), None) => format!("secret:{name}"),
        (Some(Credential::Plain(_)), None) => format!("password of {}", device.name),
        (None, None) => "agent".to_owned(),
    };
    format!("{} with {from}", target.login.username)
}

/// Why a credential is not used any more, if it is not.
pub(super) async fn stopped(ctx: &Context, credential: &str) -> Option<String> {
    let limit = ctx.settings.rails.refused_logins;
    let counts = ctx.store(|store| Ok(read(store))).await.ok()?;
    let refused = counts.get(credential).copied().unwrap_or(0);
    (refused >= limit).then(|| {
        format!(
            "no more logins as {credential}: refused {refused} times in a row (after mending \
             it: `netkeel release` any of its devices)"
        )
    })
}

/// Counts a refused login; a good one starts again at nought.
async fn note(ctx: &Context, credential: &str, refused: bool, good: bool) {
    if !refused && !good {
        return;
    }
    let credential = credential.to_owned();
    // a counter that cannot be kept must not keep us from looking; the device is held anyway
    drop(
        ctx.store(move |store| count(store, &credential, refused))
            .await,
    );
}

fn count(store: &dyn Store, credential: &str, refused: bool) -> Result<(), StoreError> {
    let _turn = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut counts = read(store);
    if refused {
        *counts.entry(credential.to_owned()).or_insert(0) += 1;
    } else if counts.remove(credential).is_none() {
        return Ok(());
    }
    let text = serde_json::to_string(&counts).unwrap_or_default();
    store.set_meta(META, &text)
}

/// Forgets all refusals: a person has looked (`netkeel release`).
///
/// # Errors
/// The store's.
pub fn forget(store: &dyn Store) -> Result<(), StoreError> {
    store.set_meta(META, "{}")
}

fn read(store: &dyn Store) -> BTreeMap<String, usize> {
    store
        .get_meta(META)
        .ok()
        .flatten()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}
