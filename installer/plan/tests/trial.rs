//! The trial rules as one table.
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

use exuvia_plan::Health;
use exuvia_plan::trial::{Admission, End, MAX_STARTS, Outcome, Verdict, Watch, admit, judge};

#[test]
fn three_starts_and_no_more() {
    for starts in 0..=u8::MAX {
        let expected = match starts {
            0 => Admission::Start { counted: 1 },
            1 => Admission::Start { counted: 2 },
            2 => Admission::Start { counted: 3 },
            _ => Admission::Exhausted,
        };
        assert_eq!(admit(starts), expected, "{starts}");
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
            let watch = Watch { health, starts, overdue };
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
        assert_eq!(End::sort(code, signal, asked), expected, "{code:?} {signal:?} {asked}");
    }
}

#[test]
fn every_reason_tells_how_the_last_start_ended() {
    use exuvia_plan::trial::{failed, not_started, silent};
    assert_eq!(failed(Some(3), None), "three starts, the last one ended with 3");
    assert_eq!(failed(None, Some(11)), "three starts, the last one ended by signal 11");
    let silence = silent(Health::default());
    assert_eq!(silence, "three starts, the last one not healthy within 60 seconds");
    let kind = std::io::ErrorKind::NotFound;
    assert_eq!(not_started(kind), "three starts, the last one impossible (entity not found)");
}
