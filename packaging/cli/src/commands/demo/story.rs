//! The story: one application from its first release to attacks on its updates. Everything is real:
//! keys, a repository, an HTTP server on loopback, an installation, processes that crash.

use std::time::Instant;

use exuvia::{Check, Error as UpdateError, Event, Time};

use super::app::{NAME, Resource};
use super::failure::{Failure, describe, unexpected};
use super::scene::{Scene, damage_payloads};
use super::table::{Row, size};
use super::voice::Voice;

/// Plays the story and gives its rows.
pub(super) async fn play(scene: &mut Scene, voice: &Voice) -> Result<Vec<Row>, Failure> {
    let mut story = Story { scene, voice, rows: Vec::new() };
    story.first_version().await?;
    story.delta().await?;
    story.bad_release().await?;
    story.healing().await?;
    story.attacks().await?;
    Ok(story.rows)
}

struct Story<'a> {
    scene: &'a mut Scene,
    voice: &'a Voice,
    rows: Vec<Row>,
}

/// What an update brought.
struct Brought {
    route: Option<String>,
    bytes: u64,
}

impl Story<'_> {
    async fn first_version(&mut self) -> Result<(), Failure> {
        self.voice.say("A publisher makes keys and releases notes 1.0.0; a user installs it.");
        self.release("1.0.0", false)?;
        let begun = Instant::now();
        let installed = self.scene.install().await?;
        let brought = Brought { route: Some("full".to_owned()), bytes: installed.received };
        self.expect_start("1.0.0")?;
        self.row("install 1.0.0", Some(brought), begun, "runs".to_owned());
        self.scene.keep_copy_of_published("replayed")?;
        Ok(())
    }

    async fn delta(&mut self) -> Result<(), Failure> {
        self.voice.say("1.1.0 is released. The installed 1.0.0 needs only what changed.");
        self.release("1.1.0", false)?;
        let begun = Instant::now();
        let brought = self.update("1.1.0").await?;
        self.expect_start("1.1.0")?;
        self.row("update to 1.1.0", Some(brought), begun, "runs, healthy, committed".to_owned());
        Ok(())
    }

    async fn bad_release(&mut self) -> Result<(), Failure> {
        self.voice.say("1.2.0 starts well enough to be tried, and then crashes whenever it runs.");
        self.release("1.2.0", true)?;
        let begun = Instant::now();
        let brought = self.update("1.2.0").await?;
        let run = self.expect_start("1.1.0")?;
        let crashes = run.lines().filter(|line| line.starts_with("notes 1.2.0")).count();
        let result = format!("crashed {crashes} times, 1.1.0 runs again");
        self.row("update to 1.2.0", Some(brought), begun, result);

        let begun = Instant::now();
        match self.scene.updater()?.build()?.check().await? {
            Check::Held(held) => {
                self.row("check again", None, begun, format!("not offered: {held}"));
                Ok(())
            }
            other => Err(unexpected("check again", "1.2.0 held back", &describe(&other))),
        }
    }

    async fn healing(&mut self) -> Result<(), Failure> {
        self.voice.say("1.3.0 mends it.");
        self.release("1.3.0", false)?;
        let begun = Instant::now();
        let brought = self.update("1.3.0").await?;
        self.expect_start("1.3.0")?;
        self.row("update to 1.3.0", Some(brought), begun, "runs, healthy, committed".to_owned());
        Ok(())
    }

    async fn attacks(&mut self) -> Result<(), Failure> {
        self.voice.say("Now the server falls into wrong hands: three things are tried on 1.3.0.");
        self.release("1.4.0", false)?;

        let tampered = self.scene.keep_copy_of_published("tampered")?;
        damage_payloads(&tampered)?;
        self.refused("tampered bundle", "tampered", None).await?;
        self.refused("replayed metadata", "replayed", None).await?;
        let later = self.scene.now().plus_days(DAYS_LATER);
        self.refused("expired metadata", "published", Some(later)).await?;

        let begun = Instant::now();
        self.expect_start("1.3.0")?;
        self.row("start", None, begun, "1.3.0 runs, untouched".to_owned());
        Ok(())
    }

    /// Serves a folder to the installation and expects the update to be refused.
    async fn refused(
        &mut self,
        step: &str,
        folder: &str,
        now: Option<Time>,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        let server = self.scene.serve(folder)?;
        let mut builder = self.scene.updater()?.mirrors([server.url()]);
        if let Some(now) = now {
            builder = builder.clock(move || now);
        }
        let updater = builder.build()?;
        let outcome = match updater.check().await {
            Err(error) => Err(error),
            Ok(Check::Offer(offer)) => offer.download(&mut |_: Event| {}).await.map(drop),
            Ok(other) => return Err(unexpected(step, "a refusal", &describe(&other))),
        };
        match outcome {
            Err(error @ UpdateError::Repository(_)) => {
                self.row(step, None, begun, format!("refused: {error}"));
                Ok(())
            }
            Err(error) => Err(unexpected(step, "a refusal", &error.to_string())),
            Ok(()) => Err(unexpected(step, "a refusal", "a download")),
        }
    }

    /// Releases and publishes a version of the application.
    fn release(&mut self, version: &str, crashes: bool) -> Result<(), Failure> {
        let begun = Instant::now();
        let resource = Resource { version: version.to_owned(), crashes };
        let report = self.scene.release(&resource)?;
        let mut result = format!("{} in full", size(report.full));
        for (from, bytes) in report.deltas.iter().filter_map(|d| Some((&d.from, d.bytes?))) {
            result.push_str(&format!(", {} from {from}", size(bytes)));
        }
        self.row(&format!("release {version}"), None, begun, result);
        Ok(())
    }

    /// The road, from check to the switch, with consent given.
    async fn update(&mut self, to: &str) -> Result<Brought, Failure> {
        let updater = self.scene.updater()?.build()?;
        let offer = match updater.check().await? {
            Check::Offer(offer) if offer.version().to_string() == to => offer,
            other => {
                return Err(unexpected("check", &format!("an offer of {to}"), &describe(&other)));
            }
        };
        let staged = offer.download(&mut |_: Event| {}).await?.stage().await?;
        let route = staged.route().map(|route| route.to_string());
        let bytes = staged.received();
        staged.apply_now()?;
        Ok(Brought { route, bytes })
    }

    /// Starts the application as a user would and expects this version to be what runs in the end.
    fn expect_start(&mut self, version: &str) -> Result<String, Failure> {
        let run = self.scene.start()?;
        self.voice.show(&run);
        let last = run.lines().rfind(|line| line.starts_with(NAME)).unwrap_or_default();
        let wanted = format!("{NAME} {version} (");
        if last.starts_with(&wanted) { Ok(run) } else { Err(unexpected("start", &wanted, last)) }
    }

    fn row(&mut self, step: &str, brought: Option<Brought>, begun: Instant, result: String) {
        let (route, bytes) = match brought {
            Some(Brought { route, bytes }) => (route, Some(bytes)),
            None => (None, None),
        };
        let row = Row { step: step.to_owned(), route, bytes, time: begun.elapsed(), result };
        self.voice.did(&row);
        self.rows.push(row);
    }
}

/// Beyond every expiry but those of root and channels.
const DAYS_LATER: i64 = 40;
