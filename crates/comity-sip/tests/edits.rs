//! Changes to a message on its way leave every other byte as it came.
#![cfg(test)]

use bytes::Bytes;
use comity_sip::header::{Contact, Require, Route, Supported, Via};
use comity_sip::{BuildError, Edit, EditError, Fault, HeaderName, Limits, Message, Request, Uri};

const HEAD: &str = "INVITE sip:bob@b.example SIP/2.0\r\n";
/// Odd but legal lines.
const LINES: &str = "v : SIP / 2.0/TLS  one.example ;branch=z9hG4bK1 , SIP/2.0/TLS two.example\r\n\
    X-Odd:\r\n  kept ,, as \"is\" \r\n\
    Via: SIP/2.0/TLS three.example\r\n\
    Route: <sip:p1.example;lr>\r\n ,\t<sip:p2.example;lr>\r\n\
    Subject:\r\n\
    Max-Forwards: 70\r\n";

fn request(lines: &str, body: &str) -> Request {
    let bytes = format!("{HEAD}{lines}\r\n{body}");
    match Message::from_datagram(bytes.into(), &Limits::default()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

/// The lines that a change of `LINES` leaves.
fn edited(change: impl for<'a> FnOnce(&mut Edit<'a>) -> Result<(), EditError>) -> String {
    let request = request(LINES, "body");
    let mut edit = request.edit();
    change(&mut edit).unwrap();
    let text = String::from_utf8(edit.finish().to_vec()).unwrap();
    let text = text.strip_prefix(HEAD).unwrap();
    text.strip_suffix("\r\nbody").unwrap().to_owned()
}

#[test]
fn a_message_without_changes_is_the_same_bytes() {
    let request = request(LINES, "body");
    let finished = request.edit().finish();
    assert_eq!(finished, *request.as_bytes());
    assert_eq!(finished.as_ptr(), request.as_bytes().as_ptr());
}

#[test]
fn lines_are_put_before_the_first_of_their_name() {
    let lines = edited(|edit| {
        edit.insert_before(HeaderName::Via, "SIP/2.0/TLS gw.example")?;
        edit.insert_before(HeaderName::RecordRoute, "<sip:gw.example;lr>")?;
        edit.insert_before(HeaderName::Via, "SIP/2.0/TLS outer.example")?;
        edit.insert_before(HeaderName::Route, "<sip:p0.example;lr>")?;
        Ok(())
    });
    let expected = LINES.replace(
        "Route: <sip:p1",
        "Route: <sip:p0.example;lr>\r\nRoute: <sip:p1",
    );
    let pushed = "Via: SIP/2.0/TLS outer.example\r\n\
        Record-Route: <sip:gw.example;lr>\r\n\
        Via: SIP/2.0/TLS gw.example\r\n";
    assert_eq!(lines, format!("{pushed}{expected}"));
}

#[test]
fn lines_are_put_behind_all_others_in_their_order() {
    let lines = edited(|edit| {
        edit.append(HeaderName::Supported, "timer")?;
        edit.append("X-Own", "")?
            .append(HeaderName::Supported, "path")?;
        Ok(())
    });
    assert_eq!(
        lines,
        format!("{LINES}Supported: timer\r\nX-Own: \r\nSupported: path\r\n")
    );
}

#[test]
fn setting_a_header_replaces_one_line_and_removes_the_others() {
    let lines = edited(|edit| edit.set(HeaderName::Via, "SIP/2.0/TLS gw").map(drop));
    let expected = LINES
        .replace(
            "SIP / 2.0/TLS  one.example ;branch=z9hG4bK1 , SIP/2.0/TLS two.example",
            "SIP/2.0/TLS gw",
        )
        .replace("Via: SIP/2.0/TLS three.example\r\n", "");
    assert_eq!(lines, expected);
    let lines = edited(|edit| edit.set(HeaderName::Subject, "new").map(drop));
    assert_eq!(lines, LINES.replace("Subject:\r\n", "Subject:new\r\n"));
    let lines = edited(|edit| edit.set(HeaderName::Expires, "60").map(drop));
    assert_eq!(lines, format!("{LINES}Expires: 60\r\n"));
}

#[test]
fn removing_a_header_removes_all_its_lines() {
    let lines = edited(|edit| {
        edit.remove(HeaderName::Via)?.remove(HeaderName::Expires)?;
        edit.insert_before(HeaderName::Via, "SIP/2.0/TLS gw.example")?;
        Ok(())
    });
    let (_, rest) = LINES.split_once("two.example\r\n").unwrap();
    let rest = rest.replace("Via: SIP/2.0/TLS three.example\r\n", "");
    assert_eq!(lines, format!("Via: SIP/2.0/TLS gw.example\r\n{rest}"));
}

#[test]
fn the_first_value_of_a_list_is_popped_or_replaced() {
    let lines = edited(|edit| edit.remove_first::<Route<'_>>().map(drop));
    let both = "Route: <sip:p1.example;lr>\r\n ,\t<sip:p2.example;lr>";
    assert_eq!(lines, LINES.replace(both, "Route: <sip:p2.example;lr>"));
    let lines = edited(|edit| edit.remove_first::<Via<'_>>().map(drop));
    let first = "SIP / 2.0/TLS  one.example ;branch=z9hG4bK1";
    assert_eq!(lines, LINES.replace(&format!("{first} , "), ""));
    let value = format!("{first};received=192.0.2.1");
    let lines = edited(|edit| edit.set_first::<Via<'_>>(&value).map(drop));
    assert_eq!(lines, LINES.replace(first, &value));
    let request = request(
        "Route: <sip:p1.example;lr>\r\nRoute: <sip:p2.example;lr>\r\n",
        "",
    );
    let mut edit = request.edit();
    edit.remove_first::<Route<'_>>().unwrap();
    assert_eq!(
        edit.finish(),
        format!("{HEAD}Route: <sip:p2.example;lr>\r\n\r\n")
    );
}

#[test]
fn the_target_of_a_request_is_replaced() {
    let request = request("To: <sip:bob@b.example>\r\n", "");
    let mut edit = request.edit();
    edit.set_uri(Uri::parse("sips:robert@c.example;transport=tcp").unwrap())
        .unwrap();
    let again = edit.set_uri(Uri::parse("sip:d.example").unwrap()).map(drop);
    assert_eq!(again, Err(EditError::Conflict));
    assert_eq!(
        edit.finish(),
        "INVITE sips:robert@c.example;transport=tcp SIP/2.0\r\nTo: <sip:bob@b.example>\r\n\r\n"
    );
    let with_headers = Uri::parse("sip:c.example?Subject=x").unwrap();
    let refused = request.edit().set_uri(with_headers).map(drop);
    assert_eq!(refused, Err(EditError::Value(BuildError::UriHeaders)));
    let response = "SIP/2.0 200 OK\r\n\r\n";
    let message = Message::from_datagram(response.into(), &Limits::default()).unwrap();
    let Message::Response(response) = message else {
        panic!("a request");
    };
    let uri = Uri::parse("sip:c.example").unwrap();
    assert_eq!(
        response.edit().set_uri(uri).map(drop),
        Err(EditError::NoRequest)
    );
}

#[test]
fn a_message_has_one_length_whatever_is_done_to_its_body() {
    let finish = |lines: &str, change: fn(&mut Edit<'_>)| -> String {
        let request = request(lines, "");
        let mut edit = request.edit();
        change(&mut edit);
        let text = String::from_utf8(edit.finish().to_vec()).unwrap();
        text.strip_prefix(HEAD).unwrap().to_owned()
    };
    let replace = |edit: &mut Edit<'_>| {
        edit.set_body(Bytes::from_static(b"first")).ensure_length();
        edit.set_body(Bytes::from_static(b"hi"));
    };
    assert_eq!(
        finish("A: b\r\n", replace),
        "A: b\r\nContent-Length: 2\r\n\r\nhi"
    );
    assert_eq!(
        finish("l : 0\r\nA: b\r\n", replace),
        "l : 2\r\nA: b\r\n\r\nhi"
    );
    let ensure = |edit: &mut Edit<'_>| {
        edit.ensure_length().ensure_length();
    };
    assert_eq!(
        finish("A: b\r\n", ensure),
        "A: b\r\nContent-Length: 0\r\n\r\n"
    );
    assert_eq!(finish("l : 00\r\n", ensure), "l : 00\r\n\r\n");
    let computed = EditError::Value(BuildError::Computed(HeaderName::ContentLength));
    let request = request("A: b\r\n", "");
    let mut edit = request.edit();
    let length = HeaderName::ContentLength;
    assert_eq!(edit.set(length, "1").map(drop), Err(computed.clone()));
    assert_eq!(edit.append(length, "1").map(drop), Err(computed.clone()));
    assert_eq!(edit.append("L", "1").map(drop), Err(computed.clone()));
    assert_eq!(
        edit.insert_before(length, "1").map(drop),
        Err(computed.clone())
    );
    assert_eq!(edit.remove(length).map(drop), Err(computed));
}

#[test]
fn a_header_is_set_once_and_a_refused_change_changes_nothing() {
    let request = request("k:\r\nk: a, b\r\nSubject:\r\n", "");
    for name in [
        HeaderName::MaxForwards,
        HeaderName::Subject,
        HeaderName::Supported,
    ] {
        let mut edit = request.edit();
        edit.set(name, "1").unwrap();
        let once = edit.finish();
        assert_eq!(edit.set(name, "2").map(drop), Err(EditError::Conflict));
        assert_eq!(edit.remove(name).map(drop), Err(EditError::Conflict));
        assert_eq!(edit.finish(), once);
    }
    let mut edit = request.edit();
    edit.remove_first::<Supported<'_>>().unwrap();
    let popped = edit.finish();
    assert_eq!(popped, format!("{HEAD}k:\r\nk: b\r\nSubject:\r\n\r\n"));
    assert_eq!(
        edit.remove(HeaderName::Supported).map(drop),
        Err(EditError::Conflict)
    );
    assert_eq!(
        edit.set(HeaderName::Supported, "z").map(drop),
        Err(EditError::Conflict)
    );
    assert_eq!(
        edit.set_first::<Supported<'_>>("z").map(drop),
        Err(EditError::Conflict)
    );
    assert_eq!(edit.finish(), popped);
}

#[test]
fn headers_of_any_name_are_changed() {
    let request = request("X-A: 1\r\nRemote-Party-ID: <sip:a>\r\nx-a: 2\r\n", "");
    let mut edit = request.edit();
    edit.remove("remote-party-id")
        .unwrap()
        .set("X-a", "3")
        .unwrap();
    assert_eq!(edit.set("x-A", "4").map(drop), Err(EditError::Conflict));
    edit.insert_before("X-A", "0").unwrap();
    assert_eq!(edit.finish(), format!("{HEAD}X-A: 0\r\nX-A: 3\r\n\r\n"));
    let mut edit = request.edit();
    let last = request.headers().find("X-A").last().unwrap();
    edit.remove_line(&last).unwrap();
    assert_eq!(edit.remove_line(&last).map(drop), Err(EditError::Conflict));
    let left = "X-A: 1\r\nRemote-Party-ID: <sip:a>\r\n\r\n";
    assert_eq!(edit.finish(), format!("{HEAD}{left}"));
    let other = self::request("X-A: 5\r\n", "");
    let foreign = other.headers().iter().next().unwrap();
    assert_eq!(
        edit.remove_line(&foreign).map(drop),
        Err(EditError::Foreign)
    );
}

/// RFC 3261 §7.3.1
#[test]
fn a_header_is_removed_whatever_stands_before_its_colon() {
    let request = request("X-A : 1\r\nx-a\t: 2\r\nX-A \t:\r\n 3\r\nX-B : 4\r\n", "");
    let mut edit = request.edit();
    edit.remove("X-A").unwrap();
    assert_eq!(edit.finish(), format!("{HEAD}X-B : 4\r\n\r\n"));
}

/// RFC 3261 §18.2.1, RFC 3581 §4
#[test]
fn the_source_of_a_request_is_noted_in_its_first_via() {
    for (via, source, noted) in [
        (
            "SIP/2.0/UDP 192.0.2.1",
            "192.0.2.1:5060",
            "SIP/2.0/UDP 192.0.2.1",
        ),
        (
            "SIP/2.0/UDP 192.0.2.1",
            "[::ffff:192.0.2.1]:5060",
            "SIP/2.0/UDP 192.0.2.1",
        ),
        (
            "SIP/2.0/UDP 10.0.0.1 ;branch=1",
            "192.0.2.1:5060",
            "SIP/2.0/UDP 10.0.0.1 ;branch=1;received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP a.example;branch=1 , SIP/2.0/UDP b.example",
            "[2001:db8::9]:5060",
            "SIP/2.0/UDP a.example;branch=1;received=2001:db8::9 , SIP/2.0/UDP b.example",
        ),
        (
            "SIP/2.0/UDP 192.0.2.1;rport;branch=1",
            "192.0.2.1:4999",
            "SIP/2.0/UDP 192.0.2.1;rport=4999;branch=1;received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP 192.0.2.1:05060;rport=1; received=10.0.0.1;x=\"\\;\"",
            "192.0.2.1:4999",
            "SIP/2.0/UDP 192.0.2.1:05060;rport=4999;x=\"\\;\";received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP 192.0.2.1;rport=;received=192.0.2.1",
            "192.0.2.1:4999",
            "SIP/2.0/UDP 192.0.2.1;rport=4999;received=192.0.2.1",
        ),
    ] {
        let request = request(&format!("v: {via}\r\n"), "");
        let mut edit = request.edit();
        edit.set_received(source.parse().unwrap()).unwrap();
        assert_eq!(edit.finish(), format!("{HEAD}v: {noted}\r\n\r\n"), "{via}");
        let read = Message::from_datagram(edit.finish(), &Limits::default()).unwrap();
        let address = source.parse::<std::net::SocketAddr>().unwrap().ip();
        let via = read.headers().first::<Via<'_>>().unwrap().unwrap();
        let known = via.received().or_else(|| via.host().address());
        assert_eq!(known, Some(address.to_canonical()), "{via}");
    }
}

#[test]
fn what_cannot_be_read_is_not_changed() {
    let request = request("Contact: <sip:a>;;\r\nRequire:\r\n", "");
    let mut edit = request.edit();
    let error = edit.remove_first::<Contact<'_>>().map(drop).unwrap_err();
    let EditError::Unreadable(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.fault(), Fault::Token);
    let absent = EditError::Absent(HeaderName::Via);
    assert_eq!(edit.remove_first::<Via<'_>>().map(drop), Err(absent));
    let absent = EditError::Absent(HeaderName::Require);
    assert_eq!(edit.remove_first::<Require<'_>>().map(drop), Err(absent));
    assert_eq!(edit.finish(), *request.as_bytes());
}

#[test]
fn no_text_becomes_a_second_header() {
    let request = request(LINES, "");
    let mut edit = request.edit();
    for value in ["a\r\nX: y", "a\nX: y", "a\rX: y", "a\0", "\r\n folded"] {
        let line_end = Err(EditError::Value(BuildError::LineEnd));
        assert_eq!(edit.set(HeaderName::Subject, value).map(drop), line_end);
        assert_eq!(edit.append(HeaderName::Subject, value).map(drop), line_end);
        assert_eq!(edit.append("X", value).map(drop), line_end);
        assert_eq!(
            edit.insert_before(HeaderName::Subject, value).map(drop),
            line_end
        );
        assert_eq!(edit.set_first::<Via<'_>>(value).map(drop), line_end);
    }
    assert_eq!(
        edit.set_first::<Via<'_>>("").map(drop),
        Err(EditError::Value(BuildError::Empty))
    );
    for name in ["", "a b", "a:", "a\r\nb", "ä"] {
        let token = Err(EditError::Value(BuildError::Token));
        assert_eq!(edit.append(name, "x").map(drop), token, "{name:?}");
    }
    assert_eq!(edit.finish(), *request.as_bytes());
}
