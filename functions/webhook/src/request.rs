//! The event of API Gateway, without the part that the runtime cannot take, the address from which
//! it came, and a request whose sender is verified.

use std::net::IpAddr;

use aws::webhook_access::WebhookRules;
use lambda_http::{
    LambdaEvent, Request, RequestExt,
    request::{LambdaRequest, RequestContext},
};
use media::access::VerifiedInstance;
use tokio::time::Instant;

/// A body, its sender, and when it came.
#[derive(Clone, Copy)]
pub(crate) struct VerifiedRequest<'a> {
    pub(crate) verified: &'a VerifiedInstance,
    pub(crate) rules: WebhookRules,
    pub(crate) body: &'a [u8],
    pub(crate) now: i64,
    /// When no job is written into the jobs table any more, so that there is time to answer.
    pub(crate) keep_until: Instant,
}

/// The id that API Gateway gave to the request: the same if Lambda repeats it, and no other
/// request's.
pub(crate) fn request_id(request: &Request) -> Option<String> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.request_id.clone(),
        _ => None,
    }
}

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
