//! Random programs against a system and a sequential model of it, without a difference. The consumers are the test's
//! own, on one thread, so that the model knows what every step gives; the supervisor is waited for by its notices.
//!
//! `MILLRACE_LONG=1` runs 10,000 programs; `MILLRACE_SEED` repeats one.
#![cfg(not(loom))]

mod model;
mod run;
mod support;

use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use run::program::{Program, programs};

#[test]
fn a_system_does_what_its_model_says() {
    let long = std::env::var("MILLRACE_LONG").is_ok_and(|long| long == "1");
    support::rounds(if long { 10_000 } else { 500 }, |random| {
        let mut seed = [0; 32];
        random.fill(&mut seed);
        // The seed that is printed repeats a failure, so no file has to.
        let config = Config {
            cases: 1,
            failure_persistence: None,
            max_shrink_iters: 20_000,
            max_shrink_time: 60_000,
            ..Config::default()
        };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
        match runner.run(&programs(), |program| run::run(&program)) {
            Ok(()) => {}
            Err(TestError::Fail(reason, Program { setup, steps, end })) => {
                let steps: Vec<_> = steps.iter().map(|step| format!("    {step:?}")).collect();
                let steps = steps.join("\n");
                panic!("{reason}\nthe smallest program that fails: {setup:?}\n{steps}\n    and to the end by {end:?}");
            }
            Err(error) => panic!("{error}"),
        }
    });
}
