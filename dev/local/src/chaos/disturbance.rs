//! What is done to the stack and to the origins while webhooks arrive: kills, cuts and broken connections, in turn.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use stand_in::{Relay, Relays};
use tokio::time::{Instant, sleep, sleep_until};

use super::processes::Functions;

/// Between two kills of the same function, on average.
const KILL_EVERY: Duration = Duration::from_millis(1_500);
/// The first cut comes when work is under way.
const FIRST_CUT: Duration = Duration::from_secs(6);
/// From the end of a cut to the next one.
const BETWEEN_CUTS: Duration = Duration::from_secs(14);
/// How long an origin is out of reach.
const CUT_FOR: Duration = Duration::from_secs(5);
/// When all connections are broken for the first time, and then again and again.
const BREAK_EVERY: Duration = Duration::from_secs(9);

/// What was done.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    /// Killed processes, by the function's name.
    pub(crate) kills: BTreeMap<String, usize>,
    /// How often an origin was cut off.
    pub(crate) cuts: usize,
    /// How often all connections were broken at once.
    pub(crate) breaks: usize,
    /// How many connections that hit, those of the cuts included.
    pub(crate) broken_connections: usize,
}

/// The one who disturbs.
#[derive(Debug)]
pub(crate) struct Disturbance {
    functions: Functions,
    relays: Relays,
    random: u64,
    done: Done,
}

/// Which origins are out of reach together.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Everything,
    Wapi,
    Cdn,
}

impl Disturbance {
    /// Of these functions and these origins.
    pub(crate) fn new(functions: Functions, relays: Relays) -> Self {
        Self {
            functions,
            relays,
            random: 0x9E37_79B9_7F4A_7C15,
            done: Done::default(),
        }
    }

    /// Disturbs until it is dropped: it never ends by itself.
    ///
    /// # Errors
    /// If something cannot be disturbed.
    pub(crate) async fn go_on(&mut self) -> Result<()> {
        let mut kill_at = Instant::now() + KILL_EVERY;
        let mut cut_at = Instant::now() + FIRST_CUT;
        let mut break_at = Instant::now() + BREAK_EVERY;
        loop {
            tokio::select! {
                () = sleep_until(kill_at) => {
                    self.kill_one_of_each().await?;
                    kill_at = Instant::now() + self.about(KILL_EVERY);
                }
                () = sleep_until(cut_at) => {
                    self.cut().await?;
                    cut_at = Instant::now() + self.about(BETWEEN_CUTS);
                }
                () = sleep_until(break_at) => {
                    self.break_connections();
                    break_at = Instant::now() + self.about(BREAK_EVERY);
                }
            }
        }
    }

    /// Brings back what is still cut, and tells what was done.
    ///
    /// # Errors
    /// If an origin cannot be brought back.
    pub(crate) fn end(&mut self) -> Result<Done> {
        for relay in self.each() {
            relay.restore()?;
        }
        Ok(self.done.clone())
    }

    /// One process of each function that runs.
    async fn kill_one_of_each(&mut self) -> Result<()> {
        let mut by_name: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for function in self.functions.running()? {
            by_name
                .entry(function.name.clone())
                .or_default()
                .push(function);
        }
        for (name, running) in by_name {
            let chosen = self.below(running.len());
            if let Some(function) = running.get(chosen)
                && self.functions.kill(function).await?
            {
                *self.done.kills.entry(name).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Cuts origins off for a while; functions are killed meanwhile, too.
    async fn cut(&mut self) -> Result<()> {
        let which = match self.done.cuts % 3 {
            0 => Cut::Everything,
            1 => Cut::Wapi,
            _ => Cut::Cdn,
        };
        self.done.cuts += 1;
        let mut broken = 0;
        for relay in self.of(which) {
            broken += relay.cut().await?;
        }
        self.done.broken_connections += broken;
        let restored_at = Instant::now() + CUT_FOR;
        while Instant::now() < restored_at {
            self.kill_one_of_each().await?;
            sleep(self.about(KILL_EVERY)).await;
        }
        for relay in self.each() {
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

    fn each(&mut self) -> Vec<&mut Relay> {
        self.of(Cut::Everything)
    }

    fn of(&mut self, which: Cut) -> Vec<&mut Relay> {
        let Relays {
            wapi,
            cdn,
            fallback,
        } = &mut self.relays;
        match which {
            Cut::Everything => vec![wapi, cdn, fallback],
            Cut::Wapi => vec![wapi],
            Cut::Cdn => vec![cdn, fallback],
        }
    }

    /// Half of it to one and a half times it.
    fn about(&mut self, usual: Duration) -> Duration {
        let thousandth = usual / 1_000;
        let factor = u32::try_from(500 + self.below(1_000)).unwrap_or(1_000);
        thousandth * factor
    }

    /// A number below `limit`: the same ones in every run, though never at the same moments.
    fn below(&mut self, limit: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.random % limit).unwrap_or_default()
    }
}
