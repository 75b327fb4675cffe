//! A screen of its own for each test: a window that lies under another one is not drawn.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// A virtual display.
#[derive(Clone)]
pub(crate) struct Screen {
    /// Kept as long as somebody looks.
    _server: Arc<Server>,
    pub(crate) display: String,
}

struct Server(Child);

impl Screen {
    pub(crate) fn new() -> Screen {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1000x680x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed");
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Screen { _server: Arc::new(Server(server)), display: format!(":{}", line.trim()) }
    }

    /// The windows with this title that are seen, by the numbers that the X server gave them.
    pub(crate) fn windows(&self, title: &str) -> Vec<String> {
        let title = format!("^{title}$");
        let found = self.xdotool(&["search", "--onlyvisible", "--name", &title]);
        found.lines().map(str::to_owned).collect()
    }

    /// Presses keys in a window, as a keyboard does.
    pub(crate) fn press(&self, window: &str, keys: &str) {
        self.xdotool(&["windowfocus", "--sync", window, "key", keys]);
    }

    fn xdotool(&self, args: &[&str]) -> String {
        let output = Command::new("xdotool").args(args).env("DISPLAY", &self.display).output();
        String::from_utf8(output.expect("xdotool is installed").stdout).unwrap()
    }

    /// Keeps a picture of all that is seen as `EXUVIA_SHOTS/NAME.png`, if that folder is given.
    pub(crate) fn shot(&self, name: &str) {
        let Some(folder) = std::env::var_os("EXUVIA_SHOTS") else { return };
        std::fs::create_dir_all(&folder).unwrap();
        let path = Path::new(&folder).join(format!("{name}.png"));
        let mut import = Command::new("import");
        import.args(["-window", "root"]).arg(path).env("DISPLAY", &self.display);
        assert!(import.status().unwrap().success(), "the screen can be photographed");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
