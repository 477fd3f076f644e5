//! W-API's log → queue: starts the back-fill function.

use std::time::Duration;

use backfill::{Backfill, RunScope, config::Config};
use boot::{clock, environment::Environment, telemetry};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process();
    telemetry::start_logging(&environment);
    let backfill = Backfill::new(Config::from_environment(&environment)?)?;
    let handle = async |event: LambdaEvent<Value>| -> Result<(), Error> {
        let scope = RunScope::from_event(&event.payload)?;
        let left =
            Duration::from_millis(event.context.deadline).saturating_sub(clock::since_1970());
        Ok(backfill.run(&scope, clock::now(), Instant::now() + left).await?)
    };
    lambda_runtime::run(service_fn(handle)).await
}
