//! The road over real HTTP, with a server that misbehaves in every way at every address.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use exuvia::{Check, Error, Limits, Updater};
use exuvia_tests::home::expected;
use exuvia_tests::scene::{Scene, good};
use exuvia_tests::server::{Fault, Server};
use exuvia_tests::sim::forge::channel_role;

/// A scene, its repository behind a server, and a patient home.
struct Web {
    scene: Scene,
    server: Server,
    _folder: tempfile::TempDir,
}

impl Web {
    async fn new() -> Web {
        let scene = Scene::new().await;
        // Nothing is known yet of what comes over the wire.
        std::fs::remove_dir_all(scene.home.path().join("state")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        scene.sim.write_to(folder.path());
        let server = Server::start(folder.path());
        Web { scene, server, _folder: folder }
    }

    fn updater(&self, mirrors: &[String]) -> Updater {
        let mut limits = Limits::default();
        limits.header = Duration::from_millis(500);
        limits.metadata = Duration::from_secs(2);
        limits.window = Duration::from_millis(500);
        limits.pause = Duration::from_millis(5);
        let builder = self.scene.home.builder(&self.scene.sim);
        builder.mirrors(mirrors.iter().cloned()).limits(limits).build().unwrap()
    }

    /// Goes the whole road.
    async fn attempt(&self, mirrors: &[String]) -> Result<Option<String>, Error> {
        let mut progress = |_| {};
        let Check::Offer(offer) = self.updater(mirrors).check().await? else { return Ok(None) };
        let staged = offer.download(&mut progress).await?.stage().await?;
        Ok(Some(staged.apply_now()?.version().to_string()))
    }

    /// One address of each kind that an update asks for; the delta is not among them.
    fn addresses(&self) -> Vec<String> {
        let sim = &self.scene.sim;
        let version = |role: &str| sim.signed(role)["version"].clone();
        let mut addresses = vec!["metadata/2.root.json".to_owned()];
        addresses.push("metadata/timestamp.json".to_owned());
        for role in ["snapshot", "targets", &channel_role()] {
            addresses.push(format!("metadata/{}.{role}.json", version(role)));
        }
        addresses.push(self.full());
        addresses
    }

    fn full(&self) -> String {
        self.scene.sim.path_of(&["1.1.0-folder.tar.zst"])
    }

    fn delta(&self) -> String {
        self.scene.sim.path_of(&["1.1.0-folder-from-1.0.0.delta"])
    }
}

fn faults() -> Vec<Fault> {
    vec![
        Fault::Truncate(0),
        Fault::Truncate(100),
        Fault::Reset(0),
        Fault::Reset(100),
        Fault::Slow(1, Duration::from_millis(100)),
        Fault::Silent(Duration::from_secs(2)),
        Fault::WrongLength("1".into()),
        Fault::WrongLength("9223372036854775807".into()),
        Fault::WrongLength("-1".into()),
        Fault::Endless,
        Fault::Flip(50),
        Fault::Redirect("http://example.invalid/".into()),
        Fault::Redirect("file:///etc/passwd".into()),
        Fault::Status(404),
        Fault::Status(403),
        Fault::Status(429),
        Fault::Status(500),
        Fault::Status(204),
        Fault::Portal,
        Fault::ChangingEtag,
        Fault::Encoding("gzip".into()),
        Fault::Headers(200_000),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_over_http_is_the_published_tree() {
    let web = Web::new().await;
    let url = [web.server.url()];
    assert_eq!(web.attempt(&url).await.unwrap().as_deref(), Some("1.1.0"));
    assert_eq!(web.scene.home.installed(), expected(&good("1.1.0")));
    let requests = web.server.requests();
    assert!(requests.iter().any(|request| request.path == web.delta()), "{requests:?}");
    assert!(!requests.iter().any(|request| request.path == web.full()), "{requests:?}");

    let check = web.updater(&url).check().await.unwrap();
    assert!(!matches!(check, Check::Offer(_)), "{check:?}");
    let requests = web.server.requests();
    let paths: Vec<&str> = requests.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["metadata/2.root.json", "metadata/timestamp.json"]);
    assert!(requests[1].conditional);
    let received: u64 = requests.iter().map(|request| request.sent).sum();
    assert!(received <= 1_024, "{received} bytes of body for a check without news");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_at_any_address_harms_the_application_or_the_next_update() {
    let web = Web::new().await;
    // So that every attempt needs the full bundle.
    web.server.fault(&web.delta(), Fault::Status(404));
    let (url, saved) = ([web.server.url()], web.scene.home.save());
    for address in web.addresses() {
        for fault in faults() {
            let when = format!("{fault:?} at {address}");
            web.server.fault(&address, fault.clone());
            let result = web.attempt(&url).await;
            match &result {
                Ok(version) => assert_eq!(version.as_deref(), Some("1.1.0"), "{when}"),
                Err(Error::Network(_) | Error::Repository(_)) => web.scene.is_unharmed(),
                Err(other) => panic!("{when}: {other:?}"),
            }
            web.server.heal();
            if result.is_err() {
                let next = web.attempt(&url).await.unwrap_or_else(|e| panic!("after {when}: {e}"));
                assert_eq!(next.as_deref(), Some("1.1.0"), "after {when}");
            }
            assert_eq!(web.scene.home.installed(), expected(&good("1.1.0")), "after {when}");
            web.scene.home.restore(&saved);
            web.server.fault(&web.delta(), Fault::Status(404));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_mirror_is_left_for_the_next_one() {
    for fault in [Fault::Status(500), Fault::Reset(0), Fault::Portal, Fault::Flip(50)] {
        let web = Web::new().await;
        let good_folder = tempfile::tempdir().unwrap();
        web.scene.sim.write_to(good_folder.path());
        let good_server = Server::start(good_folder.path());
        for address in web.addresses() {
            web.server.fault(&address, fault.clone());
        }
        let mirrors = [web.server.url(), good_server.url()];
        let found = web.attempt(&mirrors).await.unwrap_or_else(|e| panic!("{fault:?}: {e}"));
        assert_eq!(found.as_deref(), Some("1.1.0"), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_cut_again_and_again_is_continued_and_fetched_about_once() {
    let web = Web::new().await;
    web.server.fault(&web.delta(), Fault::Status(404));
    let full = web.full();
    let length = web.scene.sim.served()[&full].len();
    web.server.faults(&full, [Fault::Truncate(length / 4), Fault::Truncate(length / 4)]);
    assert_eq!(web.attempt(&[web.server.url()]).await.unwrap().as_deref(), Some("1.1.0"));
    let requests = web.server.requests();
    let of_full: Vec<_> = requests.iter().filter(|request| request.path == full).collect();
    assert!(of_full.len() >= 3, "{of_full:?}");
    assert!(of_full[1].from.is_some_and(|from| from > 0), "{of_full:?}");
    let sent: u64 = of_full.iter().map(|request| request.sent).sum();
    assert!(sent <= length as u64 + 1_024, "{sent} of {length} bytes: {of_full:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lies_about_ranges_costs_a_new_beginning_and_nothing_else() {
    for lie in [Fault::IgnoreRange, Fault::WrongRange, Fault::Status(416)] {
        let web = Web::new().await;
        web.server.fault(&web.delta(), Fault::Status(404));
        let full = web.full();
        let length = web.scene.sim.served()[&full].len();
        web.server.faults(&full, [Fault::Truncate(length / 2), lie.clone()]);
        let found = web.attempt(&[web.server.url()]).await;
        let found = found.unwrap_or_else(|e| panic!("{lie:?}: {e}"));
        assert_eq!(found.as_deref(), Some("1.1.0"), "{lie:?}");
        assert_eq!(web.scene.home.installed(), expected(&good("1.1.0")), "{lie:?}");
        let requests = web.server.requests();
        let resumed = requests.iter().any(|r| r.path == full && r.from.is_some());
        assert!(resumed, "{lie:?}: {requests:?}");
    }
}
