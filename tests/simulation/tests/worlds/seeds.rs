//! A few seeds for every day, and the proof that a seed is one history and no other.

use std::process::Command;

fn prove(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_prove"))
        .args(arguments)
        .output();
    let output = output.expect("prove runs");
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[test]
fn twenty_seeds_keep_every_promise() {
    let (is_clean, told) = prove(&["--seeds", "20"]);
    assert!(is_clean, "{told}");
}

#[test]
fn a_seed_lives_through_the_same_history_again() {
    for seed in ["3", "17"] {
        let ((_, once), (_, again)) = (prove(&["--seed", seed]), prove(&["--seed", seed]));
        assert!(once.lines().count() > 50, "{once}");
        assert_eq!(once, again, "seed {seed}");
    }
}
