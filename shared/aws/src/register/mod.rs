//! The register of tenants and instances, as an operator writes it. The functions only read
//! instances.
//!
//! A tenant's policy is in its own record and, copied in the same transaction, in the records of
//! its instances: handling a media message takes one read.

mod error;
mod fields;
mod instances;
mod listing;
mod new;
mod store;
mod tenants;

pub use self::{
    error::RegisterError,
    instances::NO_END,
    listing::{RegisterListing, UnreadableRecord},
    new::{NewInstance, SECRET_BYTES, webhook_secret},
    store::{Register, RegisterTables},
    tenants::Tenant,
};
