//! The stand-in from outside: over loopback, and as a command.

mod account;
mod cdn;
mod client;
mod control;
mod events;
mod relays;
mod vectors;
mod wapi;
mod webhook_logs;
mod webhooks;
