//! The essential orderings, each broken on purpose: a model has to fail then, or it proves nothing.
//!
//! In the core, `seq_cst_fence!("NAME")` and `broken!("NAME")` mark where each is. The model runs in a process of its
//! own, because a deadlock in loom ends it, with LOOM_BROKEN naming the ordering.

use std::process::Command;

/// The model `name` fails by `failure` where `ordering` is broken, and only there.
fn fails(ordering: &str, name: &str, failure: &str) {
    let run = |broken: &str| {
        let program = std::env::current_exe().expect("a test is a program");
        let output = Command::new(program)
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .env("LOOM_BROKEN", broken)
            .output()
            .expect("it runs once more");
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    };
    let (passed, output) = run(ordering);
    assert!(!passed && output.contains(failure), "expected {name} to fail by '{failure}', got:\n{output}");
    let (passed, output) = run("");
    assert!(passed && output.contains(" 1 passed"), "expected {name} to pass once, got:\n{output}");
}

macro_rules! broken {
    ($($ordering:ident: $model:literal fails by $failure:literal)*) => {$(
        #[test]
        fn $ordering() {
            fails(stringify!($ordering), $model, $failure);
        }
    )*};
}

broken! {
    push_fence: "waits::a_push_wakes_the_receiver_that_goes_to_sleep" fails by "deadlock"
    sleep_fence: "waits::a_push_wakes_the_receiver_that_goes_to_sleep" fails by "deadlock"
    abort_fence: "aborts::an_abort_strands_nothing_that_is_pushed_meanwhile" fails by "assertion"
    end_fence: "leases::a_close_that_meets_the_last_settlement_gives_the_end" fails by "deadlock"
    end_order: "single::the_end_is_not_given_while_an_item_is_being_leased" fails by "assertion"
    waiter_bit: "waits::a_release_wakes_the_sender_that_goes_to_sleep" fails by "deadlock"
    sweep_fence: "single::a_permit_in_a_cell_wakes_the_sender_that_goes_to_sleep" fails by "deadlock"
    cell_look: "single::a_permit_in_a_cell_wakes_the_sender_that_goes_to_sleep" fails by "deadlock"
    publish_fence: "ahead::items_that_are_published_wake_the_receiver_that_goes_to_sleep" fails by "deadlock"
    claim_word: "ahead::an_item_that_is_ahead_is_claimed_or_taken_away" fails by "assertion"
    offer_lock: "select::a_release_lets_the_sending_case_in_that_goes_to_sleep" fails by "deadlock"
}
