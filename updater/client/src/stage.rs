//! Rebuilding into staging: one pass from payloads to a flushed tree.

use std::path::PathBuf;
use std::sync::Arc;

use exuvia_bundle::Tree;
use exuvia_core::{Facts, Time};
use exuvia_helper::{Install, Request, Staged};
use exuvia_plan::Refusal;

use crate::background::in_background;
use crate::cancel::Watch;
use crate::error::{Error, RepositoryError};
use crate::rebuild::{Failure, How, Ingredients, RebuildError, rebuild};
use crate::run::Run;
use crate::tree::InstalledTree;

/// Rebuilds the release from `ingredients` and has the helper receive it.
///
/// The inner error is that of the route: another may do. Deltas that failed are remembered then.
///
/// # Errors
/// Whatever no other route would mend.
pub(crate) async fn receive(
    run: &Run,
    install: &Install,
    facts: &Facts,
    ingredients: Ingredients,
) -> Result<Result<Staged, Error>, Error> {
    let (watch, waiting) = run.mirrors.watch().for_blocking_work();
    let work = Work {
        install: install.clone(),
        facts: facts.clone(),
        metadata: run.store.metadata_path().to_owned(),
        scratch: run.cache(),
        now: run.time(),
        even_if_bad: run.wants.failed || facts.critical,
        watch,
    };
    let store = run.store.clone();
    let received = in_background(move || -> Result<_, Error> {
        let received = match work.receive(&ingredients) {
            Err(error) if !gives_back(&error) => return Err(error),
            received => received,
        };
        if matches!(received, Ok(Err(_))) && matches!(ingredients.how, How::Patch(_)) {
            for payload in &ingredients.payloads {
                store.remember_failed(payload.digest())?;
            }
        }
        // They have served, or never will, or are in the way.
        ingredients.payloads.into_iter().for_each(|payload| payload.discard());
        received
    })
    .await?;
    drop(waiting);
    received
}

/// Why no delta can be applied to what is installed, if there is a reason. Every file is read: what a
/// delta would find out at its end is better known before it is received.
///
/// # Errors
/// Whatever no other route would mend.
pub(crate) async fn unfit_for_deltas(
    run: &Run,
    install: &Install,
) -> Result<Option<RebuildError>, Error> {
    let (watch, waiting) = run.mirrors.watch().for_blocking_work();
    let (install, supposed) = (install.clone(), run.facts.as_ref().map(|f| f.bundle.digest));
    let reason = in_background(move || -> Result<_, Error> {
        let current = install.status()?.current().digest;
        if supposed.is_some_and(|digest| digest != current) {
            return Ok(Some(RebuildError::NoBase));
        }
        let Some(tree) = InstalledTree::open(&install)? else {
            return Ok(Some(RebuildError::NoBase));
        };
        let altered = tree.altered(&watch)?;
        Ok(altered.map(|path| {
            let path = path.to_string();
            RebuildError::Delta(Arc::new(exuvia_delta::Error::BaseChanged { path }))
        }))
    })
    .await?;
    drop(waiting);
    reason
}

fn gives_back(error: &Error) -> bool {
    matches!(error, Error::Local(error) if error.is_disk_full())
}

struct Work {
    install: Install,
    facts: Facts,
    metadata: PathBuf,
    scratch: PathBuf,
    now: Time,
    even_if_bad: bool,
    watch: Watch,
}

impl Work {
    fn receive(&self, ingredients: &Ingredients) -> Result<Result<Staged, Error>, Error> {
        let tree = match ingredients.how {
            How::Unpack => None,
            How::Patch(_) => InstalledTree::open(&self.install)?,
        };
        let request = Request {
            metadata: &self.metadata,
            digest: self.facts.bundle.digest,
            now: self.now,
            even_if_bad: self.even_if_bad,
        };
        let mut failure = None;
        let received = self.install.receive(&request, &mut |out| {
            let base = tree.as_ref().map(|tree| tree as &dyn Tree);
            rebuild(ingredients, base, &self.facts.bundle, &self.scratch, &self.watch, out)
                .map_err(|why| why.through_the_helper(&mut failure))
        });
        match (received, failure) {
            (Ok(staged), _) => Ok(Ok(staged)),
            (Err(_), Some(Failure::Route(source))) => {
                let version = self.facts.version.clone();
                Ok(Err(RepositoryError::Rebuild { version, source }.into()))
            }
            (Err(_), Some(Failure::Local(error))) => Err(error.into()),
            (Err(error), _) => match Error::from(error) {
                refused if is_of_this_route(&refused) => Ok(Err(refused)),
                error => Err(error),
            },
        }
    }
}

/// Whether other payloads may give what was signed where these did not.
fn is_of_this_route(error: &Error) -> bool {
    use exuvia_helper::Error as E;
    match error {
        Error::Repository(RepositoryError::Helper(error)) => {
            use Refusal::{WrongBundle, WrongFacts};
            let wrong = |refusal: &_| matches!(refusal, WrongBundle { .. } | WrongFacts { .. });
            matches!(&**error, E::Bundle(_)) || matches!(&**error, E::Refused(r) if wrong(r))
        }
        _ => false,
    }
}
