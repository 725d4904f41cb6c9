//! The answer to OPTIONS (RFC 3261 §11.2).

use super::{Config, Incoming};
use crate::{BuildError, HeaderName, ResponseBuilder, StatusCode};

pub(crate) fn answer(config: &Config, incoming: &Incoming) -> ResponseBuilder {
    let mut response = incoming.response(StatusCode::OK);
    let acceptance = &config.acceptance;
    let lists = [
        (HeaderName::Allow, &acceptance.methods),
        (HeaderName::Accept, &acceptance.content_types),
        (HeaderName::Supported, &acceptance.extensions),
        (HeaderName::AllowEvents, &config.events),
    ];
    for (name, values) in lists {
        if !values.is_empty() {
            // A value of ours that no header can hold is left out.
            let _: Result<_, BuildError> = response.header(name, values.join(", "));
        }
    }
    response
}
