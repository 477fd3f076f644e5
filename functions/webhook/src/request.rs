//! A request as API Gateway hands it over, without what the runtime cannot take.

use lambda_http::{LambdaEvent, request::LambdaRequest};

/// The event without its query, which is nobody's here. API Gateway passes a query on as it came,
/// also with characters that no URL may have, and of these the runtime panics when it makes a
/// request of the event.
#[must_use]
pub fn without_query(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload {
        request.raw_query_string = None;
    }
    event
}
