//! What SIP messages seldom have: headers of every type, and what is wrong with each.

/// Messages for those who read them whole.
pub(crate) fn messages() -> Vec<(String, Vec<u8>)> {
    let headers = RIGHT.iter().chain(WRONG);
    let headers = headers.map(|(name, lines)| {
        let message = [b"OPTIONS sip:b.example SIP/2.0\r\n", *lines, b"\r\n"].concat();
        ((*name).to_owned(), message)
    });
    let whole = WHOLE.iter();
    let whole = whole.map(|(name, message)| ((*name).to_owned(), message.to_vec()));
    headers.chain(whole).chain([too_long()]).collect()
}

/// A head and a body that are short enough, but not together.
fn too_long() -> (String, Vec<u8>) {
    let line = format!("X: {}\r\n", "x".repeat(60));
    let message = format!(
        "A sip:a SIP/2.0\r\n{}l: 60\r\n\r\n{}",
        line.repeat(4),
        "b".repeat(60)
    );
    ("message-too-long".to_owned(), message.into_bytes())
}

/// Before messages that are changed: what the programs of `sip_edit` do to them.
pub(crate) fn edits() -> Vec<(String, Vec<u8>)> {
    // Set, in place of the first line; and the first value, to nothing.
    let set: &[u8] = &[3, 5, 0, 41];
    let empty: &[u8] = &[3, 9, 0, 0];
    let lists: &[u8] = b"A sip:a SIP/2.0\r\nSubject: a\r\nSubject: b\r\nv: SIP/2.0/TLS a\r\n\r\n";
    // The address that the source has, which depends on the length.
    let known: &[u8] = b"A sip:a SIP/2.0\r\nv: SIP/2.0/TLS 192.0.2.1\r\n\r\n";
    let known = [&[0][..], known].concat();
    let padding = vec![b'x'; known.len() % 2];
    [
        ("set-two-lines", [set, lists].concat()),
        ("set-first-to-nothing", [empty, lists].concat()),
        ("source-is-known", [known, padding].concat()),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .to_vec()
}

type Seed = (&'static str, &'static [u8]);

/// Header lines of one message that can be read.
const RIGHT: &[Seed] = &[
    (
        "typed-addresses",
        b"From: a  \r\n b <sip:a@a.example>;tag=1\r\n\
          To: \"B \\\"\\x\\\x07\t\\\\\r\n  z\" <sip:b@b.example>\r\n\
          Contact: *\r\n\
          Route: <sip:c.example;lr>, D <sip:d.example>\r\n\
          Record-Route: <sips:e.example;lr>;x=\"\\\"\"\r\n\
          P-Asserted-Identity: \"C\" <sip:c@c.example>, tel:+1-555\r\n",
    ),
    (
        "typed-contacts",
        b"Contact: <sip:a@a.example>;expires=3600;q=0.123, sip:b@b.example;q=1, <tel:1>;q=1.000\r\n\
          Contact: <sip:c.example?a=b>;expires=x;q=2\r\n",
    ),
    (
        "typed-vias",
        b"Via: SIP/2.0/UDP a.example;branch=z9hG4bK1;maddr=192.0.2.7;ttl=16;received=::1;rport=5\r\n\
          Via: SIP / 2.0 / WSS [2001:db8:::192.0.2.1]:5061;branch=1;rport= ;alias;x=2001:db8::2\r\n\
          v: SIP/2.0/x-t a.;received=[::2];rport;\r\n",
    ),
    (
        "typed-dialog",
        b"Call-ID: 1@a\r\nCSeq: 4294967295 REFER\r\nRAck: 776656 1 INVITE\r\nRSeq: 1\r\n\
          Max-Forwards: 256\r\nExpires: 99999999999\r\nMin-Expires: 60\r\n\
          SIP-ETag: a1\r\nSIP-If-Match: a1\r\nContent-Length: 0\r\n",
    ),
    (
        "typed-media",
        b"Accept: text/*;q=0.5, */*;q=0, application/sdp;level=\"1\", a/b;q=1\r\n\
          Accept-Encoding: gzip;q=0.5, identity;q=0.001, *;q=0\r\n\
          Accept-Language:\r\n\
          Accept-Language: de-DE;q=1.0, en;q=0.8;x\r\n\
          Content-Type: text/plain;charset=\"utf-8\";ms-body=QQ==\r\n\
          Content-Encoding: gzip, tar\r\nContent-Language: de, en\r\n\
          Content-Disposition: session;handling=Optional\r\nContent-ID: <1@a.example>\r\n",
    ),
    (
        "typed-tokens",
        b"Allow: INVITE, x\r\nAllow-Events: presence, conference.winfo\r\nRequire: 100rel\r\n\
          Proxy-Require: a\r\nSupported: a, b,c\r\nSupported:\r\nUnsupported: d\r\n",
    ),
    (
        "typed-reasons",
        b"Reason: SIP;cause=200;text=\"Call \\\"done\\\"\r\n there\", Q.850;cause=16, x;cause=y\r\n\
          Warning: 301 a.example:5060 \"x\", 399 ~x \"y \\\\ \xC3\xBC\"\r\n\
          ms-diagnostics: 1;reason=\"r\";source=\"s.example\";x=\"y\"\r\n",
    ),
    (
        "typed-times",
        b"Date: Tue, 29 Feb 2028 23:59:60 GMT\r\nRetry-After: 18000 (a (b) \\)\r\n\t c);duration=3600\r\n\
          User-Agent: a/1 (b\r\n c) d\r\nServer: (a\\\x00b) e / 2\r\n",
    ),
    ("typed-january", b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nRetry-After: 1;duration=x\r\n"),
    ("typed-february", b"Date: Sun, 28 Feb 2100 00:00:00 GMT\r\n"),
    (
        "typed-pending",
        b"Event: presence;id=1;x\r\nSubscription-State: Pending;expires=99999999999;retry-after=3;reason=giveup\r\n",
    ),
    ("typed-terminated", b"Subscription-State: terminated;reason=noresource;expires=x\r\n"),
    ("typed-other-state", b"Subscription-State: waiting\r\n"),
];

/// Header lines that cannot.
const WRONG: &[Seed] = &[
    (
        "wrong-quotes",
        b"From: \"a\" sip:b\r\nTo: \"a\r\nContact: \"\xff\" <sip:a>\r\nReply-To: \"a\\\r\n",
    ),
    (
        "wrong-repeated",
        b"From: <sip:a>;tag=1;tag=2\r\nTo: <sip:a>;tag=\"1\"\r\nVia: SIP/2.0/UDP a;ttl=1;ttl=2\r\n",
    ),
    ("wrong-star", b"Contact: *, <sip:a>\r\nAccept: a/b;q=2, c/d;q=1.5\r\n"),
    ("wrong-number", b"RAck: 0 1 A\r\nRSeq: 0\r\nWarning: 30 a \"x\"\r\nContact: <sip:a>;q=1.5\r\n"),
    ("wrong-large-number", b"CSeq: 4294967296 A\r\nWarning: 1000 a \"x\"\r\nVia: SIP/2.0/UDP a:99999\r\n"),
    ("wrong-port", b"Via: SIP/2.0/UDP a:x\r\nContact: <sip:a:>\r\n"),
    ("wrong-address", b"Via: SIP/2.0/UDP [zz]\r\nFrom: <sip:[1::2::3]>\r\n"),
    (
        "wrong-long-address",
        b"Via: SIP/2.0/UDP [0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]\r\nTo: <sip:a>;x=a:b\r\n",
    ),
    ("wrong-host", b"Via: SIP/2.0/UDP -a\r\nTo: <sip:a..b>\r\nFrom: <sip:a.1>;x=\r\n"),
    ("wrong-maddr", b"Via: SIP/2.0/UDP a;maddr=-\r\n"),
    ("wrong-ttl", b"Via: SIP/2.0/UDP a;ttl=256\r\n"),
    ("wrong-received", b"Via: SIP/2.0/UDP a;received=b\r\n"),
    ("wrong-rport", b"Via: SIP/2.0/UDP a;rport=b\r\n"),
    ("wrong-branch", b"Via: SIP/2.0/UDP a;branch=\"b\"\r\n"),
    ("wrong-empty", b"Via:\r\nAllow: a,\r\nServer:\r\nFrom:\r\nUnsupported: a b\r\n"),
    ("wrong-text", b"Server: a \xff\r\nUser-Agent: (a\r\nRetry-After: 1 (\xff)\r\n"),
    ("wrong-comment", b"User-Agent: (a\\\r\nRetry-After: 1 (a\x01)\r\nContent-ID: <a>\r\n"),
    ("wrong-date", b"Date: Tue, 30 Feb 2028 23:59:60 GMT\r\nContent-ID: 1@a\r\n"),
    ("wrong-many-parameters", b"Event: x;a;b;c\r\nTo: <sip:a>;a;b;c\r\nVia: SIP/2.0/UDP a;x;y;z\r\n"),
    ("wrong-many-values", b"Supported: a,b,c,d\r\nVia: SIP/2.0/UDP a, SIP/2.0/UDP b, SIP/2.0/UDP c\r\n"),
];

/// Start lines, and what is before them.
const WHOLE: &[Seed] = &[
    ("leading-lines", b"\r\n\r\nA sip:a SIP/2.0\r\n\r\n"),
    ("status-without-space", b"SIP/2.0\t200 OK\r\n\r\n"),
    ("status-word", b"SIP/2.0 x\r\n\r\n"),
    ("status-digits", b"SIP/2.0 2000 OK\r\n\r\n"),
    ("status-range", b"SIP/2.0 799 x\r\n\r\n"),
    ("status-without-reason", b"SIP/2.0 200\r\n\r\n"),
    ("status-version", b"SIP/2.01 200 \r\n\r\n"),
    ("status-no-version", b"SIP/x 200 \r\n\r\n"),
    ("status-no-minor", b"SIP/2.x 200 \r\n\r\n"),
    ("status-folded", b"SIP/2.0 200 a\r\n b\r\n\r\n"),
    (
        "spaced-names",
        b"A sip:a SIP/2.0\r\nVia : SIP/2.0/UDP a\r\nContent-Length\t: 0\r\nmax-forwards:1\r\n\r\n",
    ),
];
