//! Every fault of a server at every kind of file that an update asks for. The whole table, with every
//! border in the body, is made by `tests/network-faults`.
#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use exuvia_tests::web::table::{self, Case};
use exuvia_tests::web::{Web, run_all};

#[tokio::test]
async fn no_fault_anywhere_harms_the_application_or_the_next_update() {
    let cases = table::sample(&Web::new().await);
    let wrong = Mutex::new(Vec::new());
    run_all(cases, 8, |case: &Case, outcome| {
        if !case.allowed().contains(&outcome.label.as_str()) {
            wrong.lock().unwrap().push((case.clone(), outcome));
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
