//! What the steps of a program are in bytes.

/// A program in the making.
pub(super) struct Steps(pub(super) Vec<u8>);

/// What a peer asks for.
#[derive(Clone, Copy)]
pub(super) struct Ask {
    method: u8,
    /// Which branch, and whether there is `rport`.
    who: u8,
    /// Which call and number, or which of the dialogs that were heard of.
    dialog: u8,
    extra: u8,
}

pub(super) fn begin() -> Steps {
    Steps(vec![0])
}

impl Steps {
    pub(super) fn step(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    pub(super) fn datagram(self, ask: Ask) -> Self {
        self.datagram_from(0, ask)
    }

    /// A datagram from one of the addresses of peers.
    pub(super) fn datagram_from(self, source: u8, ask: Ask) -> Self {
        self.step(&[0, source]).step(&ask.bytes())
    }

    /// A datagram comes again, counted from the last.
    pub(super) fn again(self, back: u8) -> Self {
        self.step(&[4, back])
    }

    /// Somebody opens a connection: over TCP, over TLS, or over TLS with a name.
    pub(super) fn connection(self, kind: u8) -> Self {
        self.step(&[12, 0, kind])
    }

    pub(super) fn say(self, ask: Ask) -> Self {
        self.step(&[6, 0, 1]).step(&ask.bytes())
    }

    pub(super) fn answer(self, code: u8) -> Self {
        self.step(&[15, 0, code])
    }

    pub(super) fn inform(self) -> Self {
        self.step(&[18, 0])
    }

    pub(super) fn accept(self) -> Self {
        self.step(&[19, 0, 0])
    }

    pub(super) fn respond(self, status: u8, extra: u8) -> Self {
        self.respond_to(0, status, extra)
    }

    /// A response to a request that was heard, counted from the last.
    pub(super) fn respond_to(self, back: u8, status: u8, extra: u8) -> Self {
        self.step(&[8, back, status, extra])
    }

    /// A response on another connection, counted from the last.
    pub(super) fn elsewhere(self, connection: u8, status: u8) -> Self {
        self.step(&[10, 0, status, 0, connection, 0])
    }

    /// To the next timers.
    pub(super) fn jumps(self, count: usize) -> Self {
        self.step(&vec![36; count])
    }

    pub(super) fn end(self) -> Vec<u8> {
        self.0
    }
}

impl Ask {
    pub(super) const fn new(method: u8) -> Self {
        Self {
            method,
            who: 0,
            dialog: 0,
            extra: 0,
        }
    }

    pub(super) fn by(self, who: u8) -> Self {
        Self { who, ..self }
    }

    /// Outside of dialogs.
    pub(super) fn in_call(self, dialog: u8) -> Self {
        Self { dialog, ..self }
    }

    pub(super) fn in_dialog(self, back: u8) -> Self {
        let dialog = 0x80 | back;
        Self { dialog, ..self }
    }

    pub(super) fn later(self, steps: u8) -> Self {
        let dialog = self.dialog | steps << 3;
        Self { dialog, ..self }
    }

    pub(super) fn bytes(self) -> [u8; 4] {
        [self.method, self.who, self.dialog, self.extra]
    }
}

pub(super) const INVITE: Ask = Ask::new(0);
pub(super) const ACK: Ask = Ask::new(1);
pub(super) const CANCEL: Ask = Ask::new(2);
pub(super) const BYE: Ask = Ask::new(3);
pub(super) const MESSAGE: Ask = Ask::new(4);
pub(super) const NOTIFY: Ask = Ask::new(6);
pub(super) const OPTIONS: Ask = Ask::new(7);

/// A client that wants answers where its requests came from.
pub(super) const RPORT: u8 = 8;

/// A client whose branches identify nothing.
pub(super) const OLD: u8 = 6;

// Answers of the user.
pub(super) const OK: u8 = 0;
pub(super) const BUSY: u8 = 2;

// Responses of peers.
pub(super) const ACCEPTED: u8 = 0;
pub(super) const TRYING: u8 = 1;
pub(super) const RINGING: u8 = 2;
pub(super) const NOT_HERE: u8 = 7;
pub(super) const GIVEN_UP: u8 = 13;
