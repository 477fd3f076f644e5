//! The stand-in seen from outside: over loopback, and as a command.

mod cdn;
mod client;
mod control;
mod events;
mod relays;
mod vectors;
mod wapi;
mod webhooks;
