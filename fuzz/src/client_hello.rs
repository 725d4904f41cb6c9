mod builder;
mod seeds;

use std::sync::{Arc, OnceLock};

use comity_rustls::{
    CipherAnswer, CipherList, Hello, HelloError, HelloReader, Identity, PortMode, Sniffed,
    TlsContext, default_provider,
};
use comity_testkit::mint::{Ca, Leaf};
use rustls::{ServerConfig, ServerConnection};

use crate::program::Program;
use crate::wire::trace;
use builder::Built;
pub use seeds::seed_hellos;

/// Reads what a client sends first, and lists of cipher suites.
///
/// However the bytes are cut, the answer is the same and comes with the same byte; a hello that was
/// built says what it was built of; a client that rustls would serve has no problem; and what is
/// said about the others can be shown.
pub fn client_hello(data: &[u8]) {
    let mut program = Program::new(data);
    match program.byte() % 4 {
        0 | 1 => {
            let cuts = program.bytes();
            stream(program.rest(), cuts);
        }
        2 => {
            let built = Built::read(&mut program);
            let bytes = built.records(&mut program);
            let hello = stream(&bytes, program.rest());
            built.check(hello.as_ref());
        }
        _ => ciphers(&String::from_utf8_lossy(program.rest())),
    }
}

/// Reads the first bytes of a connection; gives the hello if there is one.
fn stream(bytes: &[u8], cuts: &[u8]) -> Option<Hello> {
    sniff(bytes);
    let (outcome, decided) = bytewise(bytes);
    trace(|| format!("{decided} bytes: {outcome:?}"));
    let mut reader = HelloReader::new();
    let mut answers = Vec::new();
    for piece in pieces(bytes, cuts) {
        answers.push(reader.read(piece));
    }
    answers.retain(|answer| *answer != Ok(None));
    match &outcome {
        Ok(None) => assert_eq!(answers, []),
        Ok(Some(_)) => assert_eq!(answers, std::slice::from_ref(&outcome)),
        Err(error) => {
            check_text(&error.to_string(), 200);
            assert!(
                answers.iter().all(|answer| *answer == outcome),
                "{answers:?}"
            );
            assert!(!answers.is_empty());
        }
    }
    // What comes behind the hello is for somebody else.
    assert_eq!(HelloReader::new().read(&bytes[..decided]), outcome);
    serve(bytes, &outcome);
    outcome.ok().flatten()
}

/// Reads byte by byte; gives the outcome, and how many bytes it took.
fn bytewise(bytes: &[u8]) -> (Result<Option<Hello>, HelloError>, usize) {
    let mut reader = HelloReader::new();
    for (index, byte) in bytes.iter().enumerate() {
        let answer = reader.read(std::slice::from_ref(byte));
        if answer != Ok(None) {
            assert!(index <= 2 * HelloReader::MAX_BYTES * RECORD_HEADER);
            return (answer, index + 1);
        }
    }
    (Ok(None), bytes.len())
}

