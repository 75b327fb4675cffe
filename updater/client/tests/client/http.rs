//! What an HTTP mirror may answer, and what the source makes of it.

use crate::server::{Answer, Server};
use exuvia::fetch::{Body, Fetch, FetchError, Http, HttpOptions, Reply, Request};
use futures_util::StreamExt;

fn mirror(server: &Server) -> Http {
    Http::new(&server.base, &HttpOptions::default()).unwrap()
}

async fn whole(server: &Server) -> Result<Reply, FetchError> {
    mirror(server).open(Request::whole("metadata/timestamp.json")).await
}

async fn read(body: Body) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    let mut chunks = body.chunks;
    while let Some(chunk) = chunks.next().await {
        bytes.extend(chunk?);
    }
    Ok(bytes)
}

async fn body(server: &Server, offset: u64, validator: Option<&str>) -> Body {
    let request = Request { path: "targets/a/x", offset, validator, length: None };
    match mirror(server).open(request).await.unwrap() {
        Reply::Body(body) => body,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_comes_with_its_validator_and_without_cookies_or_encodings() {
    let server =
        Server::start(|seen| Answer::file(seen, b"hello", "\"v1\"").header("Set-Cookie", "a=b"));
    for _ in 0..2 {
        let body = body(&server, 0, None).await;
        assert_eq!(body.validator.as_deref(), Some("\"v1\""));
        assert_eq!(read(body).await.unwrap(), b"hello");
    }
    for seen in server.log() {
        assert_eq!(seen.path, "/app/targets/a/x");
        assert_eq!(seen.header("accept-encoding"), Some("identity"));
        for name in ["cookie", "range", "if-none-match", "referer"] {
            assert_eq!(seen.header(name), None, "{name}");
        }
    }
}

#[tokio::test]
async fn names_are_percent_encoded() {
    let server = Server::start(|seen| Answer::file(seen, b"hello", "\"v1\""));
    let reply = mirror(&server).open(Request::whole("targets/a b/ü#?%41")).await.unwrap();
    assert!(matches!(reply, Reply::Body(_)));
    assert_eq!(server.log()[0].path, "/app/targets/a%20b/%C3%BC%23%3F%2541");
}

#[tokio::test]
async fn resuming_continues_where_the_file_is_the_same() {
    let server = Server::start(|seen| Answer::file(seen, b"hello", "\"v1\""));
    let rest = body(&server, 3, Some("\"v1\"")).await;
    assert_eq!((rest.offset, read(rest).await.unwrap()), (3, b"lo".to_vec()));
    assert_eq!(server.log()[0].header("if-range"), Some("\"v1\""));
}

#[tokio::test]
async fn resuming_begins_anew_where_the_file_changed_or_ranges_are_ignored() {
    let changed = Server::start(|seen| Answer::file(seen, b"HELLO", "\"v2\""));
    let rest = body(&changed, 3, Some("\"v1\"")).await;
    assert_eq!((rest.offset, read(rest).await.unwrap()), (0, b"HELLO".to_vec()));
    let ignorant = Server::start(|_| Answer::ok(*b"hello"));
    assert_eq!(body(&ignorant, 3, None).await.offset, 0);
}

#[tokio::test]
async fn a_range_that_cannot_be_continued_is_said_so() {
    let beyond = Server::start(|seen| Answer::file(seen, b"hello", "\"v1\""));
    let wrong = Server::start(|_| {
        Answer { status: 206, ..Answer::ok(*b"hello") }.header("Content-Range", "bytes 0-4/5")
    });
    for server in [beyond, wrong] {
        let request = Request { path: "targets/x", offset: 9, validator: None, length: None };
        assert!(matches!(mirror(&server).open(request).await, Ok(Reply::NotResumable)));
    }
}

#[tokio::test]
async fn only_403_and_404_mean_that_a_file_is_missing() {
    for (status, missing) in [(403, true), (404, true), (400, false), (410, false), (500, false)] {
        let server = Server::start(move |_| Answer::status(status));
        match whole(&server).await {
            Ok(Reply::Missing) => assert!(missing, "{status}"),
            Err(FetchError::Status { code, .. }) => assert!(!missing && code == status, "{status}"),
            other => panic!("{status}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn not_modified_answers_only_a_question() {
    let server = Server::start(|_| Answer::status(304));
    let ask =
        |validator| Request { path: "metadata/timestamp.json", offset: 0, validator, length: None };
    let mirror = mirror(&server);
    assert!(matches!(mirror.open(ask(Some("\"v1\""))).await, Ok(Reply::NotModified)));
    assert!(matches!(mirror.open(ask(None)).await, Err(FetchError::Status { code: 304, .. })));
}

#[tokio::test]
async fn an_encoded_body_is_refused() {
    let server = Server::start(|_| Answer::ok(*b"\x1f\x8b").header("Content-Encoding", "gzip"));
    assert!(matches!(whole(&server).await, Err(FetchError::Encoded { .. })));
}

#[tokio::test]
async fn a_body_cut_short_is_broken() {
    let server = Server::start(|_| Answer::ok(vec![7; 1000]).cut(10));
    let error = read(body(&server, 0, None).await).await.unwrap_err();
    assert!(matches!(error, FetchError::Broken { .. }), "{error:?}");
}

#[tokio::test]
async fn few_redirects_are_followed_and_none_to_weaker_places() {
    let hops = |limit: usize| {
        Server::start(move |seen| {
            let hop: usize = seen.path.rsplit('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
            if hop == limit {
                return Answer::ok(*b"there");
            }
            Answer::status(302).header("Location", format!("/hop-{}", hop + 1))
        })
    };
    assert!(matches!(whole(&hops(5)).await, Ok(Reply::Body(_))));
    assert!(matches!(whole(&hops(6)).await, Err(FetchError::TooManyRedirects { limit: 5 })));
    for place in ["http://login.example/", "ftp://127.0.0.1/", "file:///etc/passwd"] {
        let server = Server::start(move |_| Answer::status(302).header("Location", place));
        let refused = whole(&server).await;
        assert!(!matches!(refused, Ok(Reply::Body(_) | Reply::Missing)), "{place}: {refused:?}");
    }
}

#[tokio::test]
async fn headers_for_the_mirror_do_not_follow_a_redirect_elsewhere() {
    let elsewhere = Server::start(|seen| Answer::file(seen, b"hello", "\"v1\""));
    let to = format!("{}x", elsewhere.base);
    let server = Server::start(move |seen| match seen.path.ends_with("/timestamp.json") {
        true => Answer::status(302).header("Location", "2.json"),
        false => Answer::status(302).header("Location", to.clone()),
    });
    let mut options = HttpOptions::default();
    for name in ["Private-Token", "Authorization"] {
        options.headers.push((name.to_owned(), "secret".to_owned()));
    }
    let mirror = Http::new(&server.base, &options).unwrap();
    let reply = mirror.open(Request::whole("metadata/timestamp.json")).await.unwrap();
    assert!(matches!(reply, Reply::Body(_)));
    let sent = |server: &Server| -> Vec<bool> {
        server.log().iter().map(|seen| seen.header("private-token").is_some()).collect()
    };
    assert_eq!((sent(&server), sent(&elsewhere)), (vec![true, true], vec![false]));
    assert_eq!(elsewhere.log()[0].header("authorization"), None);
}

#[tokio::test]
async fn retry_after_is_passed_on() {
    let server = Server::start(|_| Answer::status(503).header("Retry-After", "120"));
    let error = whole(&server).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(120)));
}

#[tokio::test]
async fn nobody_listening_is_no_missing_file() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap()
    };
    let mirror = Http::new(&gone, &HttpOptions::default()).unwrap();
    let error = mirror.open(Request::whole("metadata/2.root.json")).await.unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn large_headers_are_refused() {
    let fields = |count: usize, length: usize| {
        Server::start(move |_| {
            let many = (0..count).map(|n| (format!("X-{n}"), "a".repeat(length)));
            let mut answer = Answer::ok(*b"{}");
            answer.headers.extend(many);
            answer
        })
    };
    assert!(matches!(whole(&fields(90, 100)).await, Ok(Reply::Body(_))));
    for (count, length) in [(1, 200_000), (90, 1000), (200, 1), (2000, 1)] {
        let refused = whole(&fields(count, length)).await;
        assert!(matches!(refused, Err(FetchError::Header { .. })), "{count}: {refused:?}");
    }
}

#[tokio::test]
async fn an_endless_header_is_given_up() {
    for (count, length) in [(1, 2_000_000), (20_000, 1)] {
        let server = Server::start(move |_| {
            let mut answer = Answer::ok(*b"{}");
            answer.headers.extend((0..count).map(|n| (format!("X-{n}"), "a".repeat(length))));
            answer
        });
        let refused = whole(&server).await;
        assert!(matches!(refused, Err(FetchError::Broken { .. })), "{count}: {refused:?}");
    }
}

#[tokio::test]
async fn a_not_modified_with_a_location_is_no_redirect() {
    let server = Server::start(|_| Answer::status(304).header("Location", "/elsewhere"));
    let request =
        Request { path: "metadata/x.json", offset: 0, validator: Some("\"v\""), length: None };
    assert!(matches!(mirror(&server).open(request).await, Ok(Reply::NotModified)));
}

#[tokio::test]
async fn a_network_that_wants_a_login_says_so() {
    let server = Server::start(|_| Answer::status(511));
    assert!(matches!(whole(&server).await, Err(FetchError::NotMetadata)));
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_named() {
    let mut options = HttpOptions::default();
    options.proxy = exuvia::fetch::Proxy::Direct;
    let mirror = Http::new(&"https://updates.invalid/".parse().unwrap(), &options).unwrap();
    let error = mirror.open(Request::whole("metadata/2.root.json")).await.unwrap_err();
    assert_eq!(error.to_string(), "the host updates.invalid cannot be found");
    assert!(matches!(error, FetchError::NoSuchHost { host } if host == "updates.invalid"));
}
