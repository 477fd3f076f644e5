//! The event of API Gateway, without the part that the runtime cannot take, and the address from
//! which it came.

use std::net::IpAddr;

use lambda_http::{
    LambdaEvent, Request, RequestExt,
    request::{LambdaRequest, RequestContext},
};

/// The address of the caller, as API Gateway saw it.
pub(crate) fn source_address(request: &Request) -> Option<IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        _ => None,
    }
}

/// Removes the query string, which no route uses. API Gateway passes it on as it came, even with
/// characters that a URL may not have, and the runtime panics on these when it builds a request.
#[must_use]
pub fn without_query(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload {
        request.raw_query_string = None;
    }
    event
}
