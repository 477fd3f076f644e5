//! Requests of API Gateway, as the Lambda runtime converts them.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use lambda_http::{Context, LambdaEvent, Request, RequestExt, request::LambdaRequest};
use serde_json::{Value, json};
use webhook::without_query;

/// An event of API Gateway with this query.
fn gateway_event(query: &str) -> LambdaEvent<LambdaRequest> {
    let event: Value = json!({
        "version": "2.0", "routeKey": "POST /webhook/{instanceId}/{secret}", "rawPath": "/webhook/A-B/s",
        "rawQueryString": query, "headers": { "host": "api.example.invalid" },
        "pathParameters": { "instanceId": "A-B", "secret": "s" },
        "requestContext": { "accountId": "000000000000", "apiId": "a", "stage": "$default",
            "http": { "method": "POST", "path": "/webhook/A-B/s", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" } },
        "body": "{}", "isBase64Encoded": false,
    });
    let request = serde_json::from_value(event).expect("an event of API Gateway");
    LambdaEvent::new(request, Context::default())
}

/// The runtime would panic while it converts each of these, and answer 500.
#[test]
fn an_invalid_query_does_not_panic() {
    for query in ["a=<b>", "a={b}", "\"", "a b", "ação", "^`|\\", "%", "", "a=b"] {
        let request: Request = without_query(gateway_event(query)).payload.into();
        let path = request.path_parameters();
        assert_eq!(path.first("instanceId"), Some("A-B"), "{query}");
        assert_eq!(path.first("secret"), Some("s"), "{query}");
        let body: &[u8] = request.body();
        assert_eq!(body, b"{}", "{query}");
    }
}
