//! Media link → presigned URL: starts the links function.

use std::{sync::Arc, time::Duration};

use boot::{clock, environment::Environment, telemetry};
use lambda_http::{Adapter, Error, Request, Service, lambda_runtime, service_fn};
use links::{Links, config::Config, without_query};

/// The limit of the warm-up, which is best effort: Lambda gives all of init ten seconds.
const TIME_TO_CONNECT: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process();
    telemetry::start_logging(&environment);
    let links = Arc::new(Links::new(Config::from_environment(&environment)?));
    if tokio::time::timeout(TIME_TO_CONNECT, links.connect()).await.is_err() {
        tracing::warn!("opening the connections at start took too long");
    }
    let handle = |request: Request| {
        let links = Arc::clone(&links);
        async move { links.handle_request(&request, clock::now()).await }
    };
    let mut adapter = Adapter::from(service_fn(handle));
    lambda_runtime::run(service_fn(move |event| adapter.call(without_query(event)))).await
}
