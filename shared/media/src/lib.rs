//! What a media message of WhatsApp is, and what we promise about storing one. Pure: no I/O, no clock, no async.
//!
//! Read in this order: [`ids`], [`contact`] and [`message`] say what was announced, [`identity`]
//! what makes it itself, [`access`] who may announce, [`job`] what travels through the queue,
//! [`media_key`] and [`open`] how the bytes are decrypted and proven, [`object_key`] and [`object`]
//! what a person sees in the bucket, [`policy`] what is wanted at all, [`failure`], [`record`] and
//! [`parked`] what became of it, and [`unread`] what could not be read at all.

pub mod access;
pub mod byte_text;
mod ciphertext;
pub mod contact;
pub mod envelope;
pub mod failure;
pub mod file_name;
pub mod file_type;
pub mod identity;
pub mod ids;
pub mod job;
pub mod kind;
pub mod media_key;
pub mod message;
pub mod object;
pub mod object_key;
pub mod open;
pub mod parked;
pub mod part;
pub mod policy;
pub mod record;
pub mod schedule;
pub mod sha256;
pub mod signed_url;
pub mod strategy;
pub mod unread;
