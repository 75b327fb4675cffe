//! `check` and `update`: the road of one update, with a question in it.

use std::io::{BufRead, IsTerminal, Write};

use exuvia::{Check, Held, Kind, Offer, Packaged, Phase, Updater};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::meter::Meter;
use crate::policy::{Decision, Moment, Offered, Policy, Reason, Situation};
use crate::surroundings::Surroundings;

pub(super) async fn check(updater: &Updater, json: bool) -> Result<Answer, Failure> {
    Ok(match updater.check_with(&mut Meter::new(json)).await? {
        Check::UpToDate => up_to_date(),
        Check::Held(held) => held_back(updater, &held),
        Check::Offer(offer) => Answer::done("offer", describe(&offer), facts(&offer)),
    })
}

pub(super) async fn update(
    updater: &Updater,
    policy: Option<&Policy>,
    yes: bool,
    json: bool,
) -> Result<Answer, Failure> {
    let mut meter = Meter::new(json);
    let offer = match updater.check_with(&mut meter).await? {
        Check::UpToDate => return Ok(up_to_date()),
        Check::Held(held) => return Ok(held_back(updater, &held)),
        Check::Offer(offer) => offer,
    };
    meter.clear();
    if let Some(reason) = policy.and_then(|policy| forbidden(policy, &offer)) {
        let text = format!("nothing is installed: {reason}");
        return Ok(Answer::nothing("held", text, json!({ "reason": reason.name() })));
    }
    if !yes && !agreed(&offer)? {
        return Ok(Answer::nothing("declined", "nothing was changed", facts(&offer)));
    }
    if offer.facts().kind == Kind::Deb {
        let packaged = offer.install_package(&mut meter).await?;
        meter.clear();
        let Packaged { package, version } = packaged;
        let text = format!("the package {package} is installed as {version}");
        let facts = json!({ "package": package, "version": version });
        return Ok(Answer::done("updated", text, facts));
    }
    let full = offer.full_size();
    let staged = offer.download(&mut meter).await?.stage_with(&mut meter).await?;
    let (route, received) = (staged.route(), staged.received());
    let applied = staged.apply_now()?;
    meter.clear();
    let version = applied.version();
    let on_trial = updater.status().is_ok_and(|status| matches!(status.phase, Phase::Trial { .. }));
    let first = if on_trial { ", on trial first" } else { "" };
    let text = format!("updated to {version}; it runs from the next start on{first}");
    let facts = json!({
        "version": version, "route": route, "received": received, "full_bytes": full,
        "on_trial": on_trial,
    });
    Ok(Answer::done("updated", text, facts))
}

/// Why the policy forbids an offer even to somebody who asks for it.
fn forbidden(policy: &Policy, offer: &Offer) -> Option<Reason> {
    let version = offer.version();
    let offered = Offered { version, critical: offer.is_critical(), known_for: 0, staged: false };
    let moment = Moment { weekday: 0, minute: 0 };
    let situation = Situation { moment, asked: true, surroundings: Surroundings::default() };
    match policy.decide(situation, offered) {
        Decision::Held(reason) => Some(reason),
        Decision::Go(_) => None,
    }
}

fn up_to_date() -> Answer {
    Answer::nothing("up-to-date", "the newest version is installed", json!({}))
}

fn held_back(updater: &Updater, held: &Held) -> Answer {
    let remembered = updater.status().map(|status| status.remembered).unwrap_or_default();
    let reason = match held.failed().and_then(|digest| remembered.find(digest)) {
        Some(bad) => format!("{held} ({}); --even-if-failed offers it all the same", bad.reason),
        None => held.to_string(),
    };
    Answer::nothing("held", format!("nothing is offered: {reason}"), json!({ "reason": reason }))
}

fn describe(offer: &Offer) -> String {
    let (version, size) = (offer.version(), offer.download_size());
    let critical = if offer.is_critical() { ", critical" } else { "" };
    let full = offer.full_size();
    let mut text = format!(
        "{version} is there: {size} bytes to download ({}), {full} in full{critical}",
        offer.route()
    );
    if let Some(notes) = offer.notes("en") {
        text.push_str(&format!("\n{notes}"));
    }
    text
}

fn facts(offer: &Offer) -> Value {
    json!({
        "version": offer.version(),
        "route": offer.route(),
        "bytes": offer.download_size(),
        "full_bytes": offer.full_size(),
        "critical": offer.is_critical(),
        "notes": offer.notes("en"),
    })
}

/// Asks on the terminal.
fn agreed(offer: &Offer) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::NobodyToAsk);
    }
    eprint!("{}\ninstall it now? [y/N] ", describe(offer));
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|_| Failure::NobodyToAsk)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
