//! Where a request came from, noted in its topmost Via.

use std::net::SocketAddr;
use std::ops::Range;

use super::headers::{Headers, Values};
use crate::grammar::{Digits, push_address};
use crate::header::Via;
use crate::{HeaderName, ParseError};

/// What is to stand in place of some bytes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    /// The first value of Via.
    pub(crate) place: Range<usize>,
    pub(crate) value: Vec<u8>,
}

impl Noted {
    /// The topmost Via with `received` and `rport` (RFC 3261 §18.2.1, RFC 3581 §4); `None` if there is
    /// nothing to note.
    ///
    /// # Errors
    ///
    /// If there is no Via, or the topmost one is malformed.
    pub(crate) fn in_headers(
        headers: Headers<'_>,
        source: SocketAddr,
    ) -> Result<Option<Self>, ParseError> {
        let mut values = headers.all::<Via<'_>>();
        let via = values.next();
        let via = via.ok_or_else(|| headers.missing::<Via<'_>>())??;
        Ok(Self::new(&values, &via, source))
    }

    /// The same of the first Via, which was just read of the values.
    pub(crate) fn new(
        values: &Values<'_, Via<'_>>,
        via: &Via<'_>,
        source: SocketAddr,
    ) -> Option<Self> {
        let address = source.ip().to_canonical();
        let is_noted = via.has_rport() || via.received().is_some();
        if !is_noted && via.host().address() == Some(address) {
            return None;
        }
        let header = values.headers().named(HeaderName::Via).next()?;
        let place = header.value_offset()..values.position().value_end;
        let params_start = place.end - via.params().as_bytes().len();
        let mut value = Vec::with_capacity(place.len() + MAX_NOTE);
        value.extend(values.headers().bytes(place.start..params_start));
        for (raw, param) in via.params().with_raw() {
            if param.is("rport") {
                value.extend(b";rport=");
                value.extend(Digits::of(source.port()).as_bytes());
            } else if !param.is("received") {
                value.extend(raw);
            }
        }
        value.extend(b";received=");
        push_address(&mut value, address);
        Some(Self { place, value })
    }
}

/// How long both parameters are at most.
const MAX_NOTE: usize = ";rport=65535;received=".len() + 39;
