//! The trial rules as one table.
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

use exuvia_plan::Health;
use exuvia_plan::trial::{
    Admission, Count, End, Exit, MAX_STARTS, Outcome, Verdict, Watch, admit, judge,
};
use std::io::ErrorKind;

#[test]
fn three_starts_and_no_more() {
    for starts in 0..=u8::MAX {
        let clean = 2;
        let counted = match starts {
            0 => Some(1),
            1 => Some(2),
            2 => Some(3),
            _ => None,
        };
        let expected = counted.map_or(Admission::Exhausted, |starts| {
            let counted = Count { starts, clean };
            Admission::Start { counted }
        });
        assert_eq!(admit(Count { starts, clean }), expected, "{starts}");
    }
}

#[test]
fn every_outcome_of_every_start_has_its_verdict() {
    use End::{Clean, Failed, Stopped};
    use Verdict::{Again, Confirm, GiveBack, Leave, Overdue, Revert, RevertUnderway};
    const EXPLICIT: Health = Health::Explicit { seconds: 60 };
    const ALIVE: Health = Health::Alive { seconds: 5 };
    // outcome, health, overdue -> verdict on starts 1 and 2, verdict on start 3
    let table = [
        (Outcome::Window, EXPLICIT, false, Overdue, RevertUnderway),
        (Outcome::Window, EXPLICIT, true, Overdue, RevertUnderway),
        (Outcome::Window, ALIVE, false, Confirm, Confirm),
        (Outcome::Window, ALIVE, true, Confirm, Confirm),
        (Outcome::Ended(Failed), EXPLICIT, false, Again, Revert),
        (Outcome::Ended(Failed), EXPLICIT, true, Again, Revert),
        (Outcome::Ended(Failed), ALIVE, false, Again, Revert),
        (Outcome::Ended(Failed), ALIVE, true, Again, Revert),
        (Outcome::Ended(Clean), EXPLICIT, false, GiveBack, GiveBack),
        (Outcome::Ended(Clean), EXPLICIT, true, Leave, Leave),
        (Outcome::Ended(Clean), ALIVE, false, GiveBack, GiveBack),
        (Outcome::Ended(Clean), ALIVE, true, Leave, Leave),
        (Outcome::Ended(Stopped), EXPLICIT, false, GiveBack, GiveBack),
        (Outcome::Ended(Stopped), EXPLICIT, true, Leave, Leave),
        (Outcome::Ended(Stopped), ALIVE, false, GiveBack, GiveBack),
        (Outcome::Ended(Stopped), ALIVE, true, Leave, Leave),
    ];
    for (outcome, health, overdue, early, last) in table {
        for (starts, expected) in [(1, early), (2, early), (MAX_STARTS, last), (9, last)] {
            let watch = Watch { health, count: Count { starts, clean: 1 }, overdue };
            assert_eq!(judge(watch, outcome), expected, "{watch:?} {outcome:?}");
        }
    }
}

#[test]
fn an_end_is_sorted_by_status_signal_and_by_who_asked() {
    let cases = [
        (Some(0), None, false, End::Clean),
        (Some(0), None, true, End::Clean),
        (Some(1), None, false, End::Failed),
        (Some(130), None, false, End::Failed),
        (Some(1), None, true, End::Stopped),
        (None, Some(15), false, End::Stopped),
        (None, Some(1), false, End::Stopped),
        (None, Some(2), false, End::Stopped),
        (None, Some(9), false, End::Failed),
        (None, Some(9), true, End::Stopped),
        (None, Some(6), false, End::Failed),
        (None, Some(11), false, End::Failed),
        (None, None, false, End::Failed),
    ];
    for (code, signal, asked, expected) in cases {
        assert_eq!(
            Exit::Gone { code, signal }.sort(asked),
            expected,
            "{code:?} {signal:?} {asked}"
        );
    }
}

#[test]
fn every_reason_tells_how_the_last_start_ended() {
    let reason = |code, signal| Exit::Gone { code, signal }.reason();
    assert_eq!(reason(Some(3), None), "three starts, the last one ended with 3");
    assert_eq!(reason(None, Some(11)), "three starts, the last one ended by signal 11");
    let silence = exuvia_plan::trial::silent(Health::default());
    assert_eq!(silence, "three starts, the last one not healthy within 60 seconds");
    let gone = Exit::NotStarted(ErrorKind::NotFound).reason();
    assert_eq!(gone, "three starts, the last one found no program to start");
    let denied = Exit::NotStarted(ErrorKind::PermissionDenied).reason();
    assert_eq!(denied, "three starts, the last one was impossible (permission denied)");
}

#[test]
fn the_third_clean_end_proves_a_release_for_which_being_up_is_enough() {
    let mut count = Count::default();
    for expected in [Verdict::GiveBack, Verdict::GiveBack, Verdict::Confirm, Verdict::Confirm] {
        let Admission::Start { counted } = admit(count) else { panic!("{count:?}") };
        let judged = |health| {
            let watch = Watch { health, count: counted, overdue: false };
            judge(watch, Outcome::Ended(End::Clean))
        };
        assert_eq!(judged(Health::Alive { seconds: 5 }), expected, "{count:?}");
        assert_eq!(judged(Health::default()), Verdict::GiveBack, "only its own word counts");
        count = counted.given_back(End::Clean);
        assert_eq!(counted.given_back(End::Stopped).clean, counted.clean);
        assert!(Count::all().any(|possible| possible == count), "{count:?}");
    }
}
