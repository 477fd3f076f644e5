//! The table of receivers: which applications a tenant's webhooks are passed on to. The webhook
//! function reads it, without URLs and secrets, which are encrypted; the deliver function opens
//! them.

mod receiver;
mod state;
mod table;
#[cfg(feature = "operator")]
mod write;

pub(crate) use self::receiver::PAUSED_INSTANCE;
#[cfg(feature = "operator")]
pub use self::write::NewReceiver;
pub use self::{
    receiver::{ReceivedKind, Receiver, ReceiverPause},
    table::{MAX_RECEIVERS_AGE, ReceiverError, Receivers, wait_until_known},
};
