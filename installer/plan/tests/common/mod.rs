//! Releases and phases that the tests share.
#![allow(dead_code, reason = "each test file uses its own part")]

use exuvia_bundle::RelPath;
use exuvia_core::{Digest, Time};
use exuvia_plan::{Consent, Phase, ReleaseRef};

pub(crate) fn release(version: &str) -> ReleaseRef {
    ReleaseRef {
        version: version.parse().unwrap(),
        digest: Digest::of(version.as_bytes()),
        executable: RelPath::new("bin/notes").unwrap(),
        published: "2026-11-23T18:00:00Z".parse::<Time>().unwrap(),
        safe_from: None,
        schema: None,
        readable_from: None,
    }
}

/// One journal of every shape: with and without a previous release, every flag.
pub(crate) fn phases() -> Vec<Phase> {
    let [a, b, c] = ["1.1.0", "1.2.0", "1.3.0"].map(release);
    let mut phases = Vec::new();
    for previous in [None, Some(a)] {
        phases.push(Phase::Settled { current: b.clone(), previous: previous.clone() });
        for (qualified, consent) in
            [(false, Consent::None), (true, Consent::None), (true, Consent::OnQuit)]
        {
            let (current, previous, next) = (b.clone(), previous.clone(), c.clone());
            phases.push(Phase::Staged { current, previous, next, qualified, consent });
        }
        let (from, to) = (b.clone(), c.clone());
        phases.push(Phase::Swapping { from, to, previous: previous.clone() });
        let (from, to) = (b.clone(), c.clone());
        phases.push(Phase::Trial { from, to, previous: previous.clone() });
        for remember in [false, true] {
            let (from, to, reason) = (c.clone(), b.clone(), "it fell over".to_owned());
            let previous = previous.clone();
            phases.push(Phase::Reverting { from, to, previous, reason, remember });
        }
    }
    phases
}
