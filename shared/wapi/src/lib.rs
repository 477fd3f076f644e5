//! W-API's formats: webhook bodies in both dialects, requests and answers of its endpoints.
//!
//! Pure: this crate describes requests, `fetch` sends them. W-API's documentation is wrong in
//! places; this crate follows what independent production clients observed up to October 2026.

pub mod account;
pub mod byte_field;
pub mod contact;
pub mod download;
pub mod excerpt;
mod field_name;
pub mod fields;
mod json;
pub mod link;
pub mod logs;
pub mod raw;
mod relay;
mod repair;
pub mod webhook;
