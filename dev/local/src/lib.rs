//! The whole product on one machine, without Docker or an account: runs MiniStack, builds the functions, deploys
//! `template.yaml` with the `sam deploy` that users run, and reads back what was stored.
//!
//! Tests use a stack of their own, which ends with them:
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use local::{Deployment, Instance, TestStack};
//! use stand_in::{DEFAULT_INSTANCE, DEFAULT_TOKEN, Kind, Spec, StandIn};
//!
//! let origins = StandIn::start().await?;
//! let deployment = Deployment::named("example")?
//!     .from_origins(origins.wapi_base(), origins.cdn_bases());
//! let test = TestStack::start("example", &deployment).await?;
//! let stack = test.stack();
//! let url = stack
//!     .add_instance(&Instance::new("acme", DEFAULT_INSTANCE, DEFAULT_TOKEN))
//!     .await?;
//! let photo = origins.announce(Spec::of(Kind::Image))?;
//! let answer = stack.post(&url, &photo.webhook).await?;
//! assert_eq!(answer.status, 200);
//! let keys = stack.wait_for_files(1, std::time::Duration::from_secs(30)).await?;
//! let file = stack.bucket().read(&keys.join("")).await?;
//! assert_eq!(file.sha256_hex, photo.sha256_hex);
//! test.stop()?;
//! # Ok(())
//! # }
//! ```

mod bucket;
mod build;
pub mod chaos;
pub mod compare;
pub mod demo;
mod endpoint;
mod http;
mod lock;
mod mend;
mod ministack;
mod project;
mod register;
mod run;
mod running;
mod sam;
mod screen;
mod stack;
mod tools;
pub mod tree;

pub use bucket::{Bucket, StoredFile};
pub use build::Build;
pub use endpoint::{Endpoint, REGION};
pub use ministack::{MiniStack, Settings};
pub use project::{Project, architecture};
pub use run::Said;
pub use running::{Running, forget};
pub use sam::{Deployment, Outputs, deploy, outputs};
pub use screen::{Screen, Step};
pub use stack::{Answer, Instance, Stack, TestStack};
pub use tools::Tools;
