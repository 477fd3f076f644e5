//! The faults during a chaos run: killed functions, origins that are cut off, and broken
//! connections, in turn.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use stand_in::{Relay, Relays};
use tokio::time::{Instant, sleep, sleep_until};

use super::processes::Functions;

/// The average time between two kills of the same function.
const KILL_INTERVAL: Duration = Duration::from_millis(1_500);
/// The first cut comes after work has started.
const FIRST_CUT: Duration = Duration::from_secs(6);
/// The time from the end of a cut to the next one.
const BETWEEN_CUTS: Duration = Duration::from_secs(14);
/// How long an origin is cut off.
const CUT_FOR: Duration = Duration::from_secs(5);
/// The interval at which all connections are broken.
const BREAK_INTERVAL: Duration = Duration::from_secs(9);

/// A count of the faults.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct DisturbanceCount {
    /// Killed processes, by the function's name.
    pub(crate) kills: BTreeMap<String, usize>,
    /// How many times an origin was cut off.
    pub(crate) cuts: usize,
    /// How many times all connections were broken at once.
    pub(crate) breaks: usize,
    /// How many connections broke, cuts included.
    pub(crate) broken_connections: usize,
}

/// Causes the faults.
#[derive(Debug)]
pub(crate) struct Disturbance {
    functions: Functions,
    relays: Relays,
    random: u64,
    done: DisturbanceCount,
}

/// Which origins are cut off together.
#[derive(Debug, Clone, Copy)]
enum CutTarget {
    Everything,
    Wapi,
    Cdn,
}

impl Disturbance {
    /// A disturbance of these functions and these origins.
    pub(crate) fn new(functions: Functions, relays: Relays) -> Self {
        Self { functions, relays, random: 0x9E37_79B9_7F4A_7C15, done: DisturbanceCount::default() }
    }

    /// Causes faults until it is dropped; it does not end otherwise.
    ///
    /// # Errors
    /// If a fault cannot be caused.
    pub(crate) async fn run_until_dropped(&mut self) -> Result<()> {
        let mut kill_at = Instant::now() + KILL_INTERVAL;
        let mut cut_at = Instant::now() + FIRST_CUT;
        let mut break_at = Instant::now() + BREAK_INTERVAL;
        loop {
            tokio::select! {
                () = sleep_until(kill_at) => {
                    self.kill_one_of_each().await?;
                    kill_at = Instant::now() + self.spread_duration(KILL_INTERVAL);
                }
                () = sleep_until(cut_at) => {
                    self.cut_origins().await?;
                    cut_at = Instant::now() + self.spread_duration(BETWEEN_CUTS);
                }
                () = sleep_until(break_at) => {
                    self.break_connections();
                    break_at = Instant::now() + self.spread_duration(BREAK_INTERVAL);
                }
            }
        }
    }

    /// Restores what is still cut off, and returns the count.
    ///
    /// # Errors
    /// If an origin cannot be restored.
    pub(crate) fn restore_origins(&mut self) -> Result<DisturbanceCount> {
        for relay in self.all_relays() {
            relay.restore()?;
        }
        Ok(self.done.clone())
    }

    /// Kills one process of each function that runs.
    async fn kill_one_of_each(&mut self) -> Result<()> {
        let mut by_name: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for function in self.functions.list_running()? {
            by_name.entry(function.name.clone()).or_default().push(function);
        }
        for (name, running) in by_name {
            let chosen = self.random_below(running.len());
            if let Some(function) = running.get(chosen)
                && self.functions.kill_process(function).await?
            {
                *self.done.kills.entry(name).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Cuts origins off for a while, and kills functions meanwhile.
    async fn cut_origins(&mut self) -> Result<()> {
        let which = match self.done.cuts % 3 {
            0 => CutTarget::Everything,
            1 => CutTarget::Wapi,
            _ => CutTarget::Cdn,
        };
        self.done.cuts += 1;
        let mut broken = 0;
        for relay in self.relays_of(which) {
            broken += relay.cut().await?;
        }
        self.done.broken_connections += broken;
        let restored_at = Instant::now() + CUT_FOR;
        while Instant::now() < restored_at {
            self.kill_one_of_each().await?;
            sleep(self.spread_duration(KILL_INTERVAL)).await;
        }
        for relay in self.all_relays() {
            relay.restore()?;
        }
        Ok(())
    }

    fn break_connections(&mut self) {
        self.done.breaks += 1;
        let relays = [&self.relays.wapi, &self.relays.cdn, &self.relays.fallback];
        let broken: usize = relays.map(Relay::break_connections).iter().sum();
        self.done.broken_connections += broken;
    }

    fn all_relays(&mut self) -> Vec<&mut Relay> {
        self.relays_of(CutTarget::Everything)
    }

    fn relays_of(&mut self, which: CutTarget) -> Vec<&mut Relay> {
        let Relays { wapi, cdn, fallback } = &mut self.relays;
        match which {
            CutTarget::Everything => vec![wapi, cdn, fallback],
            CutTarget::Wapi => vec![wapi],
            CutTarget::Cdn => vec![cdn, fallback],
        }
    }

    /// Between half of `usual` and one and a half times `usual`.
    fn spread_duration(&mut self, usual: Duration) -> Duration {
        let thousandth = usual / 1_000;
        let factor = u32::try_from(500 + self.random_below(1_000)).unwrap_or(1_000);
        thousandth * factor
    }

    /// A number below `limit`: the sequence is the same in every run, though the moments differ.
    fn random_below(&mut self, limit: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.random % limit).unwrap_or_default()
    }
}
