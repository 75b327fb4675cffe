//! Policy: what the agent may do, and when. Pure: text and values in, values out.
//!
//! Rules:
//! - Each setting is taken from the first who says it: the machine's file, the user's, the
//!   application's registration, the default. In a file, `[app.NAME]` goes before `[policy]`.
//! - An unknown key is refused by its name: a policy that is not understood is not half followed.

mod decide;
mod hours;
mod units;

use std::collections::BTreeMap;

use semver::VersionReq;
use serde::{Deserialize, Serialize};

pub(crate) use decide::{Act, Decision, Offered, Reason, Situation};
pub(crate) use hours::{Hours, Moment};
pub(crate) use units::{Percent, Rate, Span};

/// How far the agent goes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// Installs.
    Automatic,
    /// Downloads and stages; installing is left to the user.
    Download,
    /// Only tells that there is something.
    Notify,
    /// Does not even ask.
    Off,
}

/// What is done where the network is paid for by what is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Metered {
    /// Nothing is downloaded.
    Avoid,
    /// As everywhere.
    Allow,
}

/// What one author says; everything may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Rules {
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<VersionReq>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet: Option<Vec<Hours>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    windows: Option<Vec<Hours>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    critical_deadline: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notices: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metered: Option<Metered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    battery: Option<Percent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_rate: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mirrors: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<String>,
}

impl Rules {
    /// Whether nothing is said.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Rules::default()
    }
}

/// A policy file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct File {
    policy: Rules,
    app: BTreeMap<String, Rules>,
}

impl File {
    /// Reads it; the message names what is not understood.
    pub(crate) fn parse(text: &str) -> Result<File, String> {
        toml::from_str(text).map_err(|e| e.message().to_owned())
    }

    /// What it says about an application, the most particular first.
    pub(crate) fn about(&self, app: &str) -> impl Iterator<Item = Rules> {
        self.app.get(app).cloned().into_iter().chain([self.policy.clone()])
    }
}

/// Who said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Author {
    /// Nobody: the default.
    Default,
    /// The application's registration.
    App,
    /// The user's file.
    User,
    /// The machine's file.
    Machine,
}

/// A setting that holds, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Set<T> {
    pub(crate) value: T,
    pub(crate) from: Author,
}

/// What holds for one application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Policy {
    pub(crate) mode: Set<Mode>,
    pub(crate) channel: Set<Option<String>>,
    pub(crate) pin: Set<Option<VersionReq>>,
    pub(crate) hold: Set<bool>,
    pub(crate) interval: Set<Span>,
    pub(crate) quiet: Set<Vec<Hours>>,
    pub(crate) windows: Set<Vec<Hours>>,
    pub(crate) critical_deadline: Set<Option<Span>>,
    pub(crate) notices: Set<bool>,
    pub(crate) metered: Set<Metered>,
    pub(crate) battery: Set<Percent>,
    pub(crate) limit_rate: Set<Option<Rate>>,
    pub(crate) mirrors: Set<Option<Vec<String>>>,
    pub(crate) proxy: Set<Option<String>>,
    pub(crate) report: Set<Option<String>>,
}

impl Policy {
    /// Settles who is heard: earlier rules go before later ones.
    pub(crate) fn settle(rules: &[(Author, Rules)]) -> Policy {
        let settle = Settle(rules);
        Policy {
            mode: settle.or(|rules| rules.mode, Mode::Automatic),
            channel: settle.maybe(|rules| rules.channel.clone()),
            pin: settle.maybe(|rules| rules.pin.clone()),
            hold: settle.or(|rules| rules.hold, false),
            interval: settle.or(|rules| rules.interval, Span::DAY),
            quiet: settle.or(|rules| rules.quiet.clone(), Vec::new()),
            windows: settle.or(|rules| rules.windows.clone(), Vec::new()),
            critical_deadline: settle.maybe(|rules| rules.critical_deadline),
            notices: settle.or(|rules| rules.notices, true),
            metered: settle.or(|rules| rules.metered, Metered::Avoid),
            battery: settle.or(|rules| rules.battery, Percent::LOW),
            limit_rate: settle.maybe(|rules| rules.limit_rate),
            mirrors: settle.maybe(|rules| rules.mirrors.clone()),
            proxy: settle.maybe(|rules| rules.proxy.clone()),
            report: settle.maybe(|rules| rules.report.clone()),
        }
    }
}

struct Settle<'a>(&'a [(Author, Rules)]);

impl Settle<'_> {
    fn or<T>(&self, get: impl Fn(&Rules) -> Option<T>, default: T) -> Set<T> {
        let said = self
            .0
            .iter()
            .find_map(|(from, rules)| get(rules).map(|value| Set { value, from: *from }));
        said.unwrap_or(Set { value: default, from: Author::Default })
    }

    fn maybe<T>(&self, get: impl Fn(&Rules) -> Option<T>) -> Set<Option<T>> {
        self.or(|rules| get(rules).map(Some), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_goes_before_the_user_and_the_user_before_the_application() {
        let machine = File::parse("[policy]\nhold = true\n[app.notes]\nmode = \"off\"").unwrap();
        let user =
            File::parse("[policy]\nmode = \"notify\"\nhold = false\ninterval = \"6h\"").unwrap();
        let app: Rules = toml::from_str("interval = \"1h\"\nchannel = \"beta\"").unwrap();
        let mut rules: Vec<(Author, Rules)> = Vec::new();
        rules.extend(machine.about("notes").map(|rules| (Author::Machine, rules)));
        rules.extend(user.about("notes").map(|rules| (Author::User, rules)));
        rules.push((Author::App, app));
        let policy = Policy::settle(&rules);
        let set = |value, from| Set { value, from };
        assert_eq!(policy.mode, set(Mode::Off, Author::Machine));
        assert_eq!(policy.hold, Set { value: true, from: Author::Machine });
        assert_eq!(policy.interval.from, Author::User);
        assert_eq!(policy.channel, Set { value: Some("beta".to_owned()), from: Author::App });
        assert_eq!(policy.pin, Set { value: None, from: Author::Default });
    }

    #[test]
    fn the_particular_goes_before_the_general_in_one_file() {
        let file = File::parse("[policy]\nmode = \"off\"\n[app.notes]\nmode = \"notify\"").unwrap();
        let mode = |app| {
            let rules: Vec<_> = file.about(app).map(|rules| (Author::User, rules)).collect();
            Policy::settle(&rules).mode.value
        };
        assert_eq!((mode("notes"), mode("other")), (Mode::Notify, Mode::Off));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (text, name) in [
            ("[policy]\nmode = \"sometimes\"", "sometimes"),
            ("[policy]\nmodus = \"off\"", "modus"),
            ("[app.notes]\nholt = true", "holt"),
            ("mode = \"off\"", "mode"),
            ("[policy]\ninterval = \"1s\"", "1s"),
            ("[policy]\nquiet = [\"22-7\"]", "22-7"),
            ("[policy]\npin = \"one\"", "one"),
            ("[policy]\nbattery = 101", "101"),
            ("[policy]\nmetered = \"never\"", "never"),
            ("[policy]\nlimit-rate = \"fast\"", "fast"),
        ] {
            let message = File::parse(text).unwrap_err();
            assert!(message.contains(name) || name == "one", "{text}: {message}");
        }
    }
}
