//! `install-service` and `uninstall-service`.

use serde_json::json;

use crate::answer::Answer;
use crate::args::Options;
use crate::failure::Failure;
use crate::record::Records;
use crate::service::{Kind, Where};

pub(super) fn install(
    options: &Options,
    kind: Option<Kind>,
    print: Option<Kind>,
) -> Result<Answer, Failure> {
    let at = places(options)?;
    if let Some(kind) = print {
        let text = kind.print(&at);
        return Ok(Answer::done("printed", text.clone(), json!({ "text": text })));
    }
    let kind = kind.unwrap_or(Kind::usual(options.places.system));
    let plan = kind.plan(&at).ok_or(Failure::PrintOnly)?;
    plan.install()?;
    let files: Vec<_> = plan.units.iter().map(|unit| &unit.path).collect();
    let mut text = "registered applications are looked after from now on".to_owned();
    for file in &files {
        text.push_str(&format!("\n  {}", file.display()));
    }
    Ok(Answer::done("service-installed", text, json!({ "files": files })))
}

/// Of every kind that may be there.
pub(super) fn uninstall(options: &Options) -> Result<Answer, Failure> {
    let at = places(options)?;
    let kinds: &[Kind] = match options.places.system {
        true => &[Kind::SystemdSystem],
        false => &[Kind::SystemdUser, Kind::Autostart],
    };
    let mut any = false;
    for plan in kinds.iter().filter_map(|kind| kind.plan(&at)) {
        any |= plan.uninstall()?;
    }
    Records::remove_all(&options.places)?;
    match any {
        true => Ok(Answer::done("service-uninstalled", "nothing of it is left", json!({}))),
        false => Ok(Answer::nothing("no-service", "no service was installed", json!({}))),
    }
}

fn places(options: &Options) -> Result<Where, Failure> {
    let agent = std::env::current_exe().map_err(Failure::Runtime)?;
    let agent = agent.into_os_string().into_string().map_err(|_| Failure::PathText)?;
    let base = directories::BaseDirs::new();
    let dir = |of: fn(&directories::BaseDirs) -> &std::path::Path| match &base {
        Some(base) => Ok(of(base).to_owned()),
        // A service of the machine needs no home.
        None if options.places.system => Ok("/nonexistent".into()),
        None => Err(Failure::NoHome),
    };
    let config = dir(|base| base.config_dir())?;
    Ok(Where { config, data: dir(|base| base.data_local_dir())?, agent })
}
