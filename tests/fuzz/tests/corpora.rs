//! Repeats every input that fuzzing kept, the recorded events, and random noise, on every test
//! run.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use fuzz::TARGETS;

/// Random inputs for each target; libFuzzer tries millions.
const NOISE: usize = 2_000;

fn crate_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn list_files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().unwrap_or_else(|_| panic!("{} is there", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

#[test]
fn kept_inputs_pass_again() {
    for (name, run) in TARGETS {
        let kept = list_files(&crate_folder().join("corpus").join(name));
        assert!(kept.len() >= 20, "{name} has {} inputs", kept.len());
        for path in kept {
            println!("{}", path.display());
            run(&std::fs::read(&path).expect("an input"));
        }
    }
}

#[test]
fn recorded_events_and_their_prefixes_pass() {
    for (_, run) in TARGETS {
        for path in list_files(&crate_folder().join("../../events")) {
            let bytes = std::fs::read(&path).expect("an event");
            run(&bytes);
            for end in (0..bytes.len()).step_by(97) {
                run(bytes.get(..end).unwrap_or_default());
            }
        }
    }
}

#[test]
fn noise_passes() {
    for (n, (_, run)) in (0..).zip(TARGETS) {
        let mut random = fastrand::Rng::with_seed(n);
        for _ in 0..NOISE {
            let mut bytes = vec![0; random.usize(..512)];
            random.fill(&mut bytes);
            run(&bytes);
        }
    }
}

#[test]
fn every_target_has_a_program_and_corpus() {
    let named: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let in_folder = |folder: &str| -> BTreeSet<String> {
        let stems = list_files(&crate_folder().join(folder)).into_iter();
        stems
            .map(|path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
            .collect()
    };
    assert_eq!(named, in_folder("fuzz_targets"));
    assert_eq!(named, in_folder("corpus"));
}
