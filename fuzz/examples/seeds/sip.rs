//! Seeds of the SIP targets, from the test messages of comity-sip.

use std::fs;
use std::io::Result;
use std::path::Path;

type Seeds = Vec<(String, Vec<u8>)>;

/// Every test message.
pub(crate) fn vectors() -> Result<Seeds> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/comity-sip/tests/vectors");
    let mut seeds = Vec::new();
    for folder in ["microsoft-sip", "rfc4475", "rfc5118"] {
        for entry in fs::read_dir(root.join(folder))? {
            let path = entry?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            seeds.push((name.into_owned(), fs::read(path)?));
        }
    }
    seeds.sort();
    Ok(seeds)
}

/// Streams in pieces of different lengths, under each choice of limits.
pub(crate) fn stream() -> Result<Seeds> {
    let whole = some(&[
        "wsinv",
        "dblreq",
        "mcl01",
        "ncl",
        "clerr",
        "lwsstart",
        "esc01",
        "test",
        "lync-invite",
        "linphone-imdn-deflate",
    ])?;
    let mut seeds = prefixed(&[0, 1, 7, 200], whole);
    let small: &[&[u8]] = &[
        b"A sip:a SIP/2.0\r\nl:2\r\n\r\nhi\r\n\r\nSIP/2.0 200 \r\nContent-Length : 0\r\n\r\n\r\n",
        b"A sip:a SIP/2.0\r\nX:\r\n l: 9\r\nl:\r\n\t1\r\n\r\nxB C sip:\r\nl: 0\r\n\r\n",
        b"A sip:a SIP/2.0\r\nX: 1\r\n 2\r\n 3\r\n 4\r\nl: 0\r\n\r\n",
        b"A sip:a SIP/2.0\r\nl: 18446744073709551621\r\n\r\n",
        b"A sip:a SIP/2.0\r\nVia\r\nl: 0\r\n\r\n",
        b"A sip:a SIP/2.0\r\nv: SIP/2.0/TLS a\r\nl: 5\n\r\nabcde",
        b"A sip:a SIP/2.0\r\nX: 1",
    ];
    for (index, stream) in small.iter().enumerate() {
        let bytes = [&[2, 3, 1, 2], *stream].concat();
        seeds.push((format!("small-{index}"), bytes));
    }
    for len in [60, 61] {
        let head = format!("A sip:a SIP/2.0\r\nl: {len}\r\n\r\n");
        let bytes = [&[2, 3, 1, 2], head.as_bytes(), &vec![b'x'; len]].concat();
        seeds.push((format!("body-{len}"), bytes));
    }
    Ok(seeds)
}

/// Programs of changes, each before some messages.
pub(crate) fn edit() -> Result<Seeds> {
    let messages = some(&[
        "wsinv",
        "dblreq",
        "transports",
        "noreason",
        "lync-message",
        "esc01",
    ])?;
    let push_and_pop: &[u8] = &[12, 1, 1, 41, 8, 1, 5, 11, 44, 9, 0, 42, 11];
    let set_all: &[u8] = &[
        18, 5, 0, 41, 6, 4, 44, 7, 8, 3, 1, 45, 10, 0, 45, 11, 0, 0, 1,
    ];
    let twice: &[u8] = &[14, 5, 1, 41, 7, 1, 4, 0, 46, 47, 10, 0, 45, 10, 0];
    // Via is popped, Subject is set after a refusal, and a line is removed.
    let pop: &[u8] = &[14, 8, 0, 9, 0, 41, 5, 17, 39, 5, 17, 44, 4, 1, 11];
    let programs = [push_and_pop, set_all, twice, pop];
    let seeds = messages.into_iter().enumerate();
    let seeds = seeds.map(|(index, (name, message))| {
        let program = programs[index % programs.len()];
        (name, [program, &message].concat())
    });
    let mut seeds: Seeds = seeds.collect();
    let lists = b"A sip:a SIP/2.0\r\nv: SIP/2.0/TLS a;x=\",\" ,\r\n SIP/2.0/TLS b\r\nVia: SIP/2.0/TLS c\r\n\r\nhi";
    seeds.push(("lists".to_owned(), [pop, lists].concat()));
    Ok(seeds)
}

/// Programs of setters, each before a message that is answered.
pub(crate) fn build() -> Result<Seeds> {
    let messages = some(&[
        "wsinv",
        "insuf",
        "badinv01",
        "ltgtruri",
        "clerr",
        "lync-invite",
    ])?;
    let program: Vec<u8> = (0..48).map(|step: u8| step.wrapping_mul(37) ^ 64).collect();
    let length = u8::try_from(program.len()).expect("a short program");
    let mut seeds = prefixed(&[&[length], &program[..]].concat(), messages);
    // 200, a reason, a tag, and a copy of Via.
    let answer: &[u8] = &[14, 0, 100, 3, 0, 2, b'o', b'k', 1, 2, b'x', b'y', 2, 0, 0];
    let request =
        b"A sip:a SIP/2.0\r\nt : <sip:b> \r\nv: SIP/2.0/TLS a\r\nVia: SIP/2.0/TLS b\r\n\r\n";
    seeds.push(("answer".to_owned(), [answer, request].concat()));
    Ok(seeds)
}

