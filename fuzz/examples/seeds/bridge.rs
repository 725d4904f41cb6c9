//! Seeds for what the bridge translates.

use std::fs;
use std::path::Path;

/// Addresses of both sides.
pub(crate) fn addresses() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        (
            "escapes",
            text("sip:o'malley%20%26%5c20%40x@sip.example;gr=a%2Fb"),
        ),
        (
            "user-params",
            text("sip:a;day=tuesday?b@x.example:5061;transport=tls?c=d"),
        ),
        (
            "microsoft",
            text("sip:lisa@lync.example;opaque=user:epid:XHiW;gruu"),
        ),
        (
            "number",
            text("sip:+1555;phone-context=+1@x.example;user=phone"),
        ),
        ("secure", text("sips:a@x.example")),
        ("address", text("sip:a@[2001:db8::1]:5061")),
        ("pres", text("pres:a%28b@B\u{fc}cher.example")),
        ("jid", text("a\\40b\\5c20@b\u{fc}cher.example/R s;>")),
        ("wide", text("\u{ff3c}20\u{dc}<\u{327}")),
        ("bare", text("Romeo@Example.COM")),
    ]
}

/// Bodies and messages, behind the byte that chooses a type.
pub(crate) fn bodies() -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let seed =
        |name: &str, kind: u8, body: &str| (name.to_owned(), [&[kind], body.as_bytes()].concat());
    let mut seeds = vec![
        seed("plain", 0, "\u{feff}a\r\nb\rc\u{b}d\0"),
        seed("latin", 1, "caf\u{e9}"),
        seed("wide", 3, "h\0i\0"),
        seed(
            "html",
            4,
            "<html><style>p{}</style><p a='>'>1 &lt; 2&nbsp;&#x41;<br>x<!-- y --><pre> z </pre>",
        ),
        seed(
            "rtf",
            6,
            "{\\rtf1\\ansi\\uc1{\\fonttbl{\\f0 A;}}{\\*\\g x}\\'e9\\u283?\\u-10179?\\u-8704?\\par\\bin2 {}z}",
        ),
        seed(
            "parts",
            7,
            "--x\r\nContent-Type: text/html\r\n\r\n<b>h\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\nxJs=\r\n--x--\r\n",
        ),
        seed(
            "envelope",
            9,
            "From: A <im:a@a.example>\r\nTo: <im:b@b.example>\r\nSubject:;lang=en \\u011b\r\n\r\nContent-Type: text/plain\r\n\r\nhi",
        ),
        seed(
            "composing",
            10,
            "<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>active</state></isComposing>",
        ),
        seed(
            "keyboard",
            11,
            "<KeyboardActivity><status status='type'/></KeyboardActivity>",
        ),
        seed(
            "pidf",
            15,
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' entity='sip:a@x'>\
             <tuple id='ID-a_20_b'><status><basic>open</basic><show xmlns='jabber:client'>xa</show></status>\
             <contact priority='0.8'>sip:a@x</contact><note xml:lang='en'> &amp;&#x41; </note></tuple>\
             <tuple id='b'><status><basic>closed</basic></status></tuple>\
             <r:activities><r:on-the-phone/></r:activities><r:user-input>idle</r:user-input></presence>",
        ),
        seed(
            "categories",
            15,
            "<categories uri='a@x'><category><state><availability>6500</availability><activity token='in-a-meeting'/></state>\
             </category><note><body>x</body></note></categories>",
        ),
        seed(
            "msn",
            15,
            "<presence><presentity uri='sip:a@x;m'/><atom id='1'><status status='inuse'/><msnsubstatus substatus='busy'/></atom></presence>",
        ),
    ];
    let part = "--x\r\n\r\n1\r\n";
    seeds.push(seed(
        "many-parts",
        7,
        &format!("{}--x--\r\n", part.repeat(40)),
    ));
    let nested = (0..6).fold("1".to_owned(), |inner, depth| {
        let begin = format!("--{depth}\r\nContent-Type: multipart/mixed;boundary=");
        match depth {
            0 => format!("--0\r\n\r\n{inner}\r\n--0--"),
            _ => format!("{begin}{}\r\n\r\n{inner}\r\n--{depth}--", depth - 1),
        }
    });
    let outer = format!("--x\r\nContent-Type: multipart/mixed;boundary=5\r\n\r\n{nested}\r\n--x--");
    seeds.push(seed("deep-parts", 7, &outer));
    seeds.push(seed("parts-cut", 7, "--x\r\nContent-Type: text"));
    let others = rare_bodies().chain(rare_documents());
    seeds.extend(others.map(|(name, kind, body)| {
        let bytes = [&[kind], body].concat();
        (name.to_owned(), bytes)
    }));
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/comity-bridge/tests/data");
    for entry in fs::read_dir(recorded)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sip")
            && let Some(name) = path.file_stem()
        {
            let bytes = [&[0], &*fs::read(&path)?].concat();
            seeds.push((name.to_string_lossy().into_owned(), bytes));
        }
    }
    Ok(seeds)
}

