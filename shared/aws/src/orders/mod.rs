//! The table of orders: what of a tenant's media was ordered to be erased, and what is held against
//! erasing. Everything that stores or queues media asks it.

mod order;
mod read;
mod table;
#[cfg(feature = "operator")]
mod write;

#[cfg(feature = "operator")]
pub use self::write::{NewErasure, NewHold};
pub use self::{
    order::{Order, OrderDemand},
    table::Orders,
};
