//! What W-API says: its webhook bodies in both dialects, and the requests and answers of its endpoints.
//!
//! Pure: it describes requests, `fetch` sends them. W-API's documentation is wrong in places; what stands
//! here is what independent production clients observed up to October 2026.

pub mod account;
pub mod byte_field;
pub mod download;
pub mod excerpt;
pub mod fields;
mod json;
pub mod link;
pub mod logs;
pub mod raw;
mod relay;
mod repair;
pub mod webhook;
