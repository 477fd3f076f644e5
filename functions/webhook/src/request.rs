//! The event of API Gateway, without the part that the runtime cannot take.

use lambda_http::{LambdaEvent, request::LambdaRequest};

/// Removes the query string, which no route uses. API Gateway passes it on as it came, even with
/// characters that a URL may not have, and the runtime panics on these when it builds a request.
#[must_use]
pub fn without_query(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload {
        request.raw_query_string = None;
    }
    event
}
