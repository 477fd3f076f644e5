//! API Gateway before the webhook function: it may answer in the function's place.

use std::{sync::Arc, time::Duration};

/// One request as API Gateway sees it.
#[derive(Debug, Clone, Copy)]
pub struct Knock<'a> {
    /// The message's id, or what else the sender calls its webhook.
    pub message: &'a str,
    /// The number of the post, from 0, among those that the sender makes at once.
    pub post: u32,
    /// How many times this post was made before.
    pub repeat: u32,
    /// The time since the world began.
    pub at: Duration,
}

/// What API Gateway does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DoorFault {
    /// It passes the request and the answer on.
    #[default]
    None,
    /// It answers with this status, and the function is not invoked: 429 beyond the rate, 503 while
    /// Lambda has no capacity, 504.
    Refused(u16),
    /// The function is invoked, and its answer is replaced with this status: it came too late.
    Replaced(u16),
}

/// Selects what happens to each request.
pub type DoorPlan = Arc<dyn Fn(&Knock<'_>) -> DoorFault + Send + Sync>;

/// A door without faults.
#[must_use]
pub fn open_door() -> DoorPlan {
    Arc::new(|_| DoorFault::None)
}
