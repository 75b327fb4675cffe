//! What an update costs: memory, processor, requests, and what a kill costs. `tests/network-cost`
//! builds and runs it; the programs measured are those in `EXUVIA_TESTS_PROGRAMS`.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, missing_docs)]

mod peers;
mod requests;

use std::time::Duration;

use exuvia_tests::kills;
use exuvia_tests::large::World;
use exuvia_tests::server::Fault;

/// How much is measured.
struct Plan {
    mebibytes: usize,
    level: &'static str,
    kills: u32,
    releases: u32,
    rounds: usize,
}

const WHOLE: Plan = Plan { mebibytes: 200, level: "19", kills: 50, releases: 1_000, rounds: 7 };
const QUICK: Plan = Plan { mebibytes: 200, level: "3", kills: 5, releases: 10, rounds: 3 };

fn main() {
    let asked = |what: &str| std::env::args().any(|word| word == what);
    let plan = if asked("quick") { QUICK } else { WHOLE };
    if !asked("refresh") {
        large_application(&plan);
    }
    println!(
        "\n## The first refresh among {} releases × 3 channels × 6 platforms\n",
        plan.releases
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(requests::large_repository(plan.releases));
}

fn large_application(plan: &Plan) {
    let world = World::new(plan.mebibytes, plan.level);
    println!("## Memory and processor, {} MiB installed\n", plan.mebibytes);
    println!(
        "| route | bytes | peak MiB while downloading | end to end | CPU s until downloaded | end to end | wall s |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|");
    memory(&world, "delta", &world.delta);
    memory(&world, "full", &world.full);

    println!("\n## An unchanged check\n");
    requests::unchanged(&world);

    println!("\n## Kills\n");
    println!(
        "| killed | kills | updates | found old | found new | MiB sent again per kill | most | files left behind |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    println!("{}", kills::half_way(&world, Some(40 << 20), 5).row("half way, 40 MiB/s"));
    println!("{}", kills::half_way(&world, None, 5).row("half way, unthrottled loopback"));
    let at_random = |rate| kills::at_random(&world, rate, plan.kills);
    println!("{}", at_random(Some(100 << 20)).row("at random, 100 MiB/s"));
    println!("{}", at_random(None).row("at random, unthrottled loopback"));
    drop(world);

    let world = World::new(68, "1");
    println!("\n## Beside others, {} bytes from loopback\n", world.length(&world.full));
    peers::table(&peers::compare(&world, plan.rounds));
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1 << 20) as f64
}

/// Peak memory while downloading, and end to end.
fn memory(world: &World, name: &str, path: &str) {
    world.restore();
    if path == world.full {
        world.server.fault(&world.delta, Fault::Status(404));
    }
    let length = world.length(path);
    world.server.fault(path, Fault::Gate(usize::try_from(length).unwrap() - 1));
    let mut agent = world.agent(&["update", "--yes"]);
    if !world.server.waits_at_gate(Duration::from_secs(30)) {
        panic!("{path} is not downloaded: {:?}", agent.finish());
    }
    // All but the last byte is sent; what is on the way still arrives now.
    std::thread::sleep(Duration::from_millis(300));
    let (downloading, cpu) = (agent.peak(), agent.cpu());
    world.server.open_gate();
    let cost = agent.finish();
    assert!(cost.output.status.success(), "{cost:?}");
    assert_eq!(world.whole_version(), "1.1.0");
    println!(
        "| {name} | {length} | {:.1} | {:.1} | {:.3} | {:.3} | {:.1} |",
        mib(downloading),
        mib(cost.peak),
        cpu.as_secs_f64(),
        cost.cpu.as_secs_f64(),
        cost.wall.as_secs_f64(),
    );
}
