//! What SIP peers send, as they should.

use comity_bridge::text::{self, Content};
use comity_sip::Field;
use comity_sip::header::ContentType;

use super::World;
use super::ledger::Call;
use super::users::{SIP, XMPP};
use super::wires::{Dialog, OURS, target};
use crate::program::Program;

impl World {
    /// A request outside of dialogs.
    pub(super) fn call(&mut self, method: &str, program: &mut Program<'_>) {
        let (users, flags) = (program.byte(), program.byte());
        let wire = self.wire(users >> 4, false);
        let pair = (usize::from(users & 3), usize::from(users >> 2 & 3));
        let (to, from) = (XMPP[pair.0].uri, SIP[pair.1].uri);
        let number = self.number();
        let display = match flags & 1 {
            0 => String::new(),
            _ => format!("\"{}\" ", word(program.bytes())),
        };
        let from = format!("{display}<{from}>;tag=f{number}");
        let subject = match flags & 2 {
            0 => String::new(),
            _ => word(program.bytes()).trim().to_owned(),
        };
        let mut lines = String::new();
        if !subject.is_empty() {
            lines.push_str(&format!("Subject: {subject}\r\n"));
        }
        if flags & 4 != 0 {
            lines.push_str("P-Asserted-Identity: <sip:juliet@xmpp.test>\r\n");
            lines.push_str("Reply-To: <sip:lisa@lync.test>\r\n");
        }
        lines.push_str(match method {
            "SUBSCRIBE" if flags & 8 == 0 => "Event: presence\r\nExpires: 600\r\n",
            "SUBSCRIBE" => "Event: presence\r\nExpires: 0\r\n",
            _ => "",
        });
        let content = match method {
            "INVITE" => Some(("application/sdp", OFFER.as_bytes())),
            "MESSAGE" => Some((
                TYPES[usize::from(flags >> 5) % TYPES.len()],
                program.bytes(),
            )),
            _ => None,
        };
        let dialog = Dialog {
            wire,
            pair,
            call_id: format!("{OURS}{number}"),
            from,
            to: format!("<{to}>"),
            target: to.to_owned(),
            cseq: 1,
            is_invited: false,
        };
        let hops = if flags & 16 == 0 { 70 } else { 1 };
        lines.push_str(&format!("Max-Forwards: {hops}\r\n"));
        self.request(method, &dialog, &lines, &subject, content);
    }

    /// A request in the dialog of a session or a subscription.
    pub(super) fn call_in_dialog(&mut self, program: &mut Program<'_>) {
        let kind = program.byte();
        let Some(call_id) = program.recent(&self.dialogs).map(|one| one.call_id.clone()) else {
            return;
        };
        let method = METHODS[usize::from(kind & 7)];
        let is_ack = method == "ACK";
        let mut dialogs = self.dialogs.iter_mut();
        let dialog = dialogs.find(|dialog| dialog.call_id == call_id);
        let dialog = dialog.expect("a dialog");
        if is_ack && !dialog.is_invited {
            return;
        }
        dialog.cseq += u32::from(!is_ack);
        let mut dialog = dialog.clone();
        if is_ack {
            dialog.cseq = 1;
        }
        let content = match method {
            "MESSAGE" | "INFO" => {
                Some((TYPES[usize::from(kind >> 3) % TYPES.len()], program.bytes()))
            }
            "NOTIFY" => Some(("application/pidf+xml", program.bytes())),
            _ => None,
        };
        let lines = match (method, kind & 8) {
            ("NOTIFY", 0) => "Event: presence\r\nSubscription-State: active;expires=600\r\n",
            ("NOTIFY", _) => {
                "Event: presence\r\nSubscription-State: terminated;reason=rejected\r\n"
            }
            _ => "",
        };
        let lines = format!("{lines}Max-Forwards: 70\r\n");
        self.request(method, &dialog, &lines, "", content);
    }

