//! A control group for one function: its processor quota, and the processor time that it took.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// Lambda gives a function with this many MB one whole processor.
pub(crate) const MB_PER_CORE: f64 = 1769.0;
/// The period of the quota, as on Lambda.
const PERIOD_US: f64 = 20_000.0;
/// The smallest quota that the kernel takes.
const MIN_QUOTA_US: f64 = 1_000.0;

/// How often a group is tried to be removed.
const MAX_TRIES: usize = 50;

/// A group, removed when dropped. All of its processes must have ended by then.
#[derive(Debug)]
pub(crate) struct Cgroup {
    version: Version,
    /// In version 2 both are one folder.
    quota: PathBuf,
    time: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Cgroup {
    /// Makes a group, if this process may and the kernel can limit its processor.
    pub(crate) fn make(name: &str) -> Option<Self> {
        let root = Path::new("/sys/fs/cgroup");
        let candidates = [
            (Version::Two, root.to_owned(), root.to_owned()),
            (Version::One, root.join("cpu"), root.join("cpuacct")),
            (Version::One, root.join("cpu,cpuacct"), root.join("cpu,cpuacct")),
        ];
        candidates.into_iter().find_map(|(version, quota, time)| {
            let (quota, time) = (quota.join(name), time.join(name));
            for folder in [&quota, &time] {
                if !folder.exists() {
                    fs::create_dir(folder).ok()?;
                }
            }
            let group = Self { version, quota, time };
            (group.set_cores(1.0) && group.cpu_time().is_some()).then_some(group)
        })
    }

    /// The files into which a process writes its id to join.
    pub(crate) fn members(&self) -> Vec<PathBuf> {
        let mut files = vec![self.quota.join("cgroup.procs"), self.time.join("cgroup.procs")];
        files.dedup();
        files
    }

    /// Sets the quota of a function with this much memory.
    pub(crate) fn set_memory(&self, memory_mb: u32) -> bool {
        self.set_cores(f64::from(memory_mb) / MB_PER_CORE)
    }

    /// Sets the quota, in processors.
    pub(crate) fn set_cores(&self, cores: f64) -> bool {
        let quota = (cores * PERIOD_US).max(MIN_QUOTA_US);
        match self.version {
            Version::Two => {
                fs::write(self.quota.join("cpu.max"), format!("{quota:.0} {PERIOD_US:.0}")).is_ok()
            }
            Version::One => {
                let write =
                    |file, value: f64| fs::write(self.quota.join(file), format!("{value:.0}"));
                write("cpu.cfs_period_us", PERIOD_US).is_ok()
                    && write("cpu.cfs_quota_us", quota).is_ok()
            }
        }
    }

    /// The processor time of the group so far.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        match self.version {
            Version::Two => {
                let text = fs::read_to_string(self.time.join("cpu.stat")).ok()?;
                let line = text.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
                Some(Duration::from_micros(line.trim().parse().ok()?))
            }
            Version::One => {
                let text = fs::read_to_string(self.time.join("cpuacct.usage")).ok()?;
                Some(Duration::from_nanos(text.trim().parse().ok()?))
            }
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for folder in [&self.quota, &self.time] {
            // A process that was killed may need a moment to end. Where both are one folder, the
            // second is gone already.
            for _ in 0..MAX_TRIES {
                if fs::remove_dir(folder).is_ok() || !folder.exists() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}
