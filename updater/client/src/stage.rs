//! Rebuilding into staging, one pass from payloads to a flushed tree, or for others to take.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use exuvia_bundle::Tree;
use exuvia_core::{Facts, Time};
use exuvia_helper::{Install, Request, Staged};
use exuvia_plan::Refusal;

use crate::background::in_background;
use crate::cancel::{Waiting, Watch};
use crate::error::{Error, RepositoryError};
use crate::rebuild::{Failure, How, Ingredients, RebuildError, rebuild};
use crate::run::Run;
use crate::tree::InstalledTree;

/// Makes something of a release's `ingredients`.
///
/// The inner error is that of the route: another may do. Deltas that failed are remembered then.
///
/// # Errors
/// Whatever no other route would mend.
pub(crate) async fn make<T: Send + 'static>(
    run: &Run,
    install: &Install,
    facts: &Facts,
    ingredients: Ingredients,
    make: impl Fn(&Work, &Ingredients) -> Result<Result<T, Error>, Error> + Copy + Send + 'static,
) -> Result<Result<T, Error>, Error> {
    let (work, waiting) = Work::new(run, install, facts);
    let store = run.store.clone();
    let made = in_background(move || -> Result<_, Error> {
        let made = match make(&work, &ingredients) {
            Err(error) if !gives_back(&error) => return Err(error),
            made => made,
        };
        if matches!(made, Ok(Err(_))) && matches!(ingredients.how, How::Patch(_)) {
            for payload in &ingredients.payloads {
                store.remember_failed(payload.digest())?;
            }
        }
        // They have served, or never will, or are in the way.
        ingredients.payloads.into_iter().for_each(|payload| payload.discard());
        made
    })
    .await?;
    drop(waiting);
    made
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

/// What rebuilding and receiving a release takes.
pub(crate) struct Work {
    install: Install,
    pub(crate) facts: Facts,
    metadata: PathBuf,
    pub(crate) scratch: PathBuf,
    now: Time,
    even_if_bad: bool,
    watch: Watch,
}

impl Work {
    /// Ends when what it comes with is dropped.
    pub(crate) fn new(run: &Run, install: &Install, facts: &Facts) -> (Work, Waiting) {
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
        (work, waiting)
    }

    /// Rebuilds the release and has the helper receive it.
    pub(crate) fn receive(
        &self,
        ingredients: &Ingredients,
    ) -> Result<Result<Staged, Error>, Error> {
        let (base, mut failure) = (self.base(ingredients)?, None);
        let received = self.take_in(&mut |out| {
            let rebuilt = self.rebuild(ingredients, base.as_ref(), out);
            rebuilt.map_err(|why| why.through_the_helper(&mut failure))
        });
        match (received, failure) {
            (Ok(staged), _) => Ok(Ok(staged)),
            (Err(_), Some(Failure::Route(source))) => Ok(Err(self.refused(source))),
            (Err(_), Some(Failure::Local(error))) => Err(error.into()),
            (Err(error), _) if is_of_this_route(&error) => Ok(Err(error)),
            (Err(error), _) => Err(error),
        }
    }

    /// Has the helper judge the bundle that `fill` writes, and put it beside what is installed.
    pub(crate) fn take_in(
        &self,
        fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Staged, Error> {
        let request = Request {
            metadata: &self.metadata,
            digest: self.facts.bundle.digest,
            now: self.now,
            even_if_bad: self.even_if_bad,
        };
        Ok(self.install.receive(&request, fill)?)
    }

    /// What deltas begin from, where there are some.
    pub(crate) fn base(&self, of: &Ingredients) -> Result<Option<InstalledTree>, Error> {
        match of.how {
            How::Unpack => Ok(None),
            How::Patch(_) => Ok(InstalledTree::open(&self.install)?),
        }
    }

    /// Writes the stream of the bundle into `out`.
    pub(crate) fn rebuild(
        &self,
        ingredients: &Ingredients,
        base: Option<&InstalledTree>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let base = base.map(|base| base as &dyn Tree);
        rebuild(ingredients, base, &self.facts.bundle, &self.scratch, &self.watch, out)
    }

    /// What a route that leads to something else comes to.
    pub(crate) fn refused(&self, source: RebuildError) -> Error {
        RepositoryError::Rebuild { version: self.facts.version.clone(), source }.into()
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
