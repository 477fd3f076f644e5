//! Reads records: one by its key, or a media message's, wherever it is.

use media::{ids::InstanceId, message::MediaMessage};

use super::place::Place;
use crate::{
    clients::Clients,
    dynamodb::{Attributes, get_item},
    error::AwsError,
};

/// Reads the record with this sort key, strongly consistent.
///
/// # Errors
/// [`AwsError`] when `GetItem` fails.
pub async fn get_record_item(
    clients: &Clients,
    table: &str,
    instance: &InstanceId,
    key: &str,
) -> Result<Option<Attributes>, AwsError> {
    get_item(clients, table, [("instance", instance.as_str()), ("message_id", key)]).await
}

/// Reads the record of a media message: one `GetItem` for each place where it may be.
///
/// # Errors
/// [`AwsError`] when `GetItem` fails.
pub async fn find_record_item(
    clients: &Clients,
    table: &str,
    instance: &InstanceId,
    message: &MediaMessage,
) -> Result<Option<Attributes>, AwsError> {
    let identity = message.identity();
    for place in Place::all(message, &identity) {
        match get_record_item(clients, table, instance, place.key.as_str()).await? {
            Some(item) if place.matches(&item) => return Ok(Some(item)),
            None if place.creates_records() => break,
            Some(_) | None => {}
        }
    }
    Ok(None)
}