/// Bodies of parts, and programs that make some.
pub(crate) fn multipart() -> Result<Seeds> {
    let program: &[u8] = &[
        20, 1, 1, b'p', 1, b'e', 2, 3, 2, b'h', b'i', 128, 12, 0, 4, 1, 2, b'\r', b'\n', 0, 0,
    ];
    let mut seeds = prefixed(program, some(&["mpart01", "lync-invite"])?);
    let nested = "MESSAGE sip:b SIP/2.0\r\nc: multipart/mixed;boundary=a\r\n\r\n\
        pre\r\n--a\r\nContent-Type: multipart/related; boundary=\"b c\"\r\n\r\n\
        --b c\r\n\r\nx\r\n--b c \t\r\nContent-ID: <1@a>\r\n\r\n--b c--\r\n\
        --ab\r\n--a\r\n\r\n--a--\r\npost";
    seeds.push(("nested".to_owned(), [&[0], nested.as_bytes()].concat()));
    Ok(seeds)
}

/// Two URIs and texts for a third.
pub(crate) fn uri() -> Vec<(&'static str, Vec<u8>)> {
    let many: String = (0..40).map(|number| format!(";p{number}")).collect();
    let seed = |how: &[u8], text: &str| [how, text.as_bytes()].concat();
    vec![
        (
            "escapes",
            seed(
                &[0, 6],
                "sip:%61lice@Atlanta.com;transport=TCP\nsip:alice@AtLanTa.CoM;Transport=tcp",
            ),
        ),
        (
            "headers",
            seed(
                &[2, 6],
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com&a=\n\
                 sip:biloxi.com;method=REGISTER;transport=tcp?A=&to=sip:bob%40biloxi.com",
            ),
        ),
        (
            "params",
            seed(
                &[1, 20],
                "sip:carol@chicago.com;newparam=5\nsip:carol@chicago.com;security=on;lr\na\nlr\nb=c",
            ),
        ),
        (
            "addresses",
            seed(
                &[37, 9],
                "sips:a:b@[2001:db8::1]:05061;maddr=192.0.2.1\nsips:a:b@[2001:DB8:0::1]:5061;maddr=192.0.2.1\n\u{e9}\n\nx=y",
            ),
        ),
        (
            "telephone",
            seed(
                &[3, 8],
                "tel:863-1234;phone-context=+1-914-555;ext=1-2\ntel:8631234;ext=12;phone-context=+1914555\nu",
            ),
        ),
        (
            "mailbox",
            seed(&[32, 4], "im:a@b.example?x=y\npres:a@b.example\na b\nx=y"),
        ),
        (
            "other",
            seed(
                &[0, 3],
                "urn:service:sos\nURN:service:sos\n\u{0}\n=\n=\n?&=1",
            ),
        ),
        (
            "repeated",
            seed(&[0, 0], "sip:a;%78=1;X=2\nsip:a;x;y;x\nu\nx\nX=1"),
        ),
        (
            "many-params",
            seed(&[2, 0], &format!("sip:a{many};%70q\nsip:a{many};%707")),
        ),
        ("one-user", seed(&[16, 0], "sip:u@a;x=1\nsip:a;x\nu")),
        ("one-value", seed(&[0, 0], "sip:a;x=1\nsip:a;x\nu")),
        (
            "name-and-address",
            seed(&[0, 0], "sip:u@192.0.2.1\nsip:u@a"),
        ),
        ("no-text", seed(&[0, 0], "sip:%ff@a\nsipx:a")),
        ("no-number", seed(&[0, 0], "tel:+-()\ntel:1?x=y")),
        ("no-header", seed(&[0, 0], "sip:a?x\nsip:a;x=")),
        ("no-opaque", seed(&[0, 0], "urn:\nim:a@b;x")),
    ]
}

/// Some of the test messages.
fn some(names: &[&str]) -> Result<Seeds> {
    let mut seeds = vectors()?;
    seeds.retain(|(name, _)| names.contains(&name.as_str()));
    assert_eq!(seeds.len(), names.len(), "a test message that is not there");
    Ok(seeds)
}

fn prefixed(prefix: &[u8], seeds: Seeds) -> Seeds {
    let seeds = seeds.into_iter();
    seeds
        .map(|(name, bytes)| (name, [prefix, &bytes].concat()))
        .collect()
}