type Body = (&'static str, u8, &'static [u8]);

/// What bodies of texts seldom have.
fn rare_bodies() -> impl Iterator<Item = Body> {
    let bodies: [Body; 32] = [
        ("idle", 10, b"<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>idle</state></isComposing>"),
        ("no-state", 10, b"<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'/>"),
        ("no-composing", 10, b"<a/>"),
        ("keyboard-idle", 11, b"<KeyboardActivity><status status='idle'/></KeyboardActivity>"),
        ("keyboard-mute", 11, b"<KeyboardActivity/>"),
        ("no-keyboard", 11, b"<a/>"),
        ("receipt", 12, b"<imdn/>"),
        ("file", 13, b"Application-Name: File Transfer"),
        ("no-rtf", 6, b"plain"),
        (
            "rtf-signs",
            14,
            b"{\\rtf1 a\\\r\nb\\~c\\_d\\\\\\{\\}\\|e\\-\r\n\\u-99999?\\'zz\\uc0\\u9731 \\line\\tab\\emdash x}\\",
        ),
        ("rtf-deep", 6, &[b'{'; 600]),
        (
            "html-odd",
            4,
            b"<!DOCTYPE html><!odd><?pi?>a < b &bogus; &#65; &#x110000; &amp<script>x</script ><style>y",
        ),
        ("html-open", 4, b"<p title=\"a>b\"<br/><ul><li>1<li>2</ul><!-- no end"),
        (
            "quoted-printable",
            7,
            b"--x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=C4=9B=\r\nb=zz=\nc=\r\n--x--\r\n",
        ),
        (
            "unknown-transfer",
            7,
            b"--x\r\nContent-Transfer-Encoding: uuencode\r\n\r\na\r\n--x--\r\n",
        ),
        (
            "parts-in-parts",
            7,
            b"--x\r\nContent-Type: multipart/mixed;boundary=y\r\n\r\n--y\r\n\r\ninner\r\n--y--\r\n--x\r\nContent-Disposition: attachment\r\n\r\nfile\r\n--x--\r\n",
        ),
        (
            "parts-of-nothing",
            7,
            b"--x\r\nContent-Type: image/png\r\n\r\n1\r\n--x\r\nContent-Type: ;\r\n\r\n2\r\n--x--\r\n",
        ),
        ("parts-without-end", 7, b"--x\r\n\r\n1\r\n"),
        (
            "envelope-in-envelopes",
            9,
            b"From: <im:a@a.example>\r\nTo: <im:b@b.example>\r\n\r\nContent-Type: message/cpim\r\n\r\nFrom: <im:a@a.example>\r\nTo: <im:b@b.example>\r\n\r\nContent-Type: message/cpim\r\n\r\nFrom: <im:a@a.example>\r\n\r\nContent-Type: message/cpim\r\n\r\nFrom: <im:a@a.example>\r\n\r\nContent-Type: message/cpim\r\n\r\n",
        ),
        (
            "envelope-escapes",
            9,
            b"From: \"A \\b\\t\\n\\r\\\"\\'\\\\\" <im:a@a.example>\r\nTo: <im:b@b.example>\r\nRequire: From,To\r\nDateTime: 2000-12-13T13:40:00-08:00\r\n\r\nContent-Type: text/plain\r\n\r\nhi",
        ),
        ("envelope-bad-escape", 9, b"From: \\x\r\n\r\n\r\n\r\nhi"),
        ("envelope-without-uri", 9, b"From: A\r\n\r\n\r\n\r\nhi"),
        ("envelope-two-from", 9, b"From: <im:a@a>\r\nFrom: <im:a@a>\r\n\r\n\r\nhi"),
        ("envelope-required", 9, b"From: <im:a@a>\r\nRequire: X\r\n\r\n\r\nhi"),
        ("envelope-nobody", 9, b"To: <im:a@a>\r\n\r\n\r\nhi"),
        ("unknown-charset", 15, b"h"),
        ("utf-16-marked", 2, b"\xff\xfeh\0i\0"),
        ("utf-16-big", 2, b"\xfe\xff\0h\0i"),
        ("utf-16-odd", 2, b"\0h\0"),
        (
            "request-of-another",
            0,
            b"MESSAGE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/TLS a.example;branch=z9hG4bK1\r\nFrom: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\nContent-Type: message/cpim\r\nContent-Length: 77\r\n\r\nFrom: <im:c@a.example>\r\nTo: <im:b@b.example>\r\n\r\nContent-Type: text/plain\r\n\r\nhi",
        ),
        (
            "request-in-a-language",
            0,
            b"MESSAGE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/TLS a.example;branch=z9hG4bK1\r\nFrom: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\nContent-Language: en-US\r\nContent-Encoding: identity\r\nSubject: a b\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi",
        ),
        (
            "request-without-type",
            0,
            b"MESSAGE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/TLS a.example;branch=z9hG4bK1\r\nFrom: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\nContent-Length: 2\r\n\r\nhi",
        ),
    ];
    bodies.into_iter().chain(rare_signs())
}

