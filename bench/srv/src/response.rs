//! The response that is read.

/// Ten SRV records of three priorities for `_xmpp-server._tcp.chat.example`, with the addresses of
/// their targets and an OPT record in the additional section.
///
/// It is what a name server sends: owners are pointers, and the targets of SRV records are not
/// compressed (RFC 2782).
pub(crate) fn response() -> Vec<u8> {
    let mut message = Vec::new();
    // A response with recursion; one question, ten answers, 21 additional records.
    put(&mut message, &[0x1234, 0x8180, 1, 10, 0, 21]);
    put_name(&mut message, &OWNER);
    put(&mut message, &[SRV, IN]);
    let mut hosts = Vec::new();
    for (number, &(priority, weight)) in (0_u8..).zip(&OFFERS) {
        put_record(&mut message, AT_QUESTION, SRV);
        let length = message.len();
        put(&mut message, &[0, priority, weight, 5269]);
        hosts.push(POINTER | u16::try_from(message.len()).expect("a short message"));
        put_name(&mut message, &target(number));
        let end = message.len();
        let data = u16::try_from(end - length - 2).expect("a short record");
        message[length..length + 2].copy_from_slice(&data.to_be_bytes());
    }
    for (number, &host) in (1_u8..).zip(&hosts) {
        put_record(&mut message, host, A);
        put(&mut message, &[4]);
        message.extend([203, 0, 113, number]);
        put_record(&mut message, host, AAAA);
        put(
            &mut message,
            &[16, 0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()],
        );
    }
    // The root, OPT, 1,232 bytes, no flags, no options.
    message.push(0);
    put(&mut message, &[OPT, 1232, 0, 0, 0]);
    message
}

/// The labels of the owner of the records.
pub(crate) const OWNER: [&str; 4] = ["_xmpp-server", "_tcp", "chat", "example"];

fn target(number: u8) -> [String; 4] {
    let host = format!("xmpp-node-{number:02}");
    [host, "europe".into(), "chat".into(), "example".into()]
}

fn put(message: &mut Vec<u8>, fields: &[u16]) {
    message.extend(fields.iter().flat_map(|field| field.to_be_bytes()));
}

fn put_name(message: &mut Vec<u8>, labels: &[impl AsRef<str>]) {
    for label in labels {
        let label = label.as_ref();
        message.push(u8::try_from(label.len()).expect("a short label"));
        message.extend(label.bytes());
    }
    message.push(0);
}

/// A record for an hour, up to the length of its data.
fn put_record(message: &mut Vec<u8>, owner: u16, kind: u16) {
    put(message, &[owner, kind, IN, 0, 3600]);
}

/// Priority and weight.
const OFFERS: [(u16, u16); 10] = [
    (10, 60),
    (10, 20),
    (10, 10),
    (10, 10),
    (20, 5),
    (20, 5),
    (20, 0),
    (30, 1),
    (30, 3),
    (30, 0),
];

const IN: u16 = 1;
const A: u16 = 1;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const OPT: u16 = 41;

const POINTER: u16 = 0xC000;
/// The name behind the header.
const AT_QUESTION: u16 = POINTER | 12;

#[cfg(test)]
mod tests {
    use hickory_proto::op::Message;
    use hickory_proto::rr::{RData, RecordType};

    use super::*;

    #[test]
    fn the_response_is_what_a_name_server_sends() {
        let response = response();
        assert_eq!(response.len(), 1019);
        let message = Message::from_vec(&response).expect("a message");
        assert_eq!(message.answers.len(), 10);
        assert_eq!(message.additionals.len(), 20);
        assert!(message.edns.is_some());
        for (number, record) in (0_u8..).zip(&message.answers) {
            let RData::SRV(srv) = &record.data else {
                panic!("{record}");
            };
            assert_eq!(record.name.to_ascii(), OWNER.join(".") + ".");
            assert_eq!(srv.target.to_ascii(), target(number).join(".") + ".");
            let addresses = message.additionals.iter();
            let of_target = addresses.filter(|address| address.name == srv.target);
            let kinds: Vec<_> = of_target.map(|address| address.record_type()).collect();
            assert_eq!(kinds, [RecordType::A, RecordType::AAAA]);
        }
    }
}
