//! KMS without secrecy: a ciphertext is the plaintext with its context, readable by the world.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::answer::{Answer, BuildAnswer};

/// Encrypts a plaintext in base64.
pub(super) fn encrypt(plain: &Value, context: &Value) -> Vec<u8> {
    json!({ "plain": plain, "context": context }).to_string().into_bytes()
}

/// Encrypts and decrypts; a ciphertext does not decrypt under another context.
#[must_use]
pub(super) fn answer_call(operation: &str, asked: &Value) -> Answer {
    match operation {
        "Encrypt" => {
            let sealed =
                json!({ "plain": asked["Plaintext"], "context": asked["EncryptionContext"] });
            let blob = BASE64.encode(sealed.to_string().as_bytes());
            Answer::json(&json!({ "CiphertextBlob": blob, "KeyId": asked["KeyId"] }))
        }
        "Decrypt" => {
            let blob = asked["CiphertextBlob"].as_str().unwrap_or_default();
            let sealed = BASE64.decode(blob.as_bytes()).unwrap_or_default();
            let sealed: Value = serde_json::from_slice(&sealed).unwrap_or_default();
            if sealed["context"] == asked["EncryptionContext"] && sealed["plain"].is_string() {
                Answer::json(&json!({ "Plaintext": sealed["plain"], "KeyId": "key" }))
            } else {
                Answer::refusal(
                    "InvalidCiphertextException",
                    "another context, or not a ciphertext",
                )
            }
        }
        _ => Answer::refusal("UnsupportedOperationException", operation),
    }
}
