//! The clock → log: starts the watch function.

use boot::{clock, environment::Environment, telemetry};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use watch::{Pass, Watch, config::Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process();
    telemetry::start_logging(&environment);
    let watch = Watch::new(Config::from_environment(&environment)?);
    let handle = async |event: LambdaEvent<Value>| {
        let pass = Pass::from_event(&event.payload);
        watch.run_pass(pass, clock::now()).await.map_err(Error::from)
    };
    lambda_runtime::run(service_fn(handle)).await
}
