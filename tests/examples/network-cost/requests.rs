//! What asking costs: an unchanged check, and a refresh in a large repository.

use exuvia::Check;
use exuvia_tests::home::Home;
use exuvia_tests::large::World;
use exuvia_tests::scene::good;
use exuvia_tests::server::Server;
use exuvia_tests::sim::{Sim, platform};

use crate::mib;

/// Checks of an application that is up to date.
pub(crate) fn unchanged(world: &World) {
    println!("| requests | connections | bytes of body | CPU ms | wall ms | peak MiB |");
    println!("|--:|--:|--:|--:|--:|--:|");
    for _ in 0..5 {
        world.server.requests();
        let before = world.server.connections();
        let cost = world.agent(&["check"]).finish();
        assert_eq!(cost.output.status.code(), Some(3), "{cost:?}");
        let requests = world.server.requests();
        println!(
            "| {} | {} | {} | {:.1} | {:.1} | {:.1} |",
            requests.len(),
            world.server.connections() - before,
            requests.iter().map(|request| request.sent).sum::<u64>(),
            cost.cpu.as_secs_f64() * 1e3,
            cost.wall.as_secs_f64() * 1e3,
            mib(cost.peak),
        );
    }
}

const CHANNELS: [&str; 3] = ["stable", "beta", "nightly"];
const PLATFORMS: [&str; 6] = [
    "linux-x86_64",
    "linux-aarch64",
    "windows-x86_64",
    "windows-aarch64",
    "macos-x86_64",
    "macos-aarch64",
];

/// The first refresh of somebody who knows nothing yet, in a repository of so many releases in each
/// of three channels and for each of six platforms.
pub(crate) async fn large_repository(releases: u32) {
    let (sim, home) = (Sim::new(), Home::new());
    sim.publish("1.0.0", &good("1.0.0"));
    home.install(&sim).await;
    let roles = || CHANNELS.into_iter().flat_map(|channel| PLATFORMS.map(|name| (channel, name)));
    let ours = (CHANNELS[0], platform().to_string());
    for (channel, name) in roles().filter(|(c, name)| (*c, *name) != (ours.0, &ours.1)) {
        sim.add_role(channel, name);
    }
    // As publishers do: a version for all platforms, then the next.
    for number in 1..=releases {
        roles().for_each(|(channel, name)| sim.announce(&format!("1.0.{number}"), channel, name));
        sim.drop_old_metadata();
    }
    let folder = tempfile::tempdir().unwrap();
    sim.write_to(folder.path());
    let server = Server::start(folder.path());
    std::fs::remove_dir_all(home.path().join("state")).unwrap();
    let updater = home.builder(&sim).mirrors([server.url()]).build().unwrap();
    let Check::Offer(offer) = updater.check().await.unwrap() else { panic!("no offer") };
    assert_eq!(offer.version().to_string(), format!("1.0.{releases}"));
    let requests = server.requests();
    let files = requests.iter().filter(|request| request.sent > 100).count();
    let bytes: u64 = requests.iter().map(|request| request.sent).sum();
    let kib = bytes as f64 / 1024.0;
    assert!(files <= 6 && bytes <= 100 * 1024, "{files} files, {bytes} bytes");
    println!("{} requests, {files} files, {kib:.1} KiB:\n", requests.len());
    for request in requests {
        println!("- {}: {} bytes", request.path, request.sent);
    }
}
