//! One application is worked on at a time; who only waits for somebody holds nobody up.

use std::cell::Cell;

use tokio::sync::Semaphore;

/// The turns of a round.
#[derive(Debug)]
pub(crate) struct Turns {
    turn: Semaphore,
    /// Those who have waited and want to go on.
    back: Cell<usize>,
}

impl Turns {
    pub(crate) fn new() -> Turns {
        Turns { turn: Semaphore::new(1), back: Cell::new(0) }
    }

    /// Begins when it is its turn; who was begun before and can go on comes first.
    pub(crate) async fn work<T>(&self, work: impl Future<Output = T>) -> T {
        let _turn = loop {
            // It is never closed.
            let turn = self.turn.acquire().await.ok();
            if self.back.get() == 0 {
                break turn;
            }
        };
        work.await
    }

    /// Lets others work until somebody has answered. Only within [`work`](Turns::work).
    pub(crate) async fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.turn.add_permits(1);
        let answer = answer.await;
        self.back.set(self.back.get() + 1);
        if let Ok(turn) = self.turn.acquire().await {
            turn.forget();
        }
        self.back.set(self.back.get() - 1);
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_works_at_a_time_and_who_waits_holds_nobody_up() {
        let (turns, told) = (Turns::new(), RefCell::new(Vec::new()));
        let tell = |name: &'static str, what| told.borrow_mut().push((name, what));
        // name, minutes of work, minutes until somebody answers
        let table = [("a", 1, Some(2)), ("b", 3, None), ("c", 1, Some(600)), ("d", 1, Some(1))];
        let run = |(name, minutes, answered): (&'static str, u64, Option<u64>)| {
            let (turns, minute) = (&turns, |n| sleep(Duration::from_secs(60 * n)));
            turns.work(async move {
                tell(name, "begins");
                minute(minutes).await;
                if let Some(after) = answered {
                    tell(name, "asks");
                    turns.wait(minute(after)).await;
                    tell(name, "goes on");
                    minute(1).await;
                }
                tell(name, "ends");
            })
        };
        let begun = tokio::time::Instant::now();
        join_all(table.map(run)).await;
        let expected = "a begins, a asks, b begins, b ends, a goes on, a ends, c begins, c asks, \
                        d begins, d asks, d goes on, d ends, c goes on, c ends";
        let told: Vec<String> =
            told.borrow().iter().map(|(name, what)| format!("{name} {what}")).collect();
        assert_eq!(told.join(", "), expected);
        // One wait for all of them.
        assert!(begun.elapsed() < Duration::from_secs(60 * 610), "{:?}", begun.elapsed());
    }
}
