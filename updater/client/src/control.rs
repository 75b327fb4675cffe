//! Steering a run from elsewhere: pause, resume, slow down, end.

use std::num::NonZeroU64;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::cancel::Cancel;
use crate::events::{Event, Progress};

/// Steers the downloads of an [`Updater`](crate::Updater). Cheap to clone; all clones steer the same.
#[derive(Clone, Debug)]
pub struct Control {
    cancel: Cancel,
    flow: watch::Sender<Flow>,
}

/// How bytes may come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Flow {
    paused: bool,
    /// Bytes in a second.
    rate: Option<NonZeroU64>,
}

impl Control {
    pub(crate) fn new(cancel: Cancel, rate: Option<NonZeroU64>) -> Self {
        Control { cancel, flow: watch::Sender::new(Flow { paused: false, rate }) }
    }

    /// Stops receiving payloads until [`resume`](Control::resume). Nothing is lost: a server that does
    /// not wait that long is asked again for the rest. Checks and the work after the download go on.
    pub fn pause(&self) {
        self.flow.send_modify(|flow| flow.paused = true);
    }

    /// Goes on receiving.
    pub fn resume(&self) {
        self.flow.send_modify(|flow| flow.paused = false);
    }

    /// Whether downloads are paused.
    pub fn is_paused(&self) -> bool {
        self.flow.borrow().paused
    }

    /// Receives payloads at no more than so many bytes in a second, on average over a second or two;
    /// `None` takes the limit away. Holds from now on, also for what is under way.
    pub fn limit(&self, bytes_per_second: Option<NonZeroU64>) {
        self.flow.send_modify(|flow| flow.rate = bytes_per_second);
    }

    /// As [`Cancel::cancel`].
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    pub(crate) fn throttle(&self) -> Throttle {
        Throttle { flow: self.flow.subscribe(), free: Instant::now() }
    }
}

/// One run's view of its [`Control`].
#[derive(Debug)]
pub(crate) struct Throttle {
    flow: watch::Receiver<Flow>,
    /// When everything let through so far is paid for.
    free: Instant,
}

impl Throttle {
    /// Most bytes to take at once, lest a slow limit comes in long pauses.
    pub(crate) fn most_at_once(&self) -> usize {
        let quarter = self.flow.borrow().rate.map_or(u64::MAX, |rate| rate.get() / 4);
        usize::try_from(quarter).unwrap_or(usize::MAX).max(4 * 1024)
    }

    /// Waits until more may come after `bytes` came; tells how long that was.
    pub(crate) async fn pass(&mut self, bytes: usize, progress: &mut dyn Progress) -> Waited {
        let begun = Instant::now();
        if let Some(rate) = self.flow.borrow().rate {
            let cost = Duration::from_secs_f64(bytes as f64 / rate.get() as f64);
            // What was not used is not saved up.
            self.free = self.free.max(begun) + cost;
        }
        let mut told = false;
        loop {
            let Flow { paused, rate } = *self.flow.borrow_and_update();
            if paused && !told {
                progress.event(Event::Paused);
            }
            told |= paused;
            let due = if rate.is_some() { self.free } else { begun };
            if !paused && due <= Instant::now() {
                break;
            }
            tokio::select! {
                // Nobody is left who could change anything.
                changed = self.flow.changed() => if changed.is_err() { break },
                () = sleep_until(due), if !paused => {}
            }
        }
        if told {
            progress.event(Event::Resumed);
        }
        Waited { whole: begun.elapsed(), paused: told }
    }
}

/// How long nothing was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waited {
    pub(crate) whole: Duration,
    /// It was on somebody's wish, rather than for the limit.
    pub(crate) paused: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(rate: u64) -> Control {
        Control::new(Cancel::new(), NonZeroU64::new(rate))
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_pass_at_the_limit_and_no_slower() {
        let control = control(100_000);
        let (mut throttle, begun) = (control.throttle(), Instant::now());
        for _ in 0..100 {
            throttle.pass(5_000, &mut |_| {}).await;
        }
        let took = begun.elapsed().as_secs_f32();
        assert!((4.9..5.2).contains(&took), "{took}");
        // Time that nothing came in is not saved up.
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(throttle.pass(50_000, &mut |_| {}).await.whole >= Duration::from_millis(490));
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_may_be_changed_while_somebody_waits() {
        let control = control(10);
        let mut throttle = control.throttle();
        let lift = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            control.limit(None);
        };
        let mut quiet = |_: Event| {};
        let (waited, ()) = tokio::join!(throttle.pass(1000, &mut quiet), lift);
        assert!(waited.whole < Duration::from_secs(2) && !waited.paused, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_paused_waits_until_it_is_resumed_and_says_so() {
        let control = control(0);
        control.pause();
        assert!(control.is_paused());
        let mut throttle = control.throttle();
        let resume = async {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            control.resume();
        };
        let mut told = Vec::new();
        let mut progress = |event: Event| told.push(format!("{event:?}"));
        let (waited, ()) = tokio::join!(throttle.pass(1, &mut progress), resume);
        assert!((3600..3605).contains(&waited.whole.as_secs()) && waited.paused, "{waited:?}");
        assert_eq!(told, ["Paused", "Resumed"]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_anybody_to_resume_it_goes_on() {
        let control = control(0);
        control.pause();
        let mut throttle = control.throttle();
        drop(control);
        throttle.pass(1, &mut |_| {}).await;
    }
}