/// What the formats of texts allow and nobody writes, and what is too much for some limits.
fn rare_signs() -> impl Iterator<Item = Body> {
    let bodies: [Body; 23] = [
        ("subject-escapes", 9, b"From: <im:a@a>\r\nSubject: \\b\\t\\n\\r\\\"\\'\\\\\r\n\r\n\r\nhi"),
        ("subject-bad-escape", 9, b"From: <im:a@a>\r\nSubject: \\x\r\n\r\n\r\nhi"),
        ("subject-cut-escape", 9, b"From: <im:a@a>\r\nSubject: \\u12\r\n\r\n\r\nhi"),
        ("envelope-no-name", 9, b": x\r\n\r\n\r\nhi"),
        (
            "request-enveloped",
            0,
            b"MESSAGE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/TLS a.example;branch=z9hG4bK1\r\nFrom: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\nContent-Type: message/cpim\r\nContent-Length: 78\r\n\r\nFrom: <im:a@a.example>\r\nTo: <im:b@b.example>\r\n\r\nContent-Type: text/plain\r\n\r\nhi",
        ),
        (
            "invite-enveloped",
            0,
            b"INVITE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/TLS a.example;branch=z9hG4bK1\r\nFrom: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nMs-Text-Format: message/cpim;ms-body=RnJvbTogPGltOmFAYT4NCg0KQ29udGVudC1UeXBlOiB0ZXh0L3BsYWluDQoNCmhp\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "html-table",
            4,
            b"<table><tr><th>1</th><td>2</td></tr></table><b>3</b><script>a</b></ script></script>",
        ),
        ("html-script-open", 4, b"1<script>a</b>"),
        ("controls", 0, b"a\x01b\x0c"),
        ("parts-encoded", 7, b"--x\r\nContent-Encoding: gzip\r\n\r\n1\r\n--x\r\n\r\n2\r\n--x--\r\n"),
        ("parts-all-files", 7, b"--x\r\nContent-Disposition: attachment\r\n\r\n1\r\n--x--\r\n"),
        (
            "parts-three",
            7,
            b"--x\r\n\r\n1\r\n--x\r\nContent-Type: multipart/mixed;boundary=y\r\n\r\n--y\r\n\r\n2\r\n--y--\r\n--x--\r\n",
        ),
        ("rtf-open", 6, b"{\\rtf1 a"),
        ("rtf-cut", 6, b"{\\rtf1 a\\"),
        ("rtf-code-page", 6, b"{\\rtf1\\ansicpg1250 \\'e9}"),
        ("rtf-groups", 6, b"{\\rtf1{{{a}}}}"),
        ("text-long", 0, b"1234567890123456789012345678901234567890x"),
        ("body-long", 0, &[b' '; 301]),
        ("pidf-return", 15, b"<presence xmlns='urn:ietf:params:xml:ns:pidf'><note>a&#13;b&#xfffe;</note></presence>"),
        ("pidf-deep", 15, b"<presence><a><b><c/></b></a></presence>"),
        ("pidf-attributes", 15, b"<presence a='' b='' c=''/>"),
        ("pidf-open", 15, b"<presence><a>"),
        ("pidf-priority", 11, b"<presence xmlns='urn:ietf:params:xml:ns:pidf'><tuple id='a'><show xmlns='jabber:client'>xa</show><contact priority='x'>sip:a</contact><note> </note></tuple></presence>"),
    ];
    bodies.into_iter()
}

