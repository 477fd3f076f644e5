//! The command's nouns: one file, or one folder, per noun.

pub(crate) mod audit;
pub(crate) mod backfill;
pub(crate) mod cost;
pub(crate) mod doctor;
pub(crate) mod hold;
pub(crate) mod iam;
pub(crate) mod instance;
pub(crate) mod media;
pub(crate) mod parked;
pub(crate) mod people;
pub(crate) mod receiver;
pub(crate) mod replay;
pub(crate) mod stats;
pub(crate) mod tail;
pub(crate) mod tenant;
pub(crate) mod token;
pub(crate) mod webhook;
