//! The native half of the soak: `millrace-soak --seed S --seconds N --items N`, or `--round-seed S [--times N]`.
//!
//! Plays rounds until its time is over, each drawn from a seed of its own: on a channel, on a system, and on the hot
//! path, which has its turn whenever fewer items than asked for are through. Says each round and its seed on stderr, so that
//! one that hangs is known, and prints one JSON object at the end. The exit code is 0 whatever it found.

mod arguments;
mod channel;
mod conservation;
mod futures;
mod gate;
mod hot;
mod ledger;
mod load;
mod order;
mod runs;
mod system;
mod tally;

use std::process::ExitCode;
use std::time::Instant;

use fastrand::Rng;

use arguments::{Arguments, Run};
use tally::Tally;

/// What a round is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hot,
    Channel,
    System,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Hot, Kind::Channel, Kind::System];

    /// A seed says which round it is of, so that it alone repeats one.
    fn of(seed: u64) -> Self {
        Kind::ALL[(seed % Kind::ALL.len() as u64) as usize]
    }

    /// A seed of such a round. Few enough bits that JSON has it exactly.
    fn seed(self, rng: &mut Rng) -> u64 {
        let n = Kind::ALL.len() as u64;
        rng.u64(0..1 << 48) / n * n + self as u64
    }
}

#[allow(clippy::print_stderr, reason = "a program's progress")]
fn play(seed: u64, tally: &mut Tally) {
    let kind = Kind::of(seed);
    eprintln!("round {}, {kind:?}: --round-seed {seed}", tally.rounds + 1);
    let mut rng = Rng::with_seed(seed);
    let round = match kind {
        Kind::Hot => hot::round(&mut rng),
        Kind::Channel => channel::round(&mut rng),
        Kind::System => system::round(&mut rng),
    };
    tally.add_round(seed, round);
}

/// Plays rounds for `seconds`; those of the hot path while fewer items are through than there should be by then.
fn run(seed: u64, seconds: f64, items: u64, tally: &mut Tally) {
    let mut rng = Rng::with_seed(seed);
    let start = Instant::now();
    loop {
        let share = start.elapsed().as_secs_f64() / seconds;
        if share >= 1.0 {
            break;
        }
        let behind = (tally.items() as f64) < share * items as f64;
        // Where the machine is too slow for so many items, every other round is still a wild one.
        let hot = behind && (tally.rounds.is_multiple_of(2) || rng.u8(0..8) > 0);
        let kind = if hot {
            Kind::Hot
        } else if rng.bool() {
            Kind::Channel
        } else {
            Kind::System
        };
        play(kind.seed(&mut rng), tally);
    }
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a program's output")]
fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("millrace-soak: {message}");
            return ExitCode::from(2);
        }
    };
    let mut tally = Tally::default();
    match arguments.run {
        Run::Rounds { seconds, items } => run(arguments.seed, seconds, items, &mut tally),
        Run::Round { times } => (0..times).for_each(|_| play(arguments.seed, &mut tally)),
    }
    println!("{}", tally.to_json());
    ExitCode::SUCCESS
}
