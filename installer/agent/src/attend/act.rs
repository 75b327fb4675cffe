//! What is done about an offer, and asking somebody before it.

use exuvia::{LocalError, Offer, Progress, Staged, Version};

use super::Attention;
use crate::failure::Failure;
use crate::meter::Meter;
use crate::notices::{Choice, Notices, Question};
use crate::outcome::Outcome;
use crate::policy::Act;
use crate::record::Known;

impl Attention<'_> {
    /// Goes as far as the policy leads, or as the user says.
    pub(super) async fn act(
        &self,
        act: Act,
        offer: Offer,
        known: &mut Known,
    ) -> Result<Outcome, Failure> {
        let version = offer.version().clone();
        match act {
            _ if self.only_check => Ok(Outcome::Offered { version }),
            Act::Install => {
                let staged = self.stage(offer, &mut Meter::new(true)).await?;
                self.install(staged, Choice::OnQuit)
            }
            Act::Tell => self.ask_first(offer, known).await,
            Act::Download => self.ask_then(offer, known).await,
        }
    }

    /// Asks, and downloads if somebody wants it.
    async fn ask_first(&self, offer: Offer, known: &mut Known) -> Result<Outcome, Failure> {
        let version = offer.version().clone();
        let mut notices = Notices::about(self.name);
        let bytes = Some((offer.download_size(), offer.full_size()));
        match self.ask(&mut notices, known, bytes).await? {
            None | Some(Choice::Later) => Ok(Outcome::Offered { version }),
            Some(Choice::Skip) => {
                offer.skip()?;
                Ok(Outcome::skipped(version))
            }
            Some(choice) => {
                let mut bar = notices.progress(&version);
                let staged = self.stage(offer, &mut bar).await;
                let notices = bar.end().await;
                let done = staged.and_then(|staged| self.install(staged, choice));
                self.tell(notices, &version, &done).await;
                done
            }
        }
    }

    /// Downloads, and asks when it lies ready.
    async fn ask_then(&self, offer: Offer, known: &mut Known) -> Result<Outcome, Failure> {
        let version = offer.version().clone();
        let staged = self.stage(offer, &mut Meter::new(true)).await?;
        let mut notices = Notices::about(self.name);
        match self.ask(&mut notices, known, None).await? {
            None | Some(Choice::Later) => {
                staged.later();
                Ok(Outcome::Staged { version })
            }
            Some(Choice::Skip) => {
                staged.skip()?;
                Ok(Outcome::skipped(version))
            }
            Some(choice) => {
                let done = self.install(staged, choice);
                self.tell(Some(notices), &version, &done).await;
                done
            }
        }
    }

    /// Asks unless that was done lately, or nobody may be asked.
    async fn ask(
        &self,
        notices: &mut Notices,
        known: &mut Known,
        bytes: Option<(u64, u64)>,
    ) -> Result<Option<Choice>, Failure> {
        let between = if known.critical { HOUR } else { DAY };
        let lately = known.asked.is_some_and(|at| (0..between).contains(&self.seconds_since(at)));
        if !self.may_ask || lately {
            return Ok(None);
        }
        let current = self.current()?;
        let (version, critical) = (&known.version, known.critical);
        let question = Question { current: &current, version, critical, bytes };
        let choice = self.turns.wait(notices.ask(&question)).await;
        known.asked = choice.map(|_| self.now).or(known.asked);
        Ok(choice)
    }

    async fn tell(
        &self,
        notices: Option<Notices>,
        version: &Version,
        done: &Result<Outcome, Failure>,
    ) {
        let (Some(mut notices), Ok(current)) = (notices, self.current()) else { return };
        let (summary, body) = match done {
            Ok(Outcome::OnQuit { .. }) => ("ready", "onQuit"),
            Ok(_) => ("ready", "verified"),
            Err(failure) if failure.family() == "network" => ("failed", "failNetwork"),
            Err(failure) if failure.family() == "repository" => ("failed", "failRepository"),
            Err(_) => ("failed", "untouched"),
        };
        let (version, current) = (version.to_string(), current.to_string());
        notices.tell(summary, body, &[("version", &version), ("current", &current)]).await;
    }

    async fn stage(&self, offer: Offer, progress: &mut dyn Progress) -> Result<Staged, Failure> {
        if let Some(fetcher) = self.fetcher.filter(|_| !self.is_staged(&offer)) {
            let signed = &offer.facts().bundle;
            let bundle = fetcher.bundle(signed.digest, signed.length).await?;
            return Ok(offer.receive(bundle, progress).await?);
        }
        let payloads = offer.download(progress).await?;
        Ok(payloads.stage_with(progress).await?)
    }

    /// Switches; where the application runs and nobody said otherwise, once it has quit.
    fn install(&self, staged: Staged, choice: Choice) -> Result<Outcome, Failure> {
        let (from, version) = (self.current()?, staged.version().clone());
        let install = self.updater.installation()?;
        if choice != Choice::Now && install.is_running().map_err(LocalError::from)? {
            staged.apply_on_quit()?;
            return Ok(Outcome::OnQuit { version });
        }
        staged.apply_now()?;
        Ok(Outcome::Updated { from, version })
    }

    fn current(&self) -> Result<Version, Failure> {
        Ok(self.updater.status()?.current().version.clone())
    }
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
