//! `ask`: what any program of a user may ask the agent of the machine.

use exuvia::socket::{Ask, Reason, Reply, Request};
use serde_json::json;

use crate::answer::Answer;
use crate::failure::Failure;

pub(super) fn ask(word: &str, application: &str) -> Result<Answer, Failure> {
    let known = Ask::ALL.into_iter().find(|known| known.word() == word);
    let ask = known.ok_or(Failure::Declined { reason: Reason::UnknownRequest })?;
    let request = Request { ask, application: application.to_owned() };
    let reply = exuvia::ask_machine(&request).map_err(|source| Failure::NoMachine { source })?;
    Ok(match reply {
        Reply::Plain => Answer::done("plain", "nothing is on trial", json!({})),
        Reply::Counted { starts, clean } => {
            let facts = json!({ "starts": starts, "clean": clean });
            Answer::done("counted", format!("{starts} of 3 starts used"), facts)
        }
        Reply::Done => Answer::done("done", "done", json!({})),
        Reply::Begun => {
            Answer::done("begun", "begun; `ask status` tells what comes of it", json!({}))
        }
        Reply::Known { facts } => Answer::done("known", facts.to_string(), facts),
        Reply::Refused { reason } => return Err(Failure::Declined { reason }),
    })
}
