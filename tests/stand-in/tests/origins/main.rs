//! The stand-in seen from outside: over loopback, and as a command.

mod cdn;
mod client;
mod control;
mod events;
mod vectors;
mod wapi;
mod webhooks;
