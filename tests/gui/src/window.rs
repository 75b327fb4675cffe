//! The application's window, driven through WebDriver.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::desk::{Desk, processes, signal};
use crate::screen::Screen;

/// A running note pad.
pub struct Window {
    apps: PathBuf,
    screen: Screen,
    client: Client,
    driver: Child,
}

impl Window {
    /// Starts the application as a user does, by its launcher.
    pub async fn open(desk: &Desk) -> Window {
        Window::open_with(desk, &[], &[]).await
    }

    /// As [`Window::open`], with arguments and variables of the environment.
    pub async fn open_with(desk: &Desk, args: &[&str], variables: &[(&str, &str)]) -> Window {
        let window = Window::open_page(desk, args, variables).await;
        // The page marks itself once it has loaded the notes.
        window.until("return document.documentElement.dataset.ready", &json!("yes")).await;
        window
    }

    /// As [`Window::open_with`], whatever the page makes of it.
    pub async fn open_page(desk: &Desk, args: &[&str], variables: &[(&str, &str)]) -> Window {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("WebKitWebDriver");
        command.arg(format!("--port={port}")).stdout(Stdio::null());
        desk.environment(&mut command);
        command.env("TAURI_AUTOMATION", "true").env("TAURI_WEBVIEW_AUTOMATION", "true");
        command.envs(variables.iter().copied());
        let driver = command.spawn().expect("WebKitWebDriver is installed");
        let options = json!({ "binary": desk.program(), "args": args });
        let wanted = json!({ "webkitgtk:browserOptions": options });
        let Value::Object(wanted) = wanted else { unreachable!() };
        let begun = Instant::now();
        let client = loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(wanted.clone());
            let address = format!("http://127.0.0.1:{port}");
            match timeout(PATIENCE, builder.connect(&address)).await {
                Ok(Ok(client)) => break client,
                Ok(Err(_)) if begun.elapsed() < PATIENCE => sleep(Duration::from_millis(100)).await,
                failed => panic!("no window: {failed:?}"),
            }
        };
        Window { apps: desk.path("apps"), screen: desk.screen().clone(), client, driver }
    }

    /// Runs a script and gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.try_run(script).await.unwrap_or_else(|e| panic!("{script}: {e}"))
    }

    /// A driver whose application has gone may never answer.
    async fn try_run(&self, script: &str) -> Result<Value, String> {
        match timeout(ANSWER, self.client.execute(script, vec![])).await {
            Ok(ran) => ran.map_err(|e| format!("{e:?}")),
            Err(_) => Err("no answer".to_owned()),
        }
    }

    /// Runs a script whose last argument is called with the result.
    pub async fn run_async(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             (async () => {{ {script} }})().then(done, (e) => done({{ error: String(e), family: e?.family }}));"
        );
        self.client.execute_async(&script, vec![]).await.unwrap_or_else(|e| panic!("{script}: {e}"))
    }

    /// Waits until a script returns this.
    pub async fn until(&self, script: &str, wanted: &Value) {
        let begun = Instant::now();
        loop {
            let found = self.try_run(script).await;
            if found.as_ref().is_ok_and(|found| found == wanted) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{script}: {found:?}, wanted {wanted}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the prompt shows this kind of card.
    pub async fn shows(&self, kind: &str) {
        let script = format!("{PROMPT} return prompt.situation.kind");
        self.until(&script, &json!(kind)).await;
    }

    /// All that the prompt says.
    pub async fn says(&self) -> String {
        let script =
            format!("{PROMPT} return prompt.shadowRoot.querySelector('section')?.innerText ?? ''");
        self.run(&script).await.as_str().unwrap().to_owned()
    }

    /// The actions that the prompt's buttons offer, in order.
    pub async fn offers(&self) -> Vec<String> {
        let script = format!(
            "{PROMPT} return [...prompt.shadowRoot.querySelectorAll('button')].map((b) => b.dataset.action)"
        );
        serde_json::from_value(self.run(&script).await).unwrap()
    }

    /// Clicks a button of the prompt.
    pub async fn click(&self, action: &str) {
        let script =
            format!("{PROMPT} prompt.shadowRoot.querySelector('[data-action={action}]').click()");
        self.run(&script).await;
    }

    /// Clicks the button that ends the application, and waits for that.
    pub async fn click_restart(self) {
        let script =
            format!("{PROMPT} prompt.shadowRoot.querySelector('[data-action=restart]').click()");
        // There may be nobody left to answer.
        let _ = self.try_run(&script).await;
        assert!(self.is_gone().await, "the application quits");
    }

    /// Clicks an element of the page.
    pub async fn click_page(&self, selector: &str) {
        let click = async { self.client.find(Locator::Css(selector)).await?.click().await };
        match timeout(PATIENCE, click).await {
            Ok(clicked) => clicked.unwrap_or_else(|e| panic!("{selector}: {e}")),
            Err(_) => panic!("{selector}: no answer"),
        }
    }

    /// Types into whatever has the focus.
    pub async fn press(&self, keys: &[Key]) {
        use fantoccini::actions::{InputSource, KeyAction, KeyActions};
        let mut actions = KeyActions::new("keyboard".to_owned());
        for key in keys {
            let value = char::from(*key);
            actions = actions.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        }
        self.client.perform_actions(actions).await.unwrap();
    }

    /// Waits for a dialog of the system beside the window, and presses these keys in it.
    pub async fn answer_dialog(&self, shot: &str, keys: &str) {
        let begun = Instant::now();
        // Both bear the application's name; the dialog came last.
        let mut windows = self.screen.windows(TITLE);
        while windows.len() < 2 {
            assert!(begun.elapsed() < PATIENCE, "no dialog: {windows:?}");
            sleep(Duration::from_millis(100)).await;
            windows = self.screen.windows(TITLE);
        }
        self.shot(shot).await;
        windows.sort_by_key(|window| window.parse::<u64>().unwrap());
        self.screen.press(windows.last().unwrap(), keys);
        while self.screen.windows(TITLE).len() == windows.len() {
            assert!(begun.elapsed() < PATIENCE, "the dialog stays");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the application has quit by itself.
    pub async fn quits(self) {
        assert!(self.is_gone().await, "the application quits");
    }

    /// Keeps what is seen as `EXUVIA_SHOTS/NAME.png`, if that folder is given.
    pub async fn shot(&self, name: &str) {
        // What arrives moves for a moment.
        sleep(Duration::from_millis(400)).await;
        self.screen.shot(name);
    }

    /// Quits the application, and waits until it has ended: what is to happen then happens no sooner.
    pub async fn close(mut self) {
        let _ = timeout(ANSWER, self.client.clone().close()).await;
        let begun = Instant::now();
        // The driver ends the program it started: on trial that is the launcher.
        signal(&self.apps, "-TERM");
        while !processes(&self.apps).is_empty() {
            assert!(begun.elapsed() < PATIENCE, "still running: {:?}", processes(&self.apps));
            sleep(Duration::from_millis(50)).await;
        }
        self.end_driver();
    }

    async fn is_gone(&self) -> bool {
        let begun = Instant::now();
        while self.try_run("return 1").await.is_ok() {
            if begun.elapsed() > PATIENCE {
                return false;
            }
            sleep(Duration::from_millis(100)).await;
        }
        true
    }

    fn end_driver(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.end_driver();
    }
}

const TITLE: &str = "Notes";
const PROMPT: &str = "const prompt = document.querySelector('exuvia-prompt');";
/// How long the driver may take over one command.
const ANSWER: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);
