//! Where a request came from, noted in its topmost Via.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::ops::Range;

use super::headers::Headers;
use crate::ParseError;
use crate::header::Via;

/// What is to stand in place of some bytes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    /// The first value of Via.
    pub(crate) place: Range<usize>,
    pub(crate) value: Vec<u8>,
}

/// The topmost Via with `received` and `rport` (RFC 3261 §18.2.1, RFC 3581 §4); `None` if there is
/// nothing to note.
///
/// # Errors
///
/// If there is no Via, or the topmost one is malformed.
pub(crate) fn noted(headers: Headers<'_>, source: SocketAddr) -> Result<Option<Noted>, ParseError> {
    let first = headers.first_value::<Via<'_>>()?;
    let (header, position, via) = first.ok_or_else(|| headers.missing::<Via<'_>>())?;
    let address = source.ip().to_canonical();
    let asks = via.rport().is_some();
    if !asks && via.received().is_none() && via.host().address() == Some(address) {
        return Ok(None);
    }
    let start = header.value_offset();
    let params_len = via.params().as_bytes().len();
    let sent = header
        .value()
        .get(..position.value_end - params_len - start);
    let mut value = Vec::with_capacity(position.value_end - start + MAX_NOTE);
    value.extend(sent.unwrap_or_default());
    for (raw, param) in via.params().with_raw() {
        if param.is("rport") {
            note(&mut value, format_args!(";rport={}", source.port()));
        } else if !param.is("received") {
            value.extend(raw);
        }
    }
    note(&mut value, format_args!(";received={address}"));
    let place = start..position.value_end;
    Ok(Some(Noted { place, value }))
}

fn note(value: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    // Writing into memory cannot fail.
    let _: io::Result<()> = value.write_fmt(text);
}

/// How long both parameters are at most.
const MAX_NOTE: usize = ";rport=65535;received=".len() + 39;
