//! The answer to OPTIONS (RFC 3261 §11.2).

use super::{Config, Incoming};
use crate::{BuildError, HeaderName, ResponseBuilder, StatusCode};

pub(crate) fn answer(config: &Config, incoming: &Incoming) -> ResponseBuilder {
    let mut response = incoming.response(StatusCode::OK);
    allow(config, &mut response);
    list(
        &mut response,
        HeaderName::Accept,
        &config.acceptance.content_types,
    );
    response
}

/// Says which methods, extensions and event packages there are.
pub(crate) fn allow(config: &Config, response: &mut ResponseBuilder) {
    let acceptance = &config.acceptance;
    list(response, HeaderName::Allow, &acceptance.methods);
    list(response, HeaderName::Supported, &acceptance.extensions);
    list(response, HeaderName::AllowEvents, &config.events);
}

/// Adds a list that is not empty. A value of ours that no header can hold leaves it out.
pub(crate) fn list(response: &mut ResponseBuilder, name: HeaderName, values: &[String]) {
    if !values.is_empty() {
        let _: Result<_, BuildError> = response.header(name, values.join(", "));
    }
}
