//! What a kill costs, and that nothing is left of it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::home::things;
use crate::large::World;
use crate::server::Fault;

/// What the kills of one series cost.
#[derive(Debug, Default)]
pub struct Series {
    /// Updates that were finished in the end.
    pub updates: u32,
    /// Kills on the way there.
    pub kills: u32,
    /// How often the application that started next was the old version …
    pub old: u32,
    /// … or the new one.
    pub new: u32,
    /// Bytes of payload sent more than once.
    pub again: u64,
    /// As many for each kill of one update, in the update where that was most.
    pub most: u64,
    /// What was left behind, beyond what belongs there.
    pub left: BTreeSet<String>,
}

impl Series {
    /// A row of a table.
    pub fn row(&self, name: &str) -> String {
        let Series { updates, kills, old, new, again, most, left } = self;
        let mib = |bytes: u64| bytes as f64 / (1 << 20) as f64;
        let (again, most) = (mib(again / u64::from(*kills).max(1)), mib(*most));
        left.iter().for_each(|path| eprintln!("left behind: {path}"));
        let left = left.len();
        format!(
            "| {name} | {kills} | {updates} | {old} | {new} | {again:.2} | {most:.2} | {left} |"
        )
    }
}

/// Killed half way once, and started again; at full speed or at that of a line.
pub fn half_way(world: &World, rate: Option<u64>, times: u32) -> Series {
    let mut series = Series::default();
    for _ in 0..times {
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

/// Killed at any time, up to three times an update, until so many kills are together.
pub fn at_random(world: &World, rate: Option<u64>, kills: u32) -> Series {
    prepare(world, rate);
    let begun = Instant::now();
    let cost = world.agent(&["update", "--yes"]).finish();
    assert!(cost.output.status.success(), "{cost:?}");
    let whole = begun.elapsed();
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut series = Series::default();
    while series.kills < kills {
        prepare(world, rate);
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
fn leftovers(world: &World) -> BTreeSet<String> {
    let all = |place: &str| things(&world.stage.path(place));
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
