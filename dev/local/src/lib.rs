//! The whole product on one machine, without Docker or an account: starts MiniStack, builds the
//! functions, deploys `template.yaml` with the `sam deploy` that users run, and reads what was
//! stored.
//!
//! Each test run has its own stack, which stops with it:
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use local::{Deployment, InstanceSettings, TestStack};
//! use stand_in::{DEFAULT_INSTANCE, DEFAULT_TOKEN, Kind, Spec, StandIn};
//!
//! let origins = StandIn::start().await?;
//! let deployment = Deployment::with_name("example")?
//!     .from_origins(origins.wapi_base(), origins.cdn_bases());
//! let test = TestStack::start("example", &deployment).await?;
//! let stack = test.stack();
//! let url = stack
//!     .add_instance(&InstanceSettings::new("acme", DEFAULT_INSTANCE, DEFAULT_TOKEN))
//!     .await?;
//! let photo = origins.announce(Spec::of(Kind::Image))?;
//! let answer = stack.post_json(&url, &photo.webhook).await?;
//! assert_eq!(answer.status, 200);
//! let keys = stack.wait_for_files(1, std::time::Duration::from_secs(30)).await?;
//! let file = stack.bucket().read_file(&keys.join("")).await?;
//! assert_eq!(file.sha256_hex, photo.sha256_hex);
//! test.stop()?;
//! # Ok(())
//! # }
//! ```

mod bucket;
mod build;
mod bus;
pub mod chaos;
pub mod compare;
pub mod demo;
mod demo_receiver;
mod endpoint;
mod http;
mod inventory;
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
pub use http::{UrlAnswer, ask_url};
pub use inventory::Holding;
pub use ministack::{MiniStack, Settings};
pub use project::{Project, lambda_architecture};
pub use reqwest::Method;
pub use run::CommandOutput;
pub use running::{RunningStack, delete_state};
pub use sam::{Deployment, StackOutputs, read_outputs, run_deploy};
pub use screen::{Screen, Step};
pub use stack::{Answer, InstanceSettings, Stack, TestStack};
pub use tools::Tools;
