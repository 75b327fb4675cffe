//! The layout record: what "installed" means for this installation. Stored once, never guessed.

use crate::data::DataHooks;
use crate::journal::path_text;
use crate::policy::{Health, Qualify};
use crate::record::Record;
use exuvia_bundle::RelPath;
use exuvia_core::{App, Channel, Kind, Platform};
use serde::{Deserialize, Serialize};

/// What is installed and how (formats §7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Layout {
    /// Where the parts of the installation lie.
    pub shape: Shape,
    /// The application.
    pub app: App,
    /// The channel it follows.
    pub channel: Channel,
    /// The platform its releases are made for.
    pub platform: Platform,
    /// The only kind of release that is taken.
    pub kind: Kind,
    /// The program inside the tree: what the launcher starts when the journal cannot be read.
    pub executable: RelPath,
    /// When a new version counts as healthy.
    pub health: Health,
    /// How a new version shows that it starts.
    pub qualify: Qualify,
    /// How the application looks after its user's data.
    pub data: DataHooks,
}

/// Where the parts of an installation lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `APP/LAUNCHER`, `APP/current`, `APP/versions/…`, `APP/.exuvia/`.
    Versioned {
        /// File name of the launcher.
        launcher: String,
    },
    /// One fixed path, with its state in the sibling `.NAME.exuvia/`.
    InPlace {
        /// What stands at the path.
        shape: InPlaceShape,
        /// File name of the path.
        name: String,
    },
}

/// What stands at the fixed path of an in-place installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InPlaceShape {
    /// A folder.
    Folder,
    /// A single executable file.
    File,
}

/// A layout that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The name of launcher or path is not a plain file name, or one that the layout itself uses.
    #[error("`{name}` cannot be the file name of an application here")]
    Name {
        /// The refused name.
        name: String,
    },
    /// `layout` and the fields beside it do not fit together.
    #[error("the fields of the layout do not fit together")]
    Fields,
}

impl Layout {
    /// The layout, if its names are plain file names.
    ///
    /// # Errors
    /// [`LayoutError::Name`].
    pub fn checked(self) -> Result<Layout, LayoutError> {
        let (name, reserved): (_, &[&str]) = match &self.shape {
            Shape::Versioned { launcher } => (launcher, &["current", "versions", ".exuvia"]),
            Shape::InPlace { name, .. } => (name, &[]),
        };
        let plain = !name.is_empty()
            && name.len() <= MAX_NAME
            && name != "."
            && name != ".."
            && !name.contains(['/', '\\', '\0']);
        if !plain || reserved.contains(&name.as_str()) {
            return Err(LayoutError::Name { name: name.clone() });
        }
        Ok(self)
    }
}

impl Record for Layout {
    const NAME: &'static str = "exuvia-layout";
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    layout: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shape: Option<InPlaceShape>,
    app: App,
    channel: Channel,
    platform: Platform,
    kind: Kind,
    #[serde(with = "path_text")]
    executable: RelPath,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    launcher: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    health: Health,
    qualify: Qualify,
    #[serde(default, skip_serializing_if = "DataHooks::is_empty")]
    data: DataHooks,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Versioned,
    InPlace,
}

impl TryFrom<Raw> for Layout {
    type Error = LayoutError;

    fn try_from(raw: Raw) -> Result<Layout, LayoutError> {
        let shape = match (raw.layout, raw.shape, raw.launcher, raw.name) {
            (Word::Versioned, None, Some(launcher), None) => Shape::Versioned { launcher },
            (Word::InPlace, Some(shape), None, Some(name)) => Shape::InPlace { shape, name },
            _ => return Err(LayoutError::Fields),
        };
        let Raw { app, channel, platform, kind, executable, health, qualify, data, .. } = raw;
        Layout { shape, app, channel, platform, kind, executable, health, qualify, data }.checked()
    }
}

impl From<Layout> for Raw {
    fn from(layout: Layout) -> Raw {
        let Layout { shape, app, channel, platform, kind, executable, health, qualify, data } =
            layout;
        let (layout, shape, launcher, name) = match shape {
            Shape::Versioned { launcher } => (Word::Versioned, None, Some(launcher), None),
            Shape::InPlace { shape, name } => (Word::InPlace, Some(shape), None, Some(name)),
        };
        Raw {
            layout,
            shape,
            app,
            channel,
            platform,
            kind,
            executable,
            launcher,
            name,
            health,
            qualify,
            data,
        }
    }
}

/// Leaves room for the dots and `.exuvia` of the sibling within 255 bytes.
const MAX_NAME: usize = 200;