/// The bytes in pieces of these sizes, over and over.
fn pieces<'a>(bytes: &'a [u8], sizes: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut sizes = if sizes.is_empty() { &[255] } else { sizes }.to_vec();
    let mut rest = bytes;
    std::iter::from_fn(move || {
        sizes.rotate_left(1);
        let size = usize::from(*sizes.last()?).max(1).min(rest.len());
        let (piece, behind) = rest.split_at(size);
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

fn sniff(bytes: &[u8]) {
    let mut decided = None;
    for cut in 0..=bytes.len().min(2 * Sniffed::MAX_BYTES) {
        let answer = Sniffed::of(&bytes[..cut]);
        assert!(decided.is_none() || decided == answer, "{bytes:02x?}");
        assert!(answer.is_some() || cut < Sniffed::MAX_BYTES);
        decided = answer;
    }
    let Some(sniffed) = decided else {
        return;
    };
    assert_eq!(Sniffed::of(bytes), decided);
    check_text(&sniffed.to_string(), 200);
    for mode in [PortMode::LegacyAndTls, PortMode::TlsOnly] {
        match mode.admit(sniffed) {
            Ok(_) => {}
            Err(refusal) => check_text(&refusal.to_string(), 200),
        }
    }
}

/// Lets rustls answer the client, and compares what we say.
fn serve(bytes: &[u8], outcome: &Result<Option<Hello>, HelloError>) {
    let site = site();
    let problem = match outcome {
        Ok(Some(hello)) => site.context.problem(hello, None),
        Ok(None) | Err(_) => None,
    };
    if let Some(problem) = &problem {
        trace(|| problem.to_string());
        check_text(&problem.to_string(), MAX_REPORT);
    }
    let config = Arc::clone(&site.config);
    let mut connection = ServerConnection::new(config).expect("a configuration");
    let mut input = bytes;
    while !input.is_empty() && connection.read_tls(&mut input).is_ok() {
        if connection.process_new_packets().is_err() {
            return;
        }
        let mut answer = Vec::new();
        if connection.wants_write() && connection.write_tls(&mut answer).is_ok() {
            trace(|| format!("rustls answers {}", answer.escape_ascii()));
            assert!(
                matches!(outcome, Ok(Some(_))),
                "rustls answers: {outcome:?}"
            );
            // Asked for another hello, the client is not served yet.
            let is_retry = answer
                .get(RANDOM..)
                .is_some_and(|random| random.starts_with(&RETRY));
            assert!(problem.is_none() || is_retry, "rustls answers: {problem:?}");
            return;
        }
        if !connection.wants_read() {
            return;
        }
    }
}

/// Every word of a list has an answer, in any case of its letters.
fn ciphers(text: &str) {
    let provider = default_provider();
    let list = CipherList::parse(text, &provider);
    let words = text.split([':', ',', ';']).flat_map(str::split_whitespace);
    let words: Vec<_> = words.collect();
    let names: Vec<_> = list.entries().iter().map(|entry| &*entry.name).collect();
    assert_eq!(names, words);
    let supported = list.supported();
    for suite in &supported {
        assert!(provider.cipher_suites.contains(suite));
        let name = suite.suite().as_str().expect("a suite with a name");
        let again = CipherList::parse(name, &provider);
        assert_eq!(again.supported(), [*suite], "{name}");
    }
    for warning in list.warnings() {
        check_text(&warning.to_string(), 200);
    }
    let upper = CipherList::parse(&text.to_ascii_uppercase(), &provider);
    for (entry, upper) in list.entries().iter().zip(upper.entries()) {
        assert_eq!(entry.answer, upper.answer, "{}", entry.name);
        let line = entry.to_string();
        assert!(line.starts_with(&*entry.name));
        assert!(line.len() <= entry.name.len() + 500, "{line}");
        match &entry.answer {
            CipherAnswer::Refused(objections) => {
                let all = objections.iter().zip(&objections[1..]);
                assert!(all.clone().all(|(first, second)| first < second), "{line}");
            }
            CipherAnswer::Supported(suite) => assert!(supported.contains(suite)),
            _ => {}
        }
    }
}

/// What an operator is shown is one line, and not too long.
fn check_text(text: &str, max: usize) {
    assert!(text.len() <= max, "{} bytes: {text}", text.len());
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// A server with a key on P-256, which speaks two protocols above TLS.
struct Site {
    context: TlsContext,
    config: Arc<ServerConfig>,
}

fn site() -> &'static Site {
    static SITE: OnceLock<Site> = OnceLock::new();
    SITE.get_or_init(|| {
        let provider = default_provider();
        let own = Ca::new("Fuzz", [1; 32])
            .self_signed()
            .issue(&Leaf::new([2; 32]).dns("b.example"));
        let (chain, key) = (own.chain_pem(), own.key_pem());
        let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes(), &provider);
        let mut context = TlsContext::observing(provider);
        context.identity = Some(identity.expect("an identity"));
        context.alpn = vec![b"xmpp-server".to_vec(), b"sip/2".to_vec()];
        let config = Arc::new(context.server_config().expect("a configuration"));
        Site { context, config }
    })
}

/// Where the random bytes of a server's hello are, behind the headers of record and message and the
/// version.
const RANDOM: usize = 5 + 4 + 2;
/// How they begin if another hello is asked for (RFC 8446 §4.1.3).
const RETRY: [u8; 4] = [0xCF, 0x21, 0xAD, 0x74];
/// Bytes of a record before its content.
const RECORD_HEADER: usize = 5;
/// Three names of 255 bytes, each of which may be shown by an escape sequence, and the advice.
const MAX_REPORT: usize = 3 * 255 * 8 + 400;
