//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use exuvia::Kind;
use semver::Version;

use crate::network::Network;
use crate::places::Places;
use crate::service;

/// Installs applications and keeps them up to date: verified, atomic, and able to go back.
#[derive(Debug, Parser)]
#[command(name = "exuvia-agent", version)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: Options,
    /// Print one JSON object on standard output instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Fetch for this application, as somebody without rights, for who asks on standard input.
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    pub(crate) fetcher: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which application, and where.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// A registered application, in place of --config and --install.
    #[arg(long, global = true, value_name = "NAME", conflicts_with_all = ["config", "install"])]
    pub(crate) app: Option<String>,
    /// The application's exuvia.json.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The application's directory (or its single file).
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) install: Option<PathBuf>,
    /// Use this mirror in place of those in exuvia.json; may be repeated. The root of trust stays.
    #[arg(long = "mirror", global = true, value_name = "URL")]
    pub(crate) mirrors: Vec<String>,
    /// After each round, write this file for node_exporter's textfile collector (name it *.prom).
    #[arg(long, global = true, value_name = "FILE", env = "EXUVIA_METRICS")]
    pub(crate) metrics: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) places: Places,
    #[command(flatten)]
    pub(crate) network: Network,
}

impl Options {
    /// Whether no application is named.
    pub(crate) fn is_about_all(&self) -> bool {
        self.app.is_none() && self.config.is_none() && self.install.is_none()
    }

    /// The same for a registered application.
    pub(crate) fn of(&self, name: &str) -> Options {
        Options { app: Some(name.to_owned()), ..self.clone() }
    }
}

/// What may be offered.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Wanted {
    /// Also offer a version that failed here or was rolled back.
    #[arg(long)]
    pub(crate) even_if_failed: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    About(About),
    /// Look after an application from now on: the one that --config and --install name.
    Register {
        /// What to call it; by default as exuvia.json does.
        #[arg(long)]
        name: Option<String>,
    },
    /// Look after an application no more; it stays installed.
    Unregister {
        /// What it is called.
        name: String,
    },
    /// Look after every registered application that is due, once: for timers. With --app, after one.
    Once {
        /// Also those that are not due yet.
        #[arg(long)]
        now: bool,
        /// Also those that failed for want of a network, which is there now.
        #[arg(long)]
        network_up: bool,
    },
    /// Look after registered applications whenever they are due, without end.
    Run {
        /// One round of it, in a process of its own.
        #[arg(long, hide = true, value_enum)]
        round: Option<Round>,
    },
    /// Answer the programs of this machine's users, on a socket: the agent of the machine.
    Serve {
        /// Where to listen; not heeded where standard input is a socket that listens already.
        #[arg(long, value_name = "PATH", default_value = exuvia::socket::PATH)]
        socket: PathBuf,
        /// What somebody asked for, in a process of its own.
        #[arg(long, hide = true, value_enum)]
        round: Option<Work>,
    },
    /// Ask the agent of the machine something about an application.
    Ask {
        /// What: status, check, update, started, healthy, ended or stopped.
        ask: String,
        /// The name by which it is registered for the machine.
        application: String,
    },
    /// Have the system start the agent: for this user, or with --system for the machine.
    InstallService {
        /// What starts it; by default a systemd timer, or the desktop session where there is none.
        #[arg(long, value_enum)]
        kind: Option<service::Kind>,
        /// Only print the files.
        #[arg(long, value_enum, value_name = "KIND", conflicts_with = "kind")]
        print: Option<service::Kind>,
    },
    /// Take back what install-service did; nothing of it is left.
    UninstallService,
    /// Tell what the policy is, and who says so; with --app, for one application.
    Policy,
}

/// Which applications a round is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Round {
    /// Those that are due.
    Due,
    /// Also those that failed, since the network came back.
    NetworkUp,
}

impl Round {
    /// As the command line has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Round::Due => "due",
            Round::NetworkUp => "network-up",
        }
    }
}

/// What users may have the agent of the machine begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Work {
    /// Ask whether there is something newer.
    Check,
    /// What the policy lets happen by itself.
    Update,
}

impl Work {
    /// As the command line has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Work::Check => "check",
            Work::Update => "update",
        }
    }
}

/// What is done about one application.
#[derive(Debug, Subcommand)]
pub(crate) enum About {
    /// Install the newest release, verified from the root in exuvia.json on.
    Install {
        /// The kind of release, such as folder, exe or appimage; by default what the channel has.
        #[arg(long)]
        kind: Option<Kind>,
        /// How the application lies on the disk; by default folders are versioned, files in place.
        #[arg(long, value_enum)]
        layout: Option<LayoutKind>,
        /// This version in place of the newest.
        #[arg(long)]
        version: Option<Version>,
    },
    /// Remove the application; files that are not its own stay.
    Uninstall,
    /// Ask whether there is an update. Exit code 0: there is one; 3: there is none.
    Check {
        #[command(flatten)]
        wanted: Wanted,
    },
    /// Bring the newest version: download, verify, try, ask, switch.
    Update {
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        wanted: Wanted,
    },
    /// Tell what is installed and in which state; without --install or --app, of all that are registered.
    Status,
    /// Go back to the version before.
    Rollback,
    /// Tell what happened to this installation; without --install or --app, to all registered ones.
    History,
}

/// How an application lies on the disk.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LayoutKind {
    /// DIR/versions/…, DIR/current and a launcher: for folders.
    Versioned,
    /// The path itself is replaced: for single files and folders that must stay where they are.
    InPlace,
}
