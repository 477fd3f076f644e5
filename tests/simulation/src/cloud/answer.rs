//! The cloud's answer to one call, before faults change it on the way.

use bytes::Bytes;
use serde_json::{Value, json};

/// The status, headers and body.
pub type Answer = http::Response<Bytes>;

/// Builds the answers that AWS's services give.
pub trait BuildAnswer {
    /// 200 with this JSON body.
    fn json(body: &Value) -> Self;
    /// An error of the JSON services: 400 with this code.
    fn refusal(code: &str, message: &str) -> Self;
    /// An error of the JSON services with this status.
    fn failure(status: u16, code: &str) -> Self;
    /// An error of S3. With status 200, the error comes in the body of a success.
    fn s3_error(status: u16, code: &str) -> Self;
}

impl BuildAnswer for Answer {
    fn json(body: &Value) -> Self {
        Self::new(body.to_string().into())
    }

    fn refusal(code: &str, message: &str) -> Self {
        with_status(
            400,
            json!({ "__type": format!("com.amazonaws#{code}"), "message": message }).to_string(),
        )
    }

    fn failure(status: u16, code: &str) -> Self {
        with_status(
            status,
            json!({
                "__type": format!("com.amazonaws#{code}"), "message": "a fault of the simulation"
            })
            .to_string(),
        )
    }

    fn s3_error(status: u16, code: &str) -> Self {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
        with_status(
            status,
            format!("{xml}<Error><Code>{code}</Code><Message>simulated</Message></Error>"),
        )
    }
}

fn with_status(status: u16, body: String) -> Answer {
    let mut answer = Answer::new(body.into());
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    answer
}
