//! The road over real HTTP. What a server can do wrong is in `network_faults.rs`.
#![allow(clippy::unwrap_used)]

use exuvia::{Check, Error, Limits};
use exuvia_tests::home::expected;
use exuvia_tests::server::{Fault, Server};
use exuvia_tests::web::{Asked, Web, impatient, tree};

/// What the whole road gives with these mirrors.
async fn attempt(web: &Web, mirrors: &[String]) -> Result<Option<String>, Error> {
    web.attempt_at(mirrors, Limits::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_over_http_is_the_published_tree() {
    let web = Web::new().await;
    assert_eq!(attempt(&web, &[web.server.url()]).await.unwrap().as_deref(), Some("1.1.0"));
    assert_eq!(web.home.installed(), expected(&tree("1.1.0")));
    let requests = web.server.requests();
    let asked = |asked| requests.iter().any(|request| request.path == web.path(asked));
    assert!(asked(Asked::Delta) && !asked(Asked::Full), "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_check_is_two_requests_with_hardly_any_body() {
    let web = Web::new().await;
    attempt(&web, &[web.server.url()]).await.unwrap();
    web.server.requests();
    let builder = web.home.builder(&web.sim).mirrors([web.server.url()]);
    let check = builder.build().unwrap().check().await.unwrap();
    assert!(!matches!(check, Check::Offer(_)), "{check:?}");
    let requests = web.server.requests();
    let paths: Vec<&str> = requests.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["metadata/3.root.json", "metadata/timestamp.json"]);
    assert!(requests[1].conditional);
    let received: u64 = requests.iter().map(|request| request.sent).sum();
    assert!(received <= 1_024, "{received} bytes of body for a check without news");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_mirror_is_left_for_the_next_one() {
    for fault in [Fault::Status(500), Fault::Reset(0), Fault::Portal, Fault::Flip(50)] {
        let web = Web::new().await;
        let folder = tempfile::tempdir().unwrap();
        web.sim.write_to(folder.path());
        let good = Server::start(folder.path());
        let mirrors = [web.server.url_with(&fault), good.url()];
        let found = web.attempt_at(&mirrors, impatient()).await;
        let found = found.unwrap_or_else(|e| panic!("{fault:?}: {e}"));
        assert_eq!(found.as_deref(), Some("1.1.0"), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_cut_again_and_again_is_continued_and_fetched_about_once() {
    let web = Web::new().await;
    web.server.fault(&web.path(Asked::Delta), Fault::Status(404));
    let (full, length) = (web.path(Asked::Full), web.length(Asked::Full));
    web.server.faults(&full, [Fault::Truncate(length / 4), Fault::Truncate(length / 4)]);
    assert_eq!(attempt(&web, &[web.server.url()]).await.unwrap().as_deref(), Some("1.1.0"));
    let requests = web.server.requests();
    let of_full: Vec<_> = requests.iter().filter(|request| request.path == full).collect();
    assert!(of_full.len() >= 3, "{of_full:?}");
    assert!(of_full[1].from.is_some_and(|from| from > 0), "{of_full:?}");
    let sent: u64 = of_full.iter().map(|request| request.sent).sum();
    assert!(sent <= length as u64 + 1_024, "{sent} of {length} bytes: {of_full:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lies_about_ranges_costs_a_new_beginning_and_nothing_else() {
    for lie in [Fault::IgnoreRange, Fault::WrongRange, Fault::FalseRange, Fault::Status(416)] {
        let web = Web::new().await;
        web.server.fault(&web.path(Asked::Delta), Fault::Status(404));
        let (full, length) = (web.path(Asked::Full), web.length(Asked::Full));
        web.server.faults(&full, [Fault::Truncate(length / 2), lie.clone()]);
        let found = attempt(&web, &[web.server.url()]).await;
        let found = found.unwrap_or_else(|e| panic!("{lie:?}: {e}"));
        assert_eq!(found.as_deref(), Some("1.1.0"), "{lie:?}");
        assert_eq!(web.home.installed(), expected(&tree("1.1.0")), "{lie:?}");
        let requests = web.server.requests();
        let resumed = requests.iter().any(|r| r.path == full && r.from.is_some());
        assert!(resumed, "{lie:?}: {requests:?}");
    }
}
