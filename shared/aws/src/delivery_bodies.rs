//! The bodies of large webhooks on their way to receivers: objects in a bucket of their own, from
//! which a lifecycle rule removes them.

use aws_sdk_s3::{operation::put_object::builders::PutObjectFluentBuilder, primitives::ByteStream};
use media::delivery::{BodyKey, MAX_BODY_BYTES};

use crate::{clients::Clients, error::AwsError};

/// The bucket of deliveries.
#[derive(Debug)]
pub struct DeliveryBodies {
    clients: Clients,
    bucket: String,
}

impl DeliveryBodies {
    /// Uses the bucket with this name.
    #[must_use]
    pub fn new(clients: &Clients, bucket: String) -> Self {
        Self { clients: clients.clone(), bucket }
    }

    /// Stores the body of a webhook, once for all its receivers. An object that is there is the
    /// same body, and young: the key is that of one request.
    ///
    /// # Errors
    /// [`AwsError`] when `PutObject` fails.
    pub async fn put(&self, key: &BodyKey, body: &[u8]) -> Result<(), AwsError> {
        let put = self.put_object(key, body).if_none_match("*").send().await;
        match put.map_err(AwsError::in_operation("s3:PutObject")) {
            Err(error) if error.status != Some(412) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Stores the body of a webhook anew, so that the bucket keeps it for its days from now on.
    ///
    /// # Errors
    /// [`AwsError`] when `PutObject` fails.
    pub async fn replace(&self, key: &BodyKey, body: &[u8]) -> Result<(), AwsError> {
        let put = self.put_object(key, body).send().await;
        put.map(drop).map_err(AwsError::in_operation("s3:PutObject"))
    }

    fn put_object(&self, key: &BodyKey, body: &[u8]) -> PutObjectFluentBuilder {
        let put = self.clients.s3.put_object().bucket(&self.bucket).key(key.as_str());
        put.body(ByteStream::from(body.to_vec()))
    }

    /// Reads the body of a webhook. `None`: it is gone.
    ///
    /// # Errors
    /// [`AwsError`] when `GetObject` fails, or the connection breaks.
    pub async fn get(&self, key: &BodyKey) -> Result<Option<Vec<u8>>, AwsError> {
        const OPERATION: &str = "s3:GetObject";
        let get = self.clients.s3.get_object().bucket(&self.bucket).key(key.as_str()).send().await;
        let mut output = match get.map_err(AwsError::in_operation(OPERATION)) {
            Err(error) if error.code == "NoSuchKey" => return Ok(None),
            got => got?,
        };
        let mut body = Vec::new();
        while let Some(piece) = output.body.next().await {
            let broken = |_| AwsError::unexpected(OPERATION, "the connection broke");
            body.extend_from_slice(&piece.map_err(broken)?);
            if body.len() > MAX_BODY_BYTES {
                return Err(AwsError::unexpected(OPERATION, "an object that is too large"));
            }
        }
        Ok(Some(body))
    }
}
