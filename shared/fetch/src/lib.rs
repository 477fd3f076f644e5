//! Downloads media files over HTTP: one guarded client, one file per strategy, one stream that
//! proves its bytes.
//!
//! A strategy finds a file and passes it, as a [`MediaStream`], to the caller's `store`. The last
//! part of the stream carries the proof. If a stream ends in an error, none of its bytes may be
//! kept.

pub mod account;
pub mod body;
mod breaker;
pub mod client;
pub mod error;
mod evidence;
mod fetcher;
pub mod guard;
mod live_attempt;
mod origins;
pub mod pool;
pub mod receiver;
mod request;
mod resources;
mod resume;
pub mod slot;
mod strategies;
mod stream;
mod waits;
mod webhook_log;

pub use crate::{
    client::Limits,
    error::FetchError,
    fetcher::Fetcher,
    origins::{InvalidBaseUrl, Origins, is_local_base, parse_base},
    request::FetchRequest,
    strategies::cdn_urls,
    stream::MediaStream,
};
