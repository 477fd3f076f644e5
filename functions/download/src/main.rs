//! Queue → bucket: starts the download function.

use std::time::Duration;

use boot::{clock, environment::Environment, telemetry};
use download::{
    batch,
    config::Config,
    worker::{ClockAndRandom, Worker},
};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use tokio::time::Instant;

/// The limit of the warm-up, which is best effort: Lambda gives all of init ten seconds.
const TIME_TO_CONNECT: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process();
    telemetry::start_logging(&environment);
    let worker =
        Worker::new(Config::from_environment(&environment)?, ClockAndRandom::from_machine())?;
    if tokio::time::timeout(TIME_TO_CONNECT, worker.connect()).await.is_err() {
        tracing::warn!("opening the connections at start took too long");
    }
    let handle = async |event: LambdaEvent<_>| {
        let left =
            Duration::from_millis(event.context.deadline).saturating_sub(clock::since_1970());
        let deadline = Instant::now() + left;
        batch::handle_batch(&worker, event.payload, deadline).await
    };
    lambda_runtime::run(service_fn(handle)).await
}
