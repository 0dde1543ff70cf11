//! What the program is called with.

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Run {
    /// Rounds for so long, with about so many items.
    Rounds { seconds: f64, items: u64 },
    /// One round, so many times.
    Round { times: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arguments {
    /// Of the run, or of the round.
    pub seed: u64,
    pub run: Run,
}

impl Arguments {
    /// # Errors
    /// Says what was expected, and what came.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut seed, mut round, mut seconds, mut items, mut times) = (None, None, None, None, None);
        while let Some(name) = arguments.next() {
            let text = arguments.next().ok_or_else(|| format!("expected a number after {name}"))?;
            let number = text.parse().map_err(|_| format!("{name}: expected a whole number, got {text:?}"));
            match name.as_str() {
                "--seed" => seed = Some(number?),
                "--round-seed" => round = Some(number?),
                "--items" => items = Some(number?),
                "--times" => times = Some(number?),
                "--seconds" => {
                    let positive = text.parse().ok().filter(|seconds: &f64| *seconds > 0.0);
                    seconds = Some(positive.ok_or_else(|| format!("{name}: expected a number above 0, got {text:?}"))?);
                }
                _ => return Err(format!("expected --seed, --seconds, --items, --round-seed or --times, got {name}")),
            }
        }
        match (seed, round, seconds) {
            (None, Some(seed), None) => Ok(Arguments { seed, run: Run::Round { times: times.unwrap_or(1) } }),
            (Some(seed), None, Some(seconds)) => {
                Ok(Arguments { seed, run: Run::Rounds { seconds, items: items.unwrap_or(0) } })
            }
            _ => Err("expected --seed and --seconds, or --round-seed".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Arguments, String> {
        Arguments::parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn it_plays_rounds_or_one_round() {
        let rounds = Run::Rounds { seconds: 1.5, items: 1000 };
        assert_eq!(parse("--seed 7 --seconds 1.5 --items 1000"), Ok(Arguments { seed: 7, run: rounds }));
        assert_eq!(parse("--round-seed 7"), Ok(Arguments { seed: 7, run: Run::Round { times: 1 } }));
        assert_eq!(parse("--round-seed 7 --times 9"), Ok(Arguments { seed: 7, run: Run::Round { times: 9 } }));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "--seed 7", "--seed 7 --seconds 0", "--seed x --seconds 1", "--seed", "--speed 7", "--seconds 1"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
