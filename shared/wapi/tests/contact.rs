//! The answer about a phone number, in every form that clients' code suggests.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use media::contact::Contact;
use serde_json::{Value, json};
use wapi::contact::PhoneAnswer;

const LID: &str = "200000000000002";
const PHONE: &str = "5500900000002";

fn parse(answer: &Value) -> Option<PhoneAnswer> {
    PhoneAnswer::parse(answer.to_string().as_bytes())
}

fn both() -> Option<PhoneAnswer> {
    let contact = Contact { lid: Some(LID.to_owned()), phone: Some(PHONE.to_owned()) };
    Some(PhoneAnswer::OnWhatsApp(contact))
}

#[test]
fn a_lid_is_read_with_server_and_without() {
    let at_lid = format!("{LID}@lid");
    let number: u64 = LID.parse().expect("digits");
    for lid in [json!(LID), json!(at_lid), json!(number), json!(format!("{LID}:3@lid"))] {
        for answer in [
            json!({ "exists": true, "phoneNumber": PHONE, "lid": lid }),
            json!({ "EXISTS": "true", "phonenumber": format!("{PHONE}@s.whatsapp.net"), "LID": lid }),
            json!({ "error": false, "data": { "exists": 1, "phone": PHONE, "lid": lid } }),
            json!([{ "exists": true, "phoneNumber": format!("+{PHONE}"), "lid": lid }]),
            json!({ "results": [{ "numberExists": true, "number": PHONE, "lid": lid }] }),
            json!({ "phoneNumber": PHONE, "lid": lid }),
        ] {
            assert_eq!(parse(&answer), both(), "{answer}");
        }
    }
}

#[test]
fn a_number_that_is_not_on_whatsapp_has_no_lid() {
    for answer in [
        json!({ "exists": false }),
        json!({ "exists": "false", "phoneNumber": PHONE, "lid": null }),
        json!({ "data": { "exists": 0, "lid": LID } }),
    ] {
        assert_eq!(parse(&answer), Some(PhoneAnswer::NotOnWhatsApp), "{answer}");
    }
    let hidden = parse(&json!({ "exists": true, "phoneNumber": PHONE, "lid": "" }));
    let phone_only = Contact { lid: None, phone: Some(PHONE.to_owned()) };
    assert_eq!(hidden, Some(PhoneAnswer::OnWhatsApp(phone_only)));
}

/// A guess would connect two persons.
#[test]
fn an_unknown_shape_says_nothing() {
    for answer in [
        json!({}),
        json!([]),
        json!("true"),
        json!({ "error": true, "exists": true, "lid": LID }),
        json!({ "lid": "a name", "phoneNumber": PHONE }),
        json!({ "lid": format!("{PHONE}@c.us"), "phoneNumber": PHONE }),
        json!([{ "exists": true, "lid": LID }, { "exists": true, "lid": "7" }]),
        json!({ "data": { "data": { "data": { "data": { "exists": true } } } } }),
    ] {
        assert_eq!(parse(&answer), None, "{answer}");
    }
    assert_eq!(PhoneAnswer::parse(b"<html>"), None);
}

/// Otherwise one person's media get to another's folder.
#[test]
fn an_answer_about_another_number_teaches_nothing() {
    let lid_of = |phone: &str| {
        let answer = parse(&json!({ "exists": true, "lid": LID, "phoneNumber": phone }));
        answer.expect("an answer").lid_of("5500988880000")
    };
    for same in ["5500988880000", "550088880000", ""] {
        assert_eq!(lid_of(same).as_deref(), Some(LID), "{same}");
    }
    assert_eq!(lid_of("5500988880001"), None);
    assert_eq!(PhoneAnswer::NotOnWhatsApp.lid_of("5500988880000"), None);
}
