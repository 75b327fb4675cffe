//! The names that releases are sorted by: application, channel, platform, kind (formats §1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A name breaks the grammar of formats §1.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// Not an application name.
    App {
        /// The text as given.
        found: String,
    },
    /// Not a channel name.
    Channel {
        /// The text as given.
        found: String,
    },
    /// Not a platform name.
    Platform {
        /// The text as given.
        found: String,
    },
    /// A kind this version does not know.
    Kind {
        /// The text as given.
        found: String,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App { found } => {
                write!(f, "{found:?} is no application name ([a-z0-9][a-z0-9.-]{{0,63}})")
            }
            Self::Channel { found } => write!(f, "{found:?} is no channel name ([a-z0-9]{{1,16}})"),
            Self::Platform { found } => {
                write!(f, "{found:?} is no platform (OS-ARCH, each [a-z0-9_]{{1,16}})")
            }
            Self::Kind { found } => write!(f, "{found:?} is no known kind of release"),
        }
    }
}

impl std::error::Error for NameError {}

/// Text conversions shared by all names: `FromStr` is the one constructor.
macro_rules! text_form {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

/// An application's name, `[a-z0-9][a-z0-9.-]{0,63}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct App(String);

impl App {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for App {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let starts_well = text.bytes().next().is_some_and(is_lower_or_digit);
        let goes_on_well = text.bytes().all(|b| is_lower_or_digit(b) || b == b'.' || b == b'-');
        if starts_well && goes_on_well && text.len() <= 64 {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::App { found: text.to_owned() })
        }
    }
}

text_form!(App);

/// A channel's name, `[a-z0-9]{1,16}` but not `rollout`, whose paths the role of that name has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel(String);

impl Channel {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Channel {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = (1..=16).contains(&text.len()) && text.bytes().all(is_lower_or_digit);
        if plain && text != "rollout" {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::Channel { found: text.to_owned() })
        }
    }
}

text_form!(Channel);

/// Operating system and processor, `OS-ARCH`, each `[a-z0-9_]{1,16}`.
///
/// ```
/// use exuvia_core::names::Platform;
/// let platform = Platform::new("linux", "x86_64")?;
/// assert_eq!((platform.as_str(), platform.os()), ("linux-x86_64", "linux"));
/// # Ok::<(), exuvia_core::names::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform(String);

impl Platform {
    /// A platform of its two parts.
    ///
    /// # Errors
    /// A part is empty, too long or has other characters than `[a-z0-9_]`.
    pub fn new(os: &str, arch: &str) -> Result<Self, NameError> {
        format!("{os}-{arch}").parse()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The operating system.
    pub fn os(&self) -> &str {
        self.0.split_once('-').map_or("", |(os, _)| os)
    }

    /// The processor architecture.
    pub fn arch(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, arch)| arch)
    }
}

impl FromStr for Platform {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let part = |part: &str| {
            (1..=16).contains(&part.len())
                && part.bytes().all(|b| is_lower_or_digit(b) || b == b'_')
        };
        match text.split_once('-') {
            Some((os, arch)) if part(os) && part(arch) => Ok(Self(text.to_owned())),
            _ => Err(NameError::Platform { found: text.to_owned() }),
        }
    }
}

text_form!(Platform);

/// What shape an installed application has; only releases of the installed kind are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A folder of files.
    Folder,
    /// A single executable file.
    Exe,
    /// An AppImage.
    AppImage,
    /// A macOS application bundle.
    App,
    /// A Debian package.
    Deb,
    /// An RPM package.
    Rpm,
    /// A Windows Installer package.
    Msi,
    /// An NSIS installer.
    Nsis,
}

impl Kind {
    /// Every kind, in the order of formats §1.
    pub const ALL: [Self; 8] = [
        Self::Folder,
        Self::Exe,
        Self::AppImage,
        Self::App,
        Self::Deb,
        Self::Rpm,
        Self::Msi,
        Self::Nsis,
    ];

    /// The name as text.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Exe => "exe",
            Self::AppImage => "appimage",
            Self::App => "app",
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Msi => "msi",
            Self::Nsis => "nsis",
        }
    }
}

impl FromStr for Kind {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| NameError::Kind { found: text.to_owned() })
    }
}

text_form!(Kind);

fn is_lower_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_follow_the_grammar() {
        for good in ["notes", "org.example.notes", "0", "a-b.c-", &"a".repeat(64)] {
            assert_eq!(good.parse::<App>().unwrap().as_str(), good);
        }
        for bad in ["", ".a", "-a", "Notes", "a b", "a/b", "é", &"a".repeat(65)] {
            assert!(bad.parse::<App>().is_err(), "{bad}");
        }
    }

    #[test]
    fn channels_follow_the_grammar() {
        for good in ["stable", "beta2", &"c".repeat(16)] {
            assert_eq!(good.parse::<Channel>().unwrap().as_str(), good);
        }
        for bad in ["", "a-b", "Stable", "a.b", "rollout", &"c".repeat(17)] {
            assert!(bad.parse::<Channel>().is_err(), "{bad}");
        }
    }

    #[test]
    fn platforms_follow_the_grammar() {
        let platform: Platform = "linux-x86_64".parse().unwrap();
        assert_eq!((platform.os(), platform.arch()), ("linux", "x86_64"));
        for bad in
            ["", "linux", "-x", "linux-", "linux-x86-64", "Linux-x86", "linux-abcdefghijklmnopq"]
        {
            assert!(bad.parse::<Platform>().is_err(), "{bad}");
        }
    }

    #[test]
    fn kinds_are_a_closed_list() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("flatpak".parse::<Kind>().is_err());
        assert_eq!(serde_json::to_string(&Kind::AppImage).unwrap(), "\"appimage\"");
    }
}
