//! Sets of the numbers below a limit that are filled by runs: a bit a number, a step a word.

use crate::tally::{Fault, Tally};

const BITS: usize = u64::BITS as usize;

/// A set of numbers, and what came into it twice.
#[derive(Debug, Clone)]
pub struct Runs {
    words: Vec<u64>,
    limit: usize,
    twice: u64,
    outside: u64,
}

impl Runs {
    pub fn new(limit: usize) -> Self {
        Runs { words: vec![0; limit.div_ceil(BITS)], limit, twice: 0, outside: 0 }
    }

    /// Adds the numbers `first..first + n`.
    pub fn insert(&mut self, first: usize, n: usize) {
        let end = first.saturating_add(n);
        self.outside += (end.saturating_sub(self.limit.max(first))) as u64;
        let (mut at, end) = (first, end.min(self.limit));
        while at < end {
            let (word, bit) = (at / BITS, at % BITS);
            let n = (BITS - bit).min(end - at);
            let mask = (u64::MAX >> (BITS - n)) << bit;
            self.twice += u64::from((self.words[word] & mask).count_ones());
            self.words[word] |= mask;
            at += n;
        }
    }

    /// Adds these numbers: by the run, where each is one more than that before.
    pub fn insert_numbers(&mut self, numbers: &[f64]) {
        let Some(first) = numbers.first().copied() else { return };
        // Counting in 32 bits and to the end lets the compiler look at several numbers an instruction.
        let in_run = |(number, n): (&f64, i32)| (number - (first + f64::from(n))).abs() < 0.5;
        if numbers.iter().zip(0_i32..).fold(true, |all, next| all & in_run(next)) {
            return self.insert(first as usize, numbers.len());
        }
        for number in numbers {
            self.insert(*number as usize, 1);
        }
    }

    /// Adds all numbers of another set.
    pub fn merge(&mut self, other: &Runs) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            self.twice += u64::from((*word & other).count_ones());
            *word |= other;
        }
        self.twice += other.twice;
        self.outside += other.outside;
    }

    /// How many of `first..first + n` are not in it.
    pub fn missing(&self, first: usize, n: usize) -> u64 {
        let mut wanted = Runs::new(self.limit);
        wanted.insert(first, n);
        wanted.words.iter().zip(&self.words).map(|(wanted, word)| u64::from((wanted & !word).count_ones())).sum()
    }

    pub fn len(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Every number came once, and all were to come.
    pub fn check(&self, tally: &mut Tally) {
        if self.twice > 0 {
            tally.fault(Fault::Duplicated, self.twice, || format!("{} numbers came twice", self.twice));
        }
        if self.outside > 0 {
            tally.fault(Fault::Wrong, self.outside, || format!("{} numbers are of nobody", self.outside));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(runs: &Runs) -> Vec<(Fault, u64)> {
        let mut tally = Tally::default();
        runs.check(&mut tally);
        tally.faults()
    }

    #[test]
    fn runs_of_any_length_at_any_place_fill_the_set() {
        for step in [1, 3, 63, 64, 65, 125, 1000] {
            let mut runs = Runs::new(1000);
            for first in (0..1000).step_by(step) {
                assert_eq!(runs.missing(first, 1000 - first), (1000 - first) as u64);
                runs.insert(first, step.min(1000 - first));
            }
            assert_eq!((runs.missing(0, 1000), runs.len(), faults(&runs)), (0, 1000, vec![]));
        }
    }

    #[test]
    fn a_number_that_is_missing_is_found() {
        let mut runs = Runs::new(500);
        runs.insert(0, 250);
        runs.insert(251, 249);
        assert_eq!((runs.missing(0, 500), runs.missing(0, 250), runs.missing(250, 1)), (1, 0, 1));
    }

    #[test]
    fn a_number_that_comes_twice_is_found_in_one_set_and_between_two() {
        let mut one = Runs::new(500);
        one.insert(0, 200);
        one.insert(150, 100);
        assert_eq!(faults(&one), [(Fault::Duplicated, 50)]);
        let mut two = Runs::new(500);
        two.insert(249, 251);
        two.merge(&one);
        assert_eq!(faults(&two), [(Fault::Duplicated, 51)]);
        assert_eq!(two.missing(0, 500), 0);
    }

    #[test]
    fn numbers_out_of_their_order_count_one_by_one() {
        let mut runs = Runs::new(10);
        runs.insert_numbers(&[3.0, 4.0, 5.0]);
        runs.insert_numbers(&[0.0, 2.0, 1.0]);
        runs.insert_numbers(&[]);
        assert_eq!((runs.missing(0, 6), runs.len(), faults(&runs)), (0, 6, vec![]));
        runs.insert_numbers(&[9.0, 10.0, 11.0]);
        assert_eq!((runs.len(), faults(&runs)), (7, vec![(Fault::Wrong, 2)]));
    }
}