    fn request(
        &mut self,
        method: &str,
        dialog: &Dialog,
        lines: &str,
        subject: &str,
        content: Option<(&str, &[u8])>,
    ) {
        let number = self.number();
        let Dialog {
            call_id,
            from,
            to,
            target,
            cseq,
            ..
        } = dialog;
        let cseq = format!("{cseq} {method}");
        let via = format!("SIP/2.0/TLS peer.test;branch=z9hG4bK{number}");
        let mut text = format!(
            "{method} {target} SIP/2.0\r\nVia: {via}\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n\
             Contact: <sip:peer.test;transport=tls>\r\n{lines}"
        );
        let (kind, body) = content.unwrap_or(("", b""));
        if !kind.is_empty() {
            text.push_str(&format!("Content-Type: {kind}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let is_text = ["MESSAGE", "INFO"].contains(&method);
        self.ledger.call(Call {
            via,
            wire: dialog.wire,
            pair: dialog.pair,
            call_id: call_id.clone(),
            cseq,
            from: from.clone(),
            text: is_text.then(|| read(kind, body)).flatten(),
            subject: subject.to_owned(),
            arrived: false,
            answers: Vec::new(),
        });
        self.input(dialog.wire, &[text.as_bytes(), body].concat());
    }

    /// Answers a request of the gateway.
    pub(super) fn answer(&mut self, program: &mut Program<'_>) {
        let (choice, status) = (program.byte(), program.byte());
        if self.asked.is_empty() {
            return;
        }
        let at = usize::from(choice) % self.asked.len();
        let status = STATUSES[usize::from(status) % STATUSES.len()];
        let number = self.number();
        let asked = &self.asked[at];
        let (wire, request) = (asked.wire, asked.request.clone());
        let (method, tag) = (request.method(), format!(";tag=t{number}"));
        let contact = "Contact: <sip:peer.test;transport=tls>\r\n";
        let is_success = (200..300).contains(&status);
        let (lines, body) = match method {
            "INVITE" if is_success => {
                let lines = format!("{contact}Content-Type: application/sdp\r\n");
                (lines, OFFER)
            }
            "SUBSCRIBE" if is_success => (format!("{contact}Expires: 600\r\n"), ""),
            _ => (String::new(), ""),
        };
        let bytes = request.answer(status, &tag, &lines, body.as_bytes());
        if status < 200 {
            return self.input(wire, &bytes);
        }
        let ticket = self.asked.remove(at).ticket;
        let is_new = !request.one("To").contains(";tag=");
        if is_success
            && is_new
            && ["INVITE", "SUBSCRIBE"].contains(&method)
            && let Some(pair) = self.ledger.pair_of(&request)
        {
            self.dialogs.push(Dialog {
                wire,
                pair,
                call_id: request.one("Call-ID").to_owned(),
                from: format!("{}{tag}", request.one("To")),
                to: request.one("From").to_owned(),
                target: target(&request),
                cseq: 0,
                is_invited: false,
            });
        }
        let Some(ticket) = ticket else {
            return self.input(wire, &bytes);
        };
        let given = self.ledger.given(ticket);
        let is_open = !given.returned && !given.settled;
        given.was_lost |= status == 481;
        if is_success && is_open {
            given.delivered = Some(status);
        }
        self.input(wire, &bytes);
        self.drain();
        let is_raw = self.wires[wire].is_raw;
        let given = self.ledger.given(ticket);
        if is_success && is_open {
            // A peer that mutters may not be heard.
            if is_raw && !given.settled {
                given.delivered = None;
            } else {
                assert!(given.settled && !given.returned, "{given:?}");
            }
        }
    }

    fn number(&mut self) -> usize {
        self.next_number += 1;
        self.next_number
    }
}

/// The text of a body, by a reader that has a target of its own.
fn read(kind: &str, body: &[u8]) -> Option<String> {
    let limits = comity_sip::Limits::default();
    let (kind, _) = ContentType::read(kind.as_bytes(), &limits).expect("a type of ours");
    let body = bytes::Bytes::copy_from_slice(body);
    let reading = text::read(Some(kind), None, &body, &text::Limits::default()).ok()?;
    match reading.content {
        Content::Text(text) => Some(text.text.into()),
        _ => None,
    }
}

/// Bytes as one line that needs no quotes in a quoted string.
fn word(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let is_plain = |one: &char| !one.is_control() && !"\"\\<>".contains(*one);
    text.chars().filter(is_plain).collect()
}

const METHODS: [&str; 8] = [
    "MESSAGE", "MESSAGE", "INFO", "BYE", "NOTIFY", "ACK", "OPTIONS", "NOTIFY",
];

const TYPES: [&str; 8] = [
    "text/plain",
    "text/html",
    "message/cpim",
    "application/im-iscomposing+xml",
    "multipart/alternative;boundary=x",
    "text/plain;charset=iso-8859-1",
    "application/xml",
    "text/rtf",
];

const STATUSES: [u16; 16] = [
    200, 200, 202, 100, 180, 302, 401, 403, 404, 408, 481, 486, 488, 500, 503, 603,
];

const OFFER: &str = "v=0\r\no=- 0 0 IN IP4 192.0.2.21\r\ns=session\r\nc=IN IP4 192.0.2.21\r\n\
    t=0 0\r\nm=message 5060 sip null\r\n";
