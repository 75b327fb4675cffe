use std::path::Path;

use super::output::Output;
use crate::{Error, Exit};

pub(super) fn run(repo: &Path, output: &Output) -> Result<Exit, Error> {
    let report = super::publisher(repo)?.refresh()?;
    output.report(&report, || {
        let mut text = format!("signed again: {}\n", report.renewed.join(", "));
        for (role, expires) in &report.waiting {
            text += &format!("waits for its key: {role}, which ends on {expires}\n");
        }
        text + &format!(
            "clients are served until {}; publish it with `exuvia publish`",
            report.until
        )
    });
    Ok(Exit::Done)
}
