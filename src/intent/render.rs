//! Rendering: one call over a serialisable request and response.

use serde::{Deserialize, Serialize};

use super::engine::Renderer;
use super::places::Places;
use crate::model::{Credential, Data, Device, Diagnostic, FileSet, IntentSource, Position};

/// What a rendering may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderLimits {
    /// Address space of the child, in bytes.
    pub memory: u64,
    /// CPU seconds of the child.
    pub cpu_seconds: u64,
    /// Wall-clock seconds per device.
    pub wall_seconds: u64,
    /// minijinja fuel per device.
    pub fuel: u64,
    /// Largest rendered text, in bytes.
    pub max_output: u64,
}

impl Default for RenderLimits {
    /// Room for large devices, none for bombs.
    fn default() -> Self {
        Self {
            memory: 512 << 20,
            cpu_seconds: 60,
            wall_seconds: 30,
            fuel: 50_000_000,
            max_output: 16 << 20,
        }
    }
}

/// One device to render.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RenderDevice {
    /// Inventory name.
    pub name: String,
    /// Template or plain file.
    pub source: IntentSource,
    /// The `host` object of the template.
    pub host: Data,
    /// Resolved data; its keys are bare names in the template.
    pub data: Data,
    /// Where all of it was written, if variables are to be traced.
    #[serde(default)]
    pub places: Option<Places>,
}

impl RenderDevice {
    /// What a template may see of a device; `None` if it has no intent.
    #[must_use]
    pub fn of(device: &Device) -> Option<Self> {
        Some(Self {
            name: device.name.clone(),
            source: device.keel.intent.clone()?,
            host: host_fields(device),
            data: device.data.clone(),
            places: None,
        })
    }
}

/// The fields of `host`. A plain password stays behind: no secret value enters the child.
fn host_fields(device: &Device) -> Data {
    let text = |s: &str| Data::Text(s.to_owned());
    let maybe = |s: &Option<String>| s.as_deref().map_or(Data::Null, text);
    let names = |list: &[String]| Data::List(list.iter().map(|g| text(g)).collect());
    let password = match &device.password {
        Some(Credential::Named(name)) => Data::Text(format!("secret:{name}")),
        Some(Credential::Plain(_)) | None => Data::Null,
    };
    let fields = [
        ("name", text(&device.name)),
        ("hostname", maybe(&device.hostname)),
        (
            "port",
            device.port.map_or(Data::Null, |p| Data::Int(p.into())),
        ),
        ("username", maybe(&device.username)),
        ("password", password),
        ("platform", maybe(&device.platform)),
        ("groups", names(&device.groups)),
        ("all_groups", names(&device.all_groups)),
    ];
    Data::Map(fields.map(|(k, v)| (text(k), v)).to_vec())
}

/// Files and a batch of devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RenderRequest {
    /// The revision's files.
    pub files: FileSet,
    /// The batch.
    pub devices: Vec<RenderDevice>,
    /// What it may use.
    pub limits: RenderLimits,
}

/// Where one line of a rendered text came from: innermost (the text itself) last.
pub type LineOrigin = Vec<Position>;

/// A variable of the inventory that a line is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Variable {
    /// How a template reaches it: `vlans[10].name`, `host.name`.
    pub name: String,
    /// Where its value was written.
    pub at: Position,
}

/// One rendered device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rendered {
    /// Inventory name.
    pub name: String,
    /// The text; `None` when there is an error among the diagnostics.
    pub text: Option<String>,
    /// One chain per line of the text.
    pub origins: Vec<LineOrigin>,
    /// The variables in each line, if they were asked for. What is not known for certain is
    /// left out.
    pub values: Vec<Vec<Variable>>,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

/// The answer to a request, in its order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RenderResponse {
    /// One per device asked for.
    pub devices: Vec<Rendered>,
}

/// Renders one device. Pure, but may exhaust memory on hostile input: call it only in the
/// evaluator's child. Many devices of one revision share compiled templates in a
/// [`Renderer`].
#[must_use]
pub fn render_device(files: &FileSet, device: &RenderDevice, limits: &RenderLimits) -> Rendered {
    Renderer::new(files.clone(), limits.clone()).render(device)
}
