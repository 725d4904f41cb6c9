//! The stream that carries the load, up to its first stanza.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// Opens a stream between servers that may carry stanzas of `from` to `to`.
pub(crate) fn open(
    address: SocketAddr,
    from: &str,
    to: &str,
    tls: Arc<ClientConfig>,
) -> Result<Stream, Box<dyn Error>> {
    let header = format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:server' \
         xmlns:stream='http://etherx.jabber.org/streams' from='{from}' to='{to}' version='1.0'>"
    );
    let mut tcp = TcpStream::connect(address)?;
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    tcp.set_write_timeout(Some(PATIENCE))?;
    ask(&mut tcp, &header, has_features)?;
    let starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    ask(&mut tcp, starttls, |answer| has_element(answer, "<proceed"))?;

    let name = ServerName::try_from(to.to_owned())?;
    let mut tls = StreamOwned::new(ClientConnection::new(tls, name)?, tcp);
    ask(&mut tls, &header, has_features)?;
    // Who we are is what our stream and our certificate say.
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>";
    ask(&mut tls, auth, |answer| has_element(answer, "<success"))?;
    ask(&mut tls, &header, has_features)?;
    Ok(tls)
}

/// Writes `words` and reads until the answer is complete.
fn ask(
    stream: &mut (impl Read + Write),
    words: &str,
    is_complete: fn(&str) -> bool,
) -> Result<(), Box<dyn Error>> {
    stream.write_all(words.as_bytes())?;
    stream.flush()?;
    let (mut answer, mut chunk) = (String::new(), [0; 4096]);
    while !is_complete(&answer) {
        let read = match stream.read(&mut chunk) {
            Ok(read @ 1..) => read,
            Ok(0) => return Err(format!("the stream ended after {words}: {answer}").into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(format!("{error} after {words}: {answer}").into()),
        };
        answer += &String::from_utf8_lossy(&chunk[..read]);
    }
    Ok(())
}

fn has_features(answer: &str) -> bool {
    answer.contains("</stream:features>")
        || answer
            .split_once("<stream:features")
            .and_then(|(_, rest)| rest.split_once('>'))
            .is_some_and(|(tag, _)| tag.ends_with('/'))
}

fn has_element(answer: &str, start: &str) -> bool {
    answer
        .split_once(start)
        .is_some_and(|(_, rest)| rest.contains('>'))
}

/// For a server to read or to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
