//! What was tried and what went wrong.

use std::fmt::Write;

/// How many problems are described; the others are only counted.
const DESCRIBED: usize = 20;

/// What can go wrong with items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Items that were admitted are nowhere.
    Lost,
    /// Items were handed over twice.
    Duplicated,
    /// Anything else is not what was promised: the bound, the order, an outcome, a figure.
    Wrong,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Fault::Lost => "lost",
            Fault::Duplicated => "duplicated",
            Fault::Wrong => "wrong",
        }
    }
}

#[derive(Debug)]
struct Problem {
    fault: Fault,
    count: u64,
    what: String,
    /// Of the round.
    seed: u64,
}

/// What one thread, one round or a whole run has tried, and what went wrong.
#[derive(Debug, Default)]
pub struct Tally {
    pub rounds: u64,
    /// Items of wild rounds: with cancelled waits, failures, closes and aborts.
    pub wild_items: u64,
    /// Items of the hot path.
    pub hot_items: u64,
    pub closes: u64,
    pub aborts: u64,
    pub cancelled_waits: u64,
    pub failed_attempts: u64,
    lost: u64,
    duplicated: u64,
    wrong: u64,
    problems: Vec<Problem>,
}

impl Tally {
    pub fn fault(&mut self, fault: Fault, count: u64, what: impl FnOnce() -> String) {
        *match fault {
            Fault::Lost => &mut self.lost,
            Fault::Duplicated => &mut self.duplicated,
            Fault::Wrong => &mut self.wrong,
        } += count;
        if self.problems.len() < DESCRIBED {
            self.problems.push(Problem { fault, count, what: what(), seed: 0 });
        }
    }

    /// Fails where `holds` is not so.
    pub fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fault(Fault::Wrong, 1, what);
        }
    }

    /// Adds what another one has.
    pub fn add(&mut self, other: Tally) {
        self.rounds += other.rounds;
        self.wild_items += other.wild_items;
        self.hot_items += other.hot_items;
        self.closes += other.closes;
        self.aborts += other.aborts;
        self.cancelled_waits += other.cancelled_waits;
        self.failed_attempts += other.failed_attempts;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.wrong += other.wrong;
        self.problems.extend(other.problems);
        self.problems.truncate(DESCRIBED);
    }

    /// Adds a round.
    pub fn add_round(&mut self, seed: u64, mut round: Tally) {
        round.rounds = 1;
        round.problems.iter_mut().for_each(|problem| problem.seed = seed);
        self.add(round);
    }

    pub fn items(&self) -> u64 {
        self.wild_items + self.hot_items
    }

    /// As one JSON object.
    pub fn to_json(&self) -> String {
        let Tally { rounds, wild_items, hot_items, closes, aborts, cancelled_waits, failed_attempts, .. } = self;
        let Tally { lost, duplicated, wrong, .. } = self;
        let mut json = format!(
            r#"{{"rounds":{rounds},"items":{},"wildItems":{wild_items},"hotItems":{hot_items},"closes":{closes},"#,
            self.items()
        );
        let _ =
            write!(json, r#""aborts":{aborts},"cancelledWaits":{cancelled_waits},"failedAttempts":{failed_attempts},"#);
        let problems: Vec<_> = self.problems.iter().map(Problem::to_json).collect();
        let _ = write!(
            json,
            r#""lost":{lost},"duplicated":{duplicated},"wrong":{wrong},"problems":[{}]}}"#,
            problems.join(",")
        );
        json
    }
}

impl Problem {
    fn to_json(&self) -> String {
        let Problem { fault, count, what, seed } = self;
        // As Rust escapes, JSON does, in plain English.
        format!(r#"{{"fault":"{}","count":{count},"seed":{seed},"what":{what:?}}}"#, fault.name())
    }
}

#[cfg(test)]
impl Tally {
    pub fn faults(&self) -> Vec<(Fault, u64)> {
        let all = [(Fault::Duplicated, self.duplicated), (Fault::Lost, self.lost), (Fault::Wrong, self.wrong)];
        all.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_seed_of_its_round_in_json() {
        let mut round = Tally { wild_items: 7, closes: 1, ..Tally::default() };
        round.fault(Fault::Lost, 2, || "2 items are \"nowhere\"".to_owned());
        let mut run = Tally { hot_items: 5, ..Tally::default() };
        run.add_round(42, round);
        assert_eq!(
            run.to_json(),
            concat!(
                r#"{"rounds":1,"items":12,"wildItems":7,"hotItems":5,"closes":1,"aborts":0,"cancelledWaits":0,"#,
                r#""failedAttempts":0,"lost":2,"duplicated":0,"wrong":0,"problems":[{"fault":"lost","count":2,"#,
                r#""seed":42,"what":"2 items are \"nowhere\""}]}"#
            )
        );
    }

    #[test]
    fn every_fault_counts_however_many_are_described() {
        let mut tally = Tally::default();
        for _ in 0..100 {
            tally.fault(Fault::Wrong, 1, String::new);
        }
        assert_eq!((tally.wrong, tally.problems.len()), (100, DESCRIBED));
    }
}
