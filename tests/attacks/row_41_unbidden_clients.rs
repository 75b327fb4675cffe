//! Two at once, and answers from before. There is no socket: who may write the installation may change
//! it, nobody else can ask for that.

use exuvia::{Error, LocalError};
use exuvia_plan::{Qualify, qualify_answer};
use exuvia_tests::scene::Scene;

#[tokio::test]
async fn of_two_updaters_at_once_one_does_it_and_the_other_leaves() {
    let scene = Scene::under_attack().await;
    let (one, two) = tokio::join!(scene.attempt(), scene.attempt());
    let did =
        |result: &Result<Option<String>, Error>| matches!(result, Ok(Some(v)) if v == "1.1.0");
    let left = |result: &Result<Option<String>, Error>| {
        matches!(result, Ok(None) | Err(Error::Local(LocalError::Busy | LocalError::Helper(_))))
    };
    assert!(did(&one) || did(&two), "{one:?} {two:?}");
    for result in [&one, &two] {
        assert!(did(result) || left(result), "{result:?}");
    }
    scene.settles().await;
}

#[test]
fn an_answer_to_another_question_qualifies_nothing() {
    let answer = qualify_answer("00000000000000000000000000000000") + "\n";
    let judge = |nonce: &str| Qualify::Nonce.judge(Some(0), None, answer.as_bytes(), b"", nonce);
    assert!(judge("00000000000000000000000000000000").is_ok());
    assert!(judge("00000000000000000000000000000001").is_err());
}

#[tokio::test]
async fn an_installation_listens_to_nobody() {
    use std::os::unix::fs::FileTypeExt;
    let scene = Scene::under_attack().await;
    scene.arrives().await;
    let mut open = vec![scene.home.path().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            assert!(!kind.is_socket() && !kind.is_fifo(), "{}", entry.path().display());
            if kind.is_dir() {
                open.push(entry.path());
            }
        }
    }
}
