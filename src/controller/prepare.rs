//! One revision's files -> one prepared device each: inventory, rendering, rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::Context;
use crate::intent::{
    self, Filter, LineOrigin, RenderDevice, RenderLimits, RenderRequest, Variable,
};
use crate::model::{Device, Diagnostic, Event, FileSet, Phase, Revision};
use crate::pack::Pack;
use crate::policy::{self, Rule, Selector};

/// One device of one revision, ready to be compared with what it runs.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    /// The resolved device; `None` when its own inventory entry is wrong.
    pub device: Option<Device>,
    /// Its pack, if the platform is known.
    pub pack: Option<Arc<Pack>>,
    /// Its intended configuration with placeholders; `None` if it has none or it failed.
    pub intended: Option<String>,
    /// Where each line of that came from.
    pub origins: Vec<LineOrigin>,
    /// The variables in each line, if they were asked for.
    pub values: Vec<Vec<Variable>>,
    /// Everything wrong with it.
    pub problems: Vec<Diagnostic>,
}

impl Prepared {
    /// The first thing that keeps this device from being looked at.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.problems
            .iter()
            .find(|problem| problem.level == crate::model::Level::Error)
            .map(ToString::to_string)
    }
}

/// The fleet of one revision.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The revision.
    pub revision: Revision,
    /// By inventory name.
    pub devices: BTreeMap<String, Prepared>,
    /// The rules of its policy packs.
    pub rules: Arc<Vec<Rule>>,
    /// What works but should be changed.
    pub warnings: Vec<Diagnostic>,
}

impl Fleet {
    /// Every error of every device.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.devices
            .values()
            .flat_map(|device| &device.problems)
            .filter(|problem| problem.level == crate::model::Level::Error)
    }
}

/// Loads, filters and renders. A fault of one device stays with that device.
///
/// # Errors
/// Faults that leave no fleet at all: the inventory as a whole, or the policy packs.
pub async fn prepare(
    ctx: &Context,
    revision: Revision,
    files: FileSet,
    filter: &Filter,
) -> Result<Fleet, Vec<Diagnostic>> {
    prepare_as(ctx, revision, files, filter, false).await
}

/// The same, with the variables of each line.
///
/// # Errors
/// As [`prepare`].
pub async fn prepare_traced(
    ctx: &Context,
    revision: Revision,
    files: FileSet,
    filter: &Filter,
) -> Result<Fleet, Vec<Diagnostic>> {
    prepare_as(ctx, revision, files, filter, true).await
}

async fn prepare_as(
    ctx: &Context,
    revision: Revision,
    files: FileSet,
    filter: &Filter,
    traced: bool,
) -> Result<Fleet, Vec<Diagnostic>> {
    let inventory = intent::load(&files)?;
    let rules = policy::load_with(&files, &|text| {
        let filter = Filter::parse(text).map_err(|error| error.to_string())?;
        Ok(Selector::new(move |device| filter.matches(device)))
    })?;
    let mut devices: BTreeMap<String, Prepared> = inventory
        .devices
        .into_iter()
        .filter(|(_, device)| filter.matches(device))
        .map(|(name, device)| (name, with_pack(ctx, device)))
        .collect();
    for (name, problems) in inventory.broken {
        devices.insert(
            name,
            Prepared {
                problems,
                ..Prepared::default()
            },
        );
    }
    render(ctx, files, &mut devices, traced).await;
    let mut warnings = inventory.warnings;
    warnings.extend(rules.iter().flat_map(|rule| rule.warnings.iter().cloned()));
    Ok(Fleet {
        revision,
        devices,
        rules: Arc::new(rules),
        warnings,
    })
}

fn with_pack(ctx: &Context, device: Device) -> Prepared {
    let (pack, problems) = match ctx.pack(&device) {
        Ok(pack) => (Some(pack), Vec::new()),
        Err(error) => {
            let problem = Diagnostic::error(None, error.to_string())
                .with_hint("set `platform` in the inventory");
            (None, vec![problem])
        }
    };
    Prepared {
        device: Some(device),
        pack,
        problems,
        ..Prepared::default()
    }
}

/// All devices of one fleet in one request, in a child process.
async fn render(
    ctx: &Context,
    files: FileSet,
    devices: &mut BTreeMap<String, Prepared>,
    traced: bool,
) {
    let mut batch: Vec<RenderDevice> = devices
        .values()
        .filter_map(|prepared| prepared.device.as_ref().and_then(RenderDevice::of))
        .collect();
    if batch.is_empty() {
        return;
    }
    if traced {
        let mut places = intent::places(&files, |name| devices.contains_key(name));
        for device in &mut batch {
            device.places = places.remove(&device.name);
        }
    }
    let started = tokio::time::Instant::now();
    let request = RenderRequest {
        files,
        devices: batch,
        limits: limits(ctx),
    };
    for rendered in ctx.evaluator.render(request).await.devices {
        if let Some(prepared) = devices.get_mut(&rendered.name) {
            prepared.intended = rendered.text;
            prepared.origins = rendered.origins;
            prepared.values = rendered.values;
            prepared.problems.extend(rendered.diagnostics);
        }
    }
    ctx.reporter.emit(&Event::PhaseDone {
        phase: Phase::Render,
        took: started.elapsed(),
    });
}

fn limits(ctx: &Context) -> RenderLimits {
    let settings = &ctx.settings.rendering;
    RenderLimits {
        memory: settings.memory,
        cpu_seconds: settings.cpu.as_secs().max(1),
        wall_seconds: settings.wall.as_secs().max(1),
        fuel: settings.fuel,
        max_output: settings.max_output,
    }
}
