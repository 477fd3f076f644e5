//! The download function as most Rust samples are written: its clients are made when the first
//! batch comes, and no connection is opened before.

use std::time::Duration;

use boot::{clock, environment::Environment, telemetry};
use download::{
    batch,
    config::Config,
    worker::{ClockAndRandom, Worker},
};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use tokio::{sync::OnceCell, time::Instant};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process();
    telemetry::start_logging(&environment);
    let config = Config::from_environment(&environment)?;
    let made = OnceCell::new();
    let handle = async |event: LambdaEvent<_>| {
        let left =
            Duration::from_millis(event.context.deadline).saturating_sub(clock::since_1970());
        let deadline = Instant::now() + left;
        let make = async || Worker::new(config.clone(), ClockAndRandom::from_machine());
        let worker = made.get_or_try_init(make).await?;
        batch::handle_batch(worker, event.payload, deadline).await
    };
    lambda_runtime::run(service_fn(handle)).await
}
