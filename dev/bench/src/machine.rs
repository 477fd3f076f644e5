//! The machine that the figures hold for.

use std::fs;

use serde_json::{Value, json};

use crate::function::has_quota;

/// Describes this machine, and what of Lambda's surroundings it has.
pub(crate) fn describe(roots: usize) -> Value {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: Option<u64> =
        memory.and_then(|text| text.trim().trim_end_matches("kB").trim().parse().ok());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({
        "processor": model.map_or("unknown", |(_, name)| name),
        "architecture": std::env::consts::ARCH,
        "cores": cores,
        "memory_gib": kib.map(|kib| kib.div_ceil(1024 * 1024)),
        "kernel": kernel.trim(),
        "quota": has_quota(),
        "roots": roots,
    })
}

/// The description in a sentence.
pub(crate) fn sentence(machine: &Value) -> String {
    let text = |name: &str| {
        let value = machine.get(name).cloned().unwrap_or_default();
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    let quota = if machine.get("quota") == Some(&Value::Bool(true)) {
        "processor quota by cgroup: memory/1769 of a core"
    } else {
        "no cgroup can be written: processor time times 1769/memory"
    };
    format!(
        "{} cores of {}, {}, {} GiB, Linux {}; {quota}; {} trusted roots",
        text("cores"),
        text("processor"),
        text("architecture"),
        text("memory_gib"),
        text("kernel"),
        text("roots"),
    )
}
