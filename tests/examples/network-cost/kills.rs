//! What a kill costs, and that nothing is left of it.

use std::collections::BTreeSet;
use std::time::Duration;

use exuvia_tests::server::Fault;

use crate::app::World;
use crate::mib;

/// As fast as a good line; a faster one only fills the buffers of this machine's kernel.
const RATE: u64 = 100 << 20;

/// What the kills of one series cost.
#[derive(Default)]
pub(crate) struct Series {
    updates: u32,
    kills: u32,
    old: u32,
    new: u32,
    /// Bytes of payload sent more than once.
    again: u64,
    most: u64,
    /// What was left behind, beyond what belongs there.
    left: BTreeSet<String>,
}

impl Series {
    pub(crate) fn row(&self, name: &str) -> String {
        let Series { updates, kills, old, new, again, most, left } = self;
        let (again, most) = (mib(again / u64::from(*kills).max(1)), mib(*most));
        left.iter().for_each(|path| eprintln!("left behind: {path}"));
        let left = left.len();
        format!(
            "| {name} | {kills} | {updates} | {old} | {new} | {again:.2} | {most:.2} | {left} |"
        )
    }
}

/// Killed half way once, and started again; at full speed or at that of a line.
pub(crate) fn half_way(world: &World, rate: Option<u64>) -> Series {
    let mut series = Series::default();
    for _ in 0..5 {
        prepare(world, rate);
        let half = world.length(&world.full) / 2;
        one_update(world, &mut series, |killed| {
            while killed == 0 && world.server.sent() < half {
                std::thread::sleep(Duration::from_micros(100));
            }
            killed == 0
        });
    }
    series
}

/// Killed at any time, again and again, until so many kills are together.
pub(crate) fn at_random(world: &World, kills: u32) -> Series {
    prepare(world, Some(RATE));
    let begun = std::time::Instant::now();
    assert!(world.agent(&["update", "--yes"]).finish().output.status.success());
    let whole = begun.elapsed();
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut series = Series::default();
    while series.kills < kills {
        prepare(world, Some(RATE));
        one_update(world, &mut series, |killed| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            std::thread::sleep(whole.mul_f64((random % 1_000) as f64 / 1_000.0));
            killed < 3
        });
    }
    series
}

fn prepare(world: &World, rate: Option<u64>) {
    world.restore();
    world.server.fault(&world.delta, Fault::Status(404));
    if let Some(rate) = rate {
        world.server.fault(&world.full, Fault::Rate(rate));
    }
}

/// One update; it is killed when `wait` is over, which hears how often that was done already and
/// tells whether to do it again.
fn one_update(world: &World, series: &mut Series, mut wait: impl FnMut(u32) -> bool) {
    let mut killed = 0;
    loop {
        let mut agent = world.agent(&["update", "--yes"]);
        if !wait(killed) || agent.has_ended() {
            let cost = agent.finish();
            // Killed between the switch and the answer: there is nothing left to do.
            assert!(matches!(cost.output.status.code(), Some(0 | 3)), "{cost:?}");
            break;
        }
        agent.kill();
        killed += 1;
        match world.whole_version().as_str() {
            "1.0.0" => series.old += 1,
            _ => series.new += 1,
        }
    }
    assert_eq!(world.whole_version(), "1.1.0");
    let requests = world.server.requests();
    let of_full = requests.iter().filter(|request| request.path == world.full);
    let again = of_full.map(|request| request.sent).sum::<u64>() - world.length(&world.full);
    (series.updates, series.kills) = (series.updates + 1, series.kills + killed);
    series.again += again;
    series.most = series.most.max(again / u64::from(killed.max(1)));
    series.left.extend(leftovers(world));
}

/// What an update leaves behind that was not there before it, and has no business being there.
pub(crate) fn leftovers(world: &World) -> BTreeSet<String> {
    let all = |place: &str| exuvia_tests::home::things(&world.stage.path(place));
    let app = all("apps/notes").into_keys().filter(|path| {
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            [".exuvia", name, ..] => !KEPT.iter().any(|kept| name.starts_with(kept)),
            ["versions", version, ..] => !["1.0.0", "1.1.0"].contains(&version),
            [name] => ![".exuvia", "versions", "current", "notes"].contains(&name),
            _ => true,
        }
    });
    let cache = all("home").into_keys().filter(|path| path.contains("/parts/"));
    app.chain(cache).collect()
}

/// The helper's own state (docs/formats.md).
const KEPT: [&str; 9] =
    ["floors", "history", "journal", "layout", "lock", "manifests", "root", "run-", "trial"];
