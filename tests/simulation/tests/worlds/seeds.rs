//! A few seeds on every run, and the proof that a seed always gives the same history.

use std::process::Command;

fn run_prove(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_prove")).args(arguments).output();
    let output = output.expect("prove runs");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn ten_seeds_lose_nothing() {
    let (is_clean, told) = run_prove(&["--seeds", "10"]);
    assert!(is_clean, "{told}");
}

#[test]
fn a_seed_repeats_its_history() {
    for seed in ["3", "17"] {
        let ((_, once), (_, again)) = (run_prove(&["--seed", seed]), run_prove(&["--seed", seed]));
        assert!(once.lines().count() > 50, "{once}");
        assert_eq!(once, again, "seed {seed}");
    }
}
