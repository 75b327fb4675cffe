//! How a route's download goes: told, and kept to the rate that is allowed.

use std::time::Duration;

use tokio::time::Instant;

use crate::control::Throttle;
use crate::error::Error;
use crate::events::{Event, Progress, RouteKind};
use crate::mirrors::Mirrors;
use crate::pull::Pull;

const TELL_EVERY: Duration = Duration::from_millis(100);
/// Over which time a rate is an average.
const MEMORY: f64 = 3.0;

/// Adds up what was received for a route and tells it, not too often.
pub(crate) struct Meter<'p> {
    pub(crate) progress: &'p mut dyn Progress,
    throttle: Throttle,
    route: RouteKind,
    before: u64,
    total: u64,
    told: Option<(Instant, u64)>,
    rate: f64,
}

impl<'p> Meter<'p> {
    pub(crate) fn new(
        progress: &'p mut dyn Progress,
        throttle: Throttle,
        route: RouteKind,
        total: u64,
    ) -> Self {
        Meter { progress, throttle, route, before: 0, total, told: None, rate: 0.0 }
    }

    /// Waits until more may come after `bytes` came. The time is no mirror's fault.
    pub(crate) async fn pass(
        &mut self,
        mirrors: &mut Mirrors,
        pull: Option<&mut Pull>,
        bytes: usize,
    ) -> Result<(), Error> {
        let pass = self.throttle.pass(bytes, self.progress);
        let waited = mirrors.watch().guard(pass).await?;
        if waited.paused {
            mirrors.excuse(waited.whole);
        }
        if let Some(pull) = pull {
            pull.excuse(waited.whole);
        }
        Ok(())
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.throttle.most_at_once()
    }

    pub(crate) fn received(&mut self, of_this_file: u64) {
        let (now, received) = (Instant::now(), self.before + of_this_file);
        let Some((told, then)) = self.told else {
            // What was here before says nothing about the rate.
            return self.tell(now, received);
        };
        let passed = now.duration_since(told);
        if passed < TELL_EVERY {
            return;
        }
        let seconds = passed.as_secs_f64();
        let of_late = received.saturating_sub(then) as f64 / seconds;
        let weight = if self.rate == 0.0 { 1.0 } else { 1.0 - (-seconds / MEMORY).exp() };
        self.rate += (of_late - self.rate) * weight;
        self.tell(now, received);
    }

    pub(crate) fn finish_file(&mut self, length: u64) {
        self.before += length;
        self.tell(Instant::now(), self.before);
    }

    fn tell(&mut self, now: Instant, received: u64) {
        self.told = Some((now, received));
        let (route, total, rate) = (self.route, self.total, self.rate as u64);
        let left = total.saturating_sub(received).checked_div(rate).map(Duration::from_secs);
        self.progress.event(Event::Downloading { route, received, total, rate, left });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::Cancel;
    use crate::control::Control;

    #[tokio::test(start_paused = true)]
    async fn the_rate_follows_what_comes_and_what_was_here_before_does_not_count() {
        let mut told = Vec::new();
        let mut progress = |event: Event| {
            if let Event::Downloading { rate, left, .. } = event {
                told.push((rate, left.map(|left| left.as_secs())));
            }
        };
        let throttle = Control::new(Cancel::new(), None).throttle();
        let mut meter = Meter::new(&mut progress, throttle, RouteKind::Full, 2_000_000);
        for step in 0..100 {
            meter.received(1_000_000 + step * 1000);
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        for step in 0..100 {
            meter.received(1_100_000 + step * 2000);
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        assert_eq!(told[0], (0, None));
        assert!((9_900..=10_100).contains(&told[50].0), "{:?}", told[50]);
        let (rate, left) = told[199];
        assert!((19_000..=20_100).contains(&rate), "{rate}");
        assert!((34..=38).contains(&left.unwrap()), "{left:?}");
    }
}
