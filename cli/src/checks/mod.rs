//! Checks of one instance: what W-API says of it, where its hooks lead, whether a probe arrives.

pub(crate) mod check;
pub(crate) mod cross_tenant;
pub(crate) mod hooks;
pub(crate) mod instance;
pub(crate) mod probe;
pub(crate) mod token;
