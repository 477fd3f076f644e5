//! The bytes that the stand-in serves: plain files of any size, and their encrypted form.
//!
//! A separate crate, because it is compiled with all optimisations: without them encryption is
//! twenty times slower. The rest of the stand-in is compiled as fast as possible.

pub mod encrypt;
pub mod noise;
pub mod plain;
