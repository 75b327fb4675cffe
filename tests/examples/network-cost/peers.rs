//! The same bytes with other programs.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use exuvia_tests::large::World;
use exuvia_tests::server::Fault;
use exuvia_tests::watched::Watched;

use crate::mib;

/// Downloads of the full bundle: who, CPU time (the median of the rounds), peak memory.
pub(crate) fn compare(world: &World, rounds: usize) -> Vec<(String, Duration, u64)> {
    let mut found: Vec<(&str, Vec<(Duration, u64)>)> =
        ["exuvia", "curl", "sha256sum", "self_update"].map(|who| (who, Vec::new())).into();
    let peers = std::env::var_os("BENCH_PEERS").map(PathBuf::from);
    for _ in 0..rounds {
        for (who, costs) in &mut found {
            world.restore();
            let url = format!("{}{}", world.server.url(), world.full);
            let file = world.stage.path("downloaded");
            let other = |command: &mut Command| {
                let cost = Watched::start(command).finish();
                assert!(cost.output.status.success(), "{cost:?}");
                (cost.cpu, cost.peak)
            };
            match (*who, &peers) {
                ("exuvia", _) => costs.push(ours(world)),
                ("curl", _) => {
                    let mut curl = Command::new("curl");
                    costs.push(other(curl.args(["-sSf", "-o"]).arg(&file).arg(url)));
                }
                ("sha256sum", _) => costs.push(other(Command::new("sha256sum").arg(&file))),
                (_, Some(peers)) => costs.push(other(Command::new(peers).arg(url).arg(&file))),
                (_, None) => {}
            }
        }
    }
    let median = |mut costs: Vec<(Duration, u64)>| {
        costs.sort();
        costs.get(costs.len() / 2).copied()
    };
    let rows = found.into_iter().filter_map(|(who, costs)| Some((who, median(costs)?)));
    rows.map(|(who, (cpu, peak))| (who.to_owned(), cpu, peak)).collect()
}

/// All that is needed until the last byte is there and hashed, the start of the program included.
fn ours(world: &World) -> (Duration, u64) {
    world.server.fault(&world.delta, Fault::Status(404));
    let last = usize::try_from(world.length(&world.full)).unwrap() - 1;
    world.server.fault(&world.full, Fault::Gate(last));
    let mut agent = world.agent(&["update", "--yes"]);
    assert!(world.server.waits_at_gate(Duration::from_secs(30)));
    std::thread::sleep(Duration::from_millis(300));
    let cost = (agent.cpu(), agent.peak());
    agent.kill();
    cost
}

pub(crate) fn table(rows: &[(String, Duration, u64)]) {
    println!("| | CPU s | peak MiB |\n|---|--:|--:|");
    for (who, cpu, peak) in rows {
        println!("| {who} | {:.3} | {:.1} |", cpu.as_secs_f64(), mib(*peak));
    }
    let of = |name: &str| rows.iter().find(|(who, ..)| who == name).unwrap().1.as_secs_f64();
    let allowed = 1.3 * of("curl") + of("sha256sum");
    println!("\n{:.2} of 1.3 × curl + one SHA-256.", of("exuvia") / allowed);
}
