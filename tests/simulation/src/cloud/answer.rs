//! What the cloud says to one call, before anything happens to it on the way.

use bytes::Bytes;
use serde_json::{Value, json};

/// Status, headers and body.
pub type Answer = http::Response<Bytes>;

/// Makes answers.
pub trait Answers {
    /// 200 with JSON.
    fn json(body: &Value) -> Self;
    /// An error of the JSON services: 400 with its code.
    fn refusal(code: &str, message: &str) -> Self;
    /// An error of the JSON services, which goes by its status.
    fn failure(status: u16, code: &str) -> Self;
    /// An error of S3; with status 200, the kind that comes after S3 has said that all is well.
    fn s3_error(status: u16, code: &str) -> Self;
}

impl Answers for Answer {
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
            json!({ "__type": format!("com.amazonaws#{code}"), "message": "the world's doing" })
                .to_string(),
        )
    }

    fn s3_error(status: u16, code: &str) -> Self {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
        with_status(
            status,
            format!("{xml}<Error><Code>{code}</Code><Message>the world's doing</Message></Error>"),
        )
    }
}

fn with_status(status: u16, body: String) -> Answer {
    let mut answer = Answer::new(body.into());
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    answer
}
