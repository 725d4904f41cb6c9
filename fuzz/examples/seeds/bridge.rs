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
