//! Parts of a desktop: a bus of its own, a screen that nobody sees, a notification daemon.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A process that ends with the test.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program and reads the first line that it prints.
fn kept(command: &mut Command) -> (Kept, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (Kept(child), line.trim().to_owned())
}

/// A message bus.
pub struct Bus {
    _daemon: Kept,
    address: String,
}

impl Bus {
    /// An empty one.
    pub fn start() -> Bus {
        let mut command = Command::new("dbus-daemon");
        let (daemon, address) = kept(command.args(["--session", "--nofork", "--print-address"]));
        Bus { _daemon: daemon, address }
    }

    /// Where it is found.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// A screen that nobody sees.
struct Screen {
    _server: Kept,
    display: String,
}

impl Screen {
    fn start() -> Screen {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "900x400x24", "-nolisten", "tcp"]);
        let (server, display) = kept(&mut command);
        Screen { _server: server, display: format!(":{display}") }
    }

    /// A program that uses it, and the bus.
    fn command(&self, bus: &Bus, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.display).env_remove("WAYLAND_DISPLAY");
        command.env("DBUS_SESSION_BUS_ADDRESS", bus.address()).env("NO_AT_BRIDGE", "1");
        command
    }

    fn picture(&self, path: &Path) {
        let mut command = Command::new("import");
        command.args(["-display", &self.display, "-window", "root"]).arg(path);
        assert!(command.status().unwrap().success());
    }
}

fn background(command: &mut Command) -> Kept {
    Kept(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "not so: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn words(output: Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}

/// A desktop with dunst, whose menu of actions is answered by a script.
pub struct Desktop {
    _dunst: Kept,
    screen: Screen,
    bus: Bus,
    folder: PathBuf,
}

impl Desktop {
    /// Starts one; its files lie in this folder.
    pub fn start(folder: &Path) -> Desktop {
        std::fs::create_dir_all(folder).unwrap();
        let (bus, screen) = (Bus::start(), Screen::start());
        let (menu, wanted) = (folder.join("menu"), folder.join("wanted"));
        let script = format!("exec grep -m1 -F \"$(cat {})\"", wanted.display());
        crate::processes::write_program(&menu, &script);
        let config = folder.join("dunstrc");
        let text = format!(
            "[global]\nmonitor = 0\nwidth = 500\nheight = 300\nfont = Sans 11\ndmenu = {}\n",
            menu.display()
        );
        std::fs::write(&config, text).unwrap();
        let dunst = background(screen.command(&bus, "dunst").arg("-conf").arg(&config));
        let desktop = Desktop { _dunst: dunst, screen, bus, folder: folder.to_owned() };
        until("dunst answers", || desktop.dunstctl(&["count"]).status.success());
        desktop
    }

    /// The bus of the session.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Speaks to dunst.
    pub fn dunstctl(&self, args: &[&str]) -> Output {
        self.screen.command(&self.bus, "dunstctl").args(args).output().unwrap()
    }

    /// How many notifications are shown or wait.
    pub fn shown(&self) -> usize {
        let count = |which: &&str| words(self.dunstctl(&["count", which])).trim().parse::<usize>();
        ["displayed", "waiting"].iter().map(|which| count(which).unwrap()).sum()
    }

    /// Waits until one notification is shown.
    pub fn wait_for_one(&self) {
        until("a notification is shown", || self.shown() == 1);
    }

    /// Clicks the action of this label.
    pub fn click(&self, label: &str) {
        std::fs::write(self.folder.join("wanted"), label).unwrap();
        assert!(self.dunstctl(&["context"]).status.success());
    }

    /// All that was shown and has gone, as text.
    pub fn history(&self) -> String {
        self.dunstctl(&["close-all"]);
        words(self.dunstctl(&["history"]))
    }

    /// Writes down what is seen.
    pub fn picture(&self, path: &Path) {
        self.screen.picture(path);
    }
}

/// A desktop with xfce4-notifyd, which draws buttons.
pub struct Buttons {
    _daemon: Kept,
    screen: Screen,
    bus: Bus,
}

impl Buttons {
    /// Where Debian has the daemon.
    pub const DAEMON: &'static str = "/usr/lib/x86_64-linux-gnu/xfce4/notifyd/xfce4-notifyd";

    /// Starts one; its files lie in this folder.
    pub fn start(folder: &Path) -> Buttons {
        std::fs::create_dir_all(folder).unwrap();
        let (bus, screen) = (Bus::start(), Screen::start());
        let mut command = screen.command(&bus, Buttons::DAEMON);
        let daemon = background(command.env("HOME", folder).env("XDG_CONFIG_HOME", folder));
        let desktop = Buttons { _daemon: daemon, screen, bus };
        until("the daemon answers", || desktop.answers());
        desktop
    }

    /// The bus of the session.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    fn answers(&self) -> bool {
        let mut ask = self.screen.command(&self.bus, "dbus-send");
        ask.args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/"]);
        ask.args(["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.Notifications"]);
        words(ask.output().unwrap()).contains("boolean true")
    }

    /// Clicks the button at this place of so many, once the notification is shown.
    pub fn click(&self, at: usize, of: usize) {
        let search = ["search", "--onlyvisible", "--class", "xfce4-notifyd"];
        let mut window = String::new();
        until("a notification is shown", || {
            window = words(self.xdotool(&search)).trim().to_owned();
            !window.is_empty()
        });
        // It fades in.
        std::thread::sleep(Duration::from_millis(700));
        let shape = words(self.xdotool(&["getwindowgeometry", "--shell", &window]));
        let number = |name: &str| {
            let line = shape.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().parse::<usize>().unwrap()
        };
        // One row of buttons of the same width, at the lower edge.
        let x = number("X=") + number("WIDTH=") * (2 * at + 1) / (2 * of);
        let y = number("Y=") + number("HEIGHT=") - 30;
        let (x, y) = (x.to_string(), y.to_string());
        assert!(self.xdotool(&["mousemove", &x, &y, "click", "1"]).status.success());
    }

    /// Writes down what is seen.
    pub fn picture(&self, path: &Path) {
        self.screen.picture(path);
    }

    fn xdotool(&self, args: &[&str]) -> Output {
        self.screen.command(&self.bus, "xdotool").args(args).output().unwrap()
    }
}
