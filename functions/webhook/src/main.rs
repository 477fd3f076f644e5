//! API Gateway → queue: starts the webhook function.

use std::sync::Arc;

use boot::{clock, environment::Environment, telemetry};
use lambda_http::{Error, Request, service_fn};
use webhook::{Webhook, config::Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    telemetry::start(&environment);
    let webhook = Arc::new(Webhook::new(Config::read(&environment)?));
    webhook.connect().await;
    let handle = |request: Request| {
        let webhook = Arc::clone(&webhook);
        async move { webhook.handle(&request, clock::now()).await }
    };
    lambda_http::run(service_fn(handle)).await
}
