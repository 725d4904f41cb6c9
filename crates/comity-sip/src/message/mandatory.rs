//! The headers that every message has.

use std::net::SocketAddr;

use super::headers::{Headers, Values};
use super::received::Noted;
use crate::ParseError;
use crate::header::{CSeq, CallId, From, To, Via};

/// The headers without which a message cannot be handled (RFC 3261 §8.1.1), read once for all who need
/// them. Max-Forwards is not among them: clients of RFC 2543 do not send it.
#[derive(Clone, Debug)]
pub(crate) struct Mandatory<'a> {
    /// The topmost.
    pub(crate) via: Via<'a>,
    pub(crate) from: From<'a>,
    pub(crate) to: To<'a>,
    pub(crate) call_id: CallId<'a>,
    pub(crate) cseq: CSeq<'a>,
    vias: Values<'a, Via<'a>>,
}

impl<'a> Mandatory<'a> {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// If one is absent, malformed, or there more often than it may be. Values of Via behind the first
    /// are not read.
    pub(crate) fn read(headers: Headers<'a>) -> Result<Self, ParseError> {
        let mut vias = headers.all::<Via<'_>>();
        let via = vias.next().ok_or_else(|| headers.missing::<Via<'_>>())??;
        Ok(Self {
            via,
            from: headers.one()?,
            to: headers.one()?,
            call_id: headers.one()?,
            cseq: headers.one()?,
            vias,
        })
    }

    /// The values of Via behind the topmost.
    pub(crate) fn other_vias(&self) -> Values<'a, Via<'a>> {
        self.vias.clone()
    }

    /// What the topmost Via says of the source of the message.
    pub(crate) fn noted(&self, source: SocketAddr) -> Option<Noted> {
        Noted::new(&self.vias, &self.via, source)
    }
}
