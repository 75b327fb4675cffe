//! Large files are asked for in pieces, so that little is lost with a process that is killed.

use std::sync::Arc;
use std::time::Duration;

use exuvia::fetch::{Body, Fetch, FetchError, Http, HttpOptions, Reply, Request};
use futures_util::StreamExt;

use crate::server::{Answer, Seen, Server};

const MIB: usize = 1 << 20;

fn file() -> Arc<Vec<u8>> {
    Arc::new((0..5 * MIB + 5).map(|n| (n / 7 % 251) as u8).collect())
}

/// A server of [`file`] whose answers from the second on may be others.
fn serves(
    delay: Duration,
    bend: impl Fn(&Seen, Answer) -> Answer + Send + Sync + 'static,
) -> Server {
    let body = file();
    Server::start(move |seen| {
        let answer = Answer { delay, ..Answer::file(seen, &body, "\"v1\"") };
        match seen.range(body.len()).is_some_and(|range| range.start > 0) {
            true => bend(seen, answer),
            false => answer,
        }
    })
}

async fn open(server: &Server, offset: u64) -> Body {
    let http = Http::new(&server.base, &HttpOptions::default()).unwrap();
    let length = Some(file().len() as u64);
    match http.open(Request { path: "targets/x", offset, validator: None, length }).await {
        Ok(Reply::Body(body)) => body,
        other => panic!("{other:?}"),
    }
}

/// The bytes that came, and how that ended.
async fn read(mut body: Body) -> (Vec<u8>, Option<FetchError>) {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.chunks.next().await {
        match chunk {
            Ok(chunk) => bytes.extend(chunk),
            Err(error) => return (bytes, Some(error)),
        }
    }
    (bytes, None)
}

fn ranges(server: &Server) -> Vec<String> {
    let log = server.log();
    log.iter().map(|seen| seen.header("range").unwrap_or("none").replace("bytes=", "")).collect()
}

#[tokio::test]
async fn the_pieces_are_the_file_and_are_asked_for_only_while_it_is_the_same() {
    let server = serves(Duration::ZERO, |_, answer| answer);
    for (offset, first) in [(0, "0-786431"), (1, "1-786432"), (4_718_597, "4718597-")] {
        let before = server.log().len();
        let (bytes, error) = read(open(&server, offset).await).await;
        assert!(error.is_none() && bytes == file()[offset as usize..], "{offset}: {error:?}");
        assert_eq!(ranges(&server)[before], first);
        let log = server.log().split_off(before + 1);
        assert_eq!(log.is_empty(), first.ends_with('-'));
        assert!(log.iter().all(|seen| seen.header("if-range") == Some("\"v1\"")));
    }
}

#[tokio::test]
async fn no_more_than_a_mebibyte_is_on_its_way() {
    let server = serves(Duration::ZERO, |_, answer| answer);
    let (mut body, mut held, length) = (open(&server, 0).await, 0, file().len());
    while let Some(chunk) = body.chunks.next().await {
        // The last 256 KiB may not be written down yet.
        let kept = held - held.min(256 * 1024);
        let ends = server.log().into_iter().filter_map(|seen| seen.range(length));
        let asked = ends.map(|range| range.end).max().unwrap();
        assert!(asked - kept <= MIB, "{asked} were asked for, {held} came");
        held += chunk.unwrap().len();
    }
    assert_eq!(held, length);
}

#[tokio::test]
async fn a_far_and_fast_line_is_used_up() {
    let whole: Vec<u8> = (0..24 * MIB).map(|n| (n / 7 % 251) as u8).collect();
    let (length, body) = (Some(whole.len() as u64), whole.clone());
    let delay = Duration::from_millis(150);
    let server = Server::start(move |seen| Answer { delay, ..Answer::file(seen, &body, "\"v1\"") });
    let http = Http::new(&server.base, &HttpOptions::default()).unwrap();
    let request = Request { path: "targets/x", offset: 0, validator: None, length };
    let Reply::Body(body) = http.open(request).await.unwrap() else { panic!() };
    let (bytes, error) = read(body).await;
    assert!(error.is_none() && bytes == whole, "{error:?}");
    // At 384 KiB each they would be 63, two a round trip.
    let requests = server.log().len();
    assert!(requests <= 40, "{requests}: {:?}", ranges(&server));
}

#[tokio::test]
async fn where_an_answer_takes_long_the_next_piece_is_asked_for_before_it_is_wanted() {
    let server = serves(Duration::from_millis(60), |_, answer| answer);
    let (mut body, mut held) = (open(&server, 0).await, 0);
    while held <= 786_432 {
        held += body.chunks.next().await.unwrap().unwrap().len();
    }
    // Nobody reads on while this waits.
    for _ in 0..500 {
        if server.log().len() >= 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // On two connections, so in either order.
    let mut later = ranges(&server).split_off(1);
    later.sort_by_key(|range| range.len());
    assert_eq!(later, ["786432-1179647", "1179648-1572863"]);
}

#[tokio::test]
async fn what_is_not_the_next_piece_ends_the_file_early() {
    type Bend = fn(&Seen, Answer) -> Answer;
    let bends: [(&str, Bend); 7] = [
        ("changed", |seen, _| Answer::file(seen, &file(), "\"v2\"")),
        ("encoded", |_, answer| answer.header("Content-Encoding", "gzip")),
        ("gone", |_, _| Answer::status(404)),
        ("busy", |_, _| Answer::status(429)),
        ("moved", |_, _| Answer::status(302).header("Location", "/elsewhere")),
        ("another", |seen, answer| {
            let range = seen.range(file().len()).unwrap();
            let said = format!("bytes {}-{}/9999999", range.start - 1, range.end - 2);
            Answer { headers: vec![("Content-Range".to_owned(), said)], ..answer }
        }),
        ("longer", |_, answer| {
            let mut body = answer.body.clone();
            body.push(0);
            Answer { body, ..answer }
        }),
    ];
    for (name, bend) in bends {
        let server = serves(Duration::ZERO, bend);
        let (bytes, error) = read(open(&server, 0).await).await;
        assert_eq!(bytes, file()[..786_432], "{name}");
        assert!(matches!(error, Some(FetchError::Truncated { received: 786_432, .. })), "{name}");
    }
}

#[tokio::test]
async fn a_server_that_closes_after_each_answer_is_asked_for_all_the_rest_at_once() {
    let body = file();
    let server = Server::start(move |seen| {
        Answer::file(seen, &body, "\"v1\"").header("Connection", "close")
    });
    let (bytes, error) = read(open(&server, 0).await).await;
    assert!(error.is_none() && bytes == **file(), "{error:?}");
    assert_eq!(ranges(&server), ["0-786431", "786432-5242884"]);
}

#[tokio::test]
async fn a_server_that_gives_all_at_once_is_taken_at_its_word() {
    let whole = |status| Answer { status, ..Answer::ok(file().to_vec()) };
    let without_ranges = Server::start(move |_| whole(200));
    let without_ends = Server::start(move |_| {
        let length = file().len();
        whole(206).header("Content-Range", format!("bytes 0-{}/{length}", length - 1))
    });
    for server in [without_ranges, without_ends] {
        let (bytes, error) = read(open(&server, 0).await).await;
        assert!(error.is_none() && bytes == **file(), "{error:?}");
        assert_eq!(server.log().len(), 1);
    }
}
