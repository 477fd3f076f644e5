//! The domain: media messages of WhatsApp and the rules for storing them. Pure: no I/O, no clock,
//! no async.
//!
//! Reading order: [`ids`], [`contact`] and [`message`] describe what was announced, [`identity`]
//! what makes it unique, [`access`] who may announce it, [`job`] what the queue carries,
//! [`media_key`] and [`open`] how the bytes are decrypted and proven, [`object_key`] and [`object`]
//! what the bucket shows, [`policy`] what is stored, [`failure`], [`record`] and [`parked`] the
//! outcome, [`counts`] the outcomes of a day, [`unread`] webhook bodies that could not be read,
//! [`media_link`] who else may open a file, [`order`] what is erased and held, [`receiver`] and
//! [`delivery`] what is passed on, and [`event`] what receivers hear besides.

pub mod access;
pub mod byte_text;
mod chat;
mod ciphertext;
pub mod contact;
pub mod counts;
pub mod delivery;
pub mod envelope;
pub mod event;
mod event_envelope;
pub mod event_names;
pub mod failure;
pub mod file_name;
pub mod file_type;
pub mod identity;
pub mod ids;
mod integrity;
pub mod job;
pub mod kind;
pub mod malware;
pub mod media_event;
pub mod media_key;
pub mod media_link;
pub mod message;
mod not_a_job;
pub mod object;
pub mod object_key;
pub mod open;
pub mod order;
pub mod parked;
pub mod part;
pub mod policy;
mod queue_body;
pub mod receiver;
pub mod record;
pub mod revocation;
pub mod schedule;
pub mod sha256;
pub mod signature;
pub mod signed_url;
pub mod source;
pub mod state_event;
pub mod strategy;
pub mod unread;
pub mod unread_names;