/// What presence documents seldom have.
fn rare_documents() -> impl Iterator<Item = Body> {
    let bodies: [Body; 18] = [
        ("pidf-utf-16", 15, b"\xff\xfe<\0a\0/\0>\0"),
        ("pidf-utf-16-big", 15, b"\xfe\xff\0<\0a\0/\0>"),
        ("pidf-utf-16-odd", 15, b"\xfe\xff\0<\xd8\0"),
        ("pidf-doctype", 15, b"<!DOCTYPE a><a/>"),
        ("pidf-unbound", 15, b"<x:presence/>"),
        ("pidf-two-roots", 15, b"<a/><b/>"),
        ("pidf-comment", 15, b"<?xml version='1.0'?><!-- a --><presence><![CDATA[x]]></presence><!-- b -->"),
        (
            "pidf-signs",
            15,
            b"<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:a@x'><tuple id='&lt;\"&gt;'><status><basic>open</basic></status><note>&lt;&gt;&quot;&#13;x</note></tuple></presence>",
        ),
        (
            "presentity",
            15,
            b"<presentity uri='a@x'><availability aggregate='300'/><activity aggregate='500'/><note>n</note></presentity>",
        ),
        ("presentity-away", 15, b"<presentity><availability aggregate='300'/><activity aggregate='100'/></presentity>"),
        ("presentity-lunch", 15, b"<presentity><availability aggregate='300'/><activity aggregate='150'/></presentity>"),
        ("presentity-idle", 15, b"<presentity><availability aggregate='300'/><activity aggregate='200'/></presentity>"),
        ("presentity-back", 15, b"<presentity><availability aggregate='300'/><activity aggregate='300'/></presentity>"),
        ("presentity-busy", 15, b"<presentity><availability aggregate='300'/><activity aggregate='600'/></presentity>"),
        ("presentity-plain", 15, b"<presentity><availability aggregate='300'/></presentity>"),
        ("presentity-off", 15, b"<presentity/>"),
        (
            "categories-states",
            15,
            b"<categories><state xsi:type='a:aggregateState' xmlns:xsi='x'><availability>9500</availability></state><state><availability>12500</availability></state></categories>",
        ),
        (
            "msn-states",
            15,
            b"<presence><atom id='1'><status status='inuse'/></atom><atom id='2'><status status='inactive'/></atom><atom id='3'><status status='open'/></atom><atom id='4'/></presence>",
        ),
    ];
    let numbers: [Body; 6] = [
        (
            "categories-back",
            15,
            b"<categories><state><availability>12500</availability></state></categories>",
        ),
        (
            "categories-away",
            15,
            b"<categories><state><availability>15500</availability></state></categories>",
        ),
        (
            "categories-off",
            15,
            b"<categories><state><availability>18500</availability></state></categories>",
        ),
        (
            "categories-idle",
            15,
            b"<categories><state><availability>5000</availability></state></categories>",
        ),
        (
            "categories-busy",
            15,
            b"<categories><state><availability>8000</availability></state></categories>",
        ),
        ("categories-empty", 15, b"<categories/>"),
    ];
    bodies.into_iter().chain(numbers)
}
