//! The events function as Lambda runs it.

use std::{sync::Arc, time::Duration};

use ::events::{Ambient, Events};
use aws_lambda_events::dynamodb::Event as StreamEvent;
use media::media_link::LinkToken;
use tokio::time::Instant;

use super::{DELIVERIES, InvocationEnd, JOBS_TABLE, LINKS, MEDIA, RECEIVERS, Slot, TENANTS};
use crate::{cloud::sqs::QUEUE_URL_BASE, wire::ENDPOINT};

/// The events function's timeout in `template.yaml`.
const EVENTS_TIMEOUT: Duration = Duration::from_secs(60);

impl Slot<Arc<Events>> {
    /// Publishes a batch of changes, and returns the number of the first one that was not.
    pub(crate) async fn publish_batch(
        &mut self,
        batch: StreamEvent,
    ) -> InvocationEnd<Option<String>> {
        self.start_process().await;
        if self.running.is_none() {
            let (process, clients) = self.build_clients(::events::MAX_CALL_TIME);
            let config = ::events::config::Config {
                region: "us-east-1".to_owned(),
                endpoint: Some(ENDPOINT.to_owned()),
                receivers_table: RECEIVERS.to_owned(),
                tenants_table: TENANTS.to_owned(),
                media_table: MEDIA.to_owned(),
                jobs_table: JOBS_TABLE.to_owned(),
                links_table: LINKS.to_owned(),
                media_bucket: "media".to_owned(),
                deliveries_queue_url: format!("{QUEUE_URL_BASE}{DELIVERIES}"),
                event_bus: None,
                base_url: "https://api.example.invalid".to_owned(),
            };
            let ambient = self.clock_and_random();
            let (now, random) = (ambient.now, ambient.random);
            let token_bytes = Arc::new(move || {
                let mut token = [0; LinkToken::BYTES];
                token.fill_with(|| random().to_le_bytes()[0]);
                Some(token)
            });
            let events = Events::with_clients(&clients, config, Ambient { now, token_bytes });
            self.running = Some((process, Arc::new(events)));
        }
        let Some((process, events)) = self.running.clone() else {
            return InvocationEnd::Failed;
        };
        let deadline = Instant::now() + EVENTS_TIMEOUT;
        let run = async {
            let answer = ::events::batch::handle_batch(&events, batch, deadline).await;
            let failed = answer.batch_item_failures.into_iter().next();
            Ok(failed.and_then(|one| one.item_identifier))
        };
        self.run_invocation(&process, EVENTS_TIMEOUT, run).await
    }
}
