//! The webhook function as most Rust samples are written: its clients are made when the first
//! request comes, and no connection is opened before.

use std::sync::Arc;

use boot::{clock, environment::Environment, telemetry};
use lambda_http::{Adapter, Error, Request, Service, lambda_runtime, service_fn};
use tokio::sync::OnceCell;
use webhook::{Webhook, config::Config, without_query};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process();
    telemetry::start_logging(&environment);
    let config = Config::from_environment(&environment)?;
    let made = Arc::new(OnceCell::new());
    let handle = |request: Request| {
        let (made, config) = (Arc::clone(&made), config.clone());
        async move {
            let webhook = made.get_or_init(async || Webhook::new(config)).await;
            webhook.handle_request(&request, clock::now()).await
        }
    };
    let mut adapter = Adapter::from(service_fn(handle));
    lambda_runtime::run(service_fn(move |event| adapter.call(without_query(event)))).await
}
