use rustls::InvalidMessage;

use super::*;

#[test]
fn plaintext_is_an_error_on_both_sides() {
    let context = observing(Some(&leaf(2, "a.example").self_signed()));
    for plaintext in [
        &b"<?xml version='1.0'?><stream:stream"[..],
        b"<stream:error",
        b"OPTIONS sip:a.example SIP/2.0\r\n",
        b"\r\n\r\n\r\n",
        b"\x80\x2e\x01\x00\x02",
    ] {
        let mut pair = Pair::new(&context, &context, "a.example");
        feed(&mut pair.server, plaintext, &mut pair.server_error);
        feed(&mut pair.client, plaintext, &mut pair.client_error);
        let error = Some(Error::InvalidMessage(InvalidMessage::InvalidContentType));
        assert_eq!(pair.errors(), (error.clone(), error));
    }
}

#[test]
fn a_handshake_survives_any_fragments() {
    let context = observing(Some(&leaf(2, "a.example").self_signed()));
    let mut pair = Pair::new(&context, &context, "a.example");
    while !pair.completed() {
        let mut bytes = Vec::new();
        while pair.client.wants_write() {
            pair.client.write_tls(&mut bytes).unwrap();
        }
        for byte in bytes.drain(..) {
            feed(&mut pair.server, &[byte], &mut pair.server_error);
        }
        while pair.server.wants_write() {
            pair.server.write_tls(&mut bytes).unwrap();
        }
        for byte in bytes {
            feed(&mut pair.client, &[byte], &mut pair.client_error);
        }
    }
    assert_eq!(pair.errors(), (None, None));
    assert!(pair.server.peer_certificates().is_some());
}
