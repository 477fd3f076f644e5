//! Checks of one instance: its state in W-API, the targets of its hooks, and a probe webhook.

pub(crate) mod check;
pub(crate) mod cross_tenant;
pub(crate) mod hooks;
pub(crate) mod instance;
pub(crate) mod probe;
pub(crate) mod receivers;
pub(crate) mod token;
