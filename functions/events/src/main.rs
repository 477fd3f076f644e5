//! Streams of tables → receivers and `EventBridge`: starts the events function.

use std::{sync::Arc, time::Duration};

use boot::{clock, environment::Environment, random::secret_bytes, telemetry};
use events::{Ambient, Events, batch, config::Config};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process();
    telemetry::start_logging(&environment);
    let ambient = Ambient { now: Arc::new(clock::now), token_bytes: Arc::new(secret_bytes) };
    let events = Events::new(Config::from_environment(&environment)?, ambient);
    let handle = async |event: LambdaEvent<_>| {
        let left =
            Duration::from_millis(event.context.deadline).saturating_sub(clock::since_1970());
        Ok::<_, Error>(batch::handle_batch(&events, event.payload, Instant::now() + left).await)
    };
    lambda_runtime::run(service_fn(handle)).await
}
