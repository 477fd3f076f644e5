//! The bytes that the stand-in serves: plain files of any size, sealed as WhatsApp seals them.
//!
//! A crate of its own because it is compiled with all optimisations: without them sealing is twenty
//! times slower. The rest of the stand-in is compiled as fast as possible.

pub mod encrypt;
pub mod noise;
pub mod plain;
