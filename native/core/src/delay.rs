//! How long to sleep: a number of milliseconds, or a range of them to draw from.

use std::time::Duration;

use fastrand::Rng;

use crate::options::OptionError;

/// A range of milliseconds that delays are drawn from, each value as likely as any other.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Delay {
    min: f64,
    max: f64,
}

impl Delay {
    /// The longest delay in ms: that of a JavaScript timer, 2^31 - 1, almost 25 days.
    pub const MAX: f64 = 2_147_483_647.0;

    /// No delay at all.
    pub const NONE: Delay = Delay { min: 0.0, max: 0.0 };

    /// Delays from `min` to `max` ms; the same ones twice for a fixed delay. `option` is the name of what is set, for
    /// the error.
    pub fn new(option: &'static str, min: f64, max: f64) -> Result<Self, OptionError> {
        let fits = |ms: f64| (0.0..=Delay::MAX).contains(&ms);
        if fits(min) && fits(max) && min <= max {
            return Ok(Delay { min, max });
        }
        let expected = format!("ms, or a rising range of them, from 0 to {}", Delay::MAX);
        #[expect(clippy::float_cmp, reason = "the very same number twice is how a fixed delay is written")]
        let got = if min == max { format!("{min}") } else { format!("[{min}, {max}]") };
        Err(OptionError::new(option, expected, got))
    }

    /// Whether every draw is 0.
    pub fn is_none(&self) -> bool {
        self.max <= 0.0
    }

    /// Draws a delay, in ms.
    pub fn draw(&self, random: &mut Rng) -> f64 {
        (random.f64() * (self.max - self.min) + self.min).min(self.max)
    }
}

/// `ms` as a duration.
pub(crate) fn from_ms(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_in_the_range_and_reach_both_halves() {
        let delay = Delay::new("delay", 5.0, 20.0).expect("a valid range");
        let mut random = Rng::with_seed(1);
        let draws = (0..1000).map(|_| delay.draw(&mut random)).collect::<Vec<_>>();
        assert!(draws.iter().all(|ms| (5.0..=20.0).contains(ms)));
        assert!(draws.iter().any(|ms| *ms < 12.5) && draws.iter().any(|ms| *ms > 12.5));
    }

    #[test]
    fn a_fixed_delay_is_drawn_exactly() {
        let drawn = Delay::new("delay", 7.5, 7.5).expect("valid").draw(&mut Rng::with_seed(1));
        assert_eq!(drawn.to_bits(), 7.5_f64.to_bits());
    }

    #[test]
    fn refuses_what_is_no_range_of_milliseconds() {
        for (min, max) in [(-1.0, 5.0), (f64::NAN, 1.0), (1.0, f64::INFINITY), (2.0, 1.0), (0.0, 1e12)] {
            let error = Delay::new("delay", min, max).expect_err("an invalid range");
            assert_eq!(error.option(), "delay");
            assert_eq!(error.got(), format!("[{min}, {max}]"));
        }
        assert_eq!(
            Delay::new("delay", -1.0, -1.0).expect_err("negative").to_string(),
            "delay: expected ms, or a rising range of them, from 0 to 2147483647, got -1"
        );
    }
}
