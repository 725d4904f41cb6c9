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
