//! Events about what media come through: the connection of an instance, and a receiver.

use serde::Serialize;

use crate::{
    delivery::DeliveryId,
    event_envelope::{Envelope, format_time},
    ids::{InstanceId, TenantId},
    receiver::{PauseReason, ReceiverId},
};

/// What became of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceEventType {
    /// It is connected to WhatsApp.
    Connected,
    /// It is not connected to WhatsApp: no message comes, and W-API cannot fetch media.
    Disconnected,
    /// It is connected, but W-API has posted no webhook for a day.
    Silent,
}

impl InstanceEventType {
    /// The word in events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "instance.connected",
            Self::Disconnected => "instance.disconnected",
            Self::Silent => "instance.silent",
        }
    }
}

/// An event about an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceEvent {
    /// Its type.
    pub event_type: InstanceEventType,
    /// The same at every attempt to publish it, and for everyone who gets it.
    pub id: DeliveryId,
    /// When it was noticed, in seconds since 1970.
    pub at: i64,
    /// The tenant.
    pub tenant: TenantId,
    /// The instance.
    pub instance: InstanceId,
    /// Of a silent instance, when the latest webhook came, in seconds since 1970.
    pub last_webhook_at: Option<i64>,
}

/// An event about a receiver: it gets nothing until an operator resumes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverEvent {
    /// The same at every attempt to publish it, and for everyone who gets it.
    pub id: DeliveryId,
    /// When it was paused, in seconds since 1970.
    pub at: i64,
    /// The tenant.
    pub tenant: TenantId,
    /// The instance whose webhook or event it did not take.
    pub instance: InstanceId,
    /// The receiver.
    pub receiver: ReceiverId,
    /// Why it is paused.
    pub reason: PauseReason,
}

#[derive(Serialize)]
struct InstanceData<'a> {
    tenant: &'a str,
    instance: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_webhook_at: Option<String>,
}

#[derive(Serialize)]
struct ReceiverData<'a> {
    tenant: &'a str,
    instance: &'a str,
    receiver: &'a str,
    reason: &'static str,
}

impl InstanceEvent {
    /// The JSON, the same for everyone: it has nothing personal.
    ///
    /// # Errors
    /// None in practice: every field is a text or number.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let (tenant, instance) = (self.tenant.as_str(), self.instance.as_str());
        let last_webhook_at = self.last_webhook_at.and_then(format_time);
        let data = InstanceData { tenant, instance, last_webhook_at };
        Envelope::new(&self.id, self.event_type.as_str(), self.at, data).to_json()
    }
}

impl ReceiverEvent {
    /// The word in events.
    pub const TYPE: &'static str = "receiver.paused";

    /// The JSON, the same for everyone: it has nothing personal.
    ///
    /// # Errors
    /// As [`InstanceEvent::to_json`].
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let data = ReceiverData {
            tenant: self.tenant.as_str(),
            instance: self.instance.as_str(),
            receiver: self.receiver.as_str(),
            reason: self.reason.as_str(),
        };
        Envelope::new(&self.id, Self::TYPE, self.at, data).to_json()
    }
}
