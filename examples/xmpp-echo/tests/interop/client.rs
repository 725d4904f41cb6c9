//! A client that knows as much XMPP as it needs to write to a server and to read its answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::markup::{element_end, unescape};
use crate::process::PATIENCE;

pub(crate) const USER: &str = "user";
pub(crate) const PASSWORD: &str = "secret";
/// `\0user\0secret` in base64, the SASL PLAIN response.
const PLAIN: &str = "AHVzZXIAc2VjcmV0";

pub(crate) struct Client {
    stream: TcpStream,
    received: String,
    jid: String,
}

impl Client {
    /// Logs [`USER`] of `domain` in, so that messages to the bare address arrive here.
    pub(crate) fn login(server: SocketAddr, domain: &str) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Self {
            stream,
            received: String::new(),
            jid: String::new(),
        };
        client.open(domain);
        client.send(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{PLAIN}</auth>"
        ));
        assert_eq!(client.next().name(), "success");
        client.open(domain);
        client.send(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
             <resource>here</resource></bind></iq>",
        );
        client.jid = client.next().text_of("jid").unwrap();
        client.send("<presence/>");
        let own = client.next();
        assert_eq!(own.name(), "presence", "{own:?}");
        assert_eq!(own.attribute("from"), Some(client.jid.clone()));
        client
    }

    /// The full address.
    pub(crate) fn jid(&self) -> &str {
        &self.jid
    }

    pub(crate) fn send(&mut self, xml: &str) {
        self.stream.write_all(xml.as_bytes()).unwrap();
    }

    /// The next element that the server sends.
    pub(crate) fn next(&mut self) -> Stanza {
        loop {
            if let Some(end) = element_end(&self.received) {
                let rest = self.received.split_off(end);
                return Stanza(std::mem::replace(&mut self.received, rest));
            }
            self.read();
        }
    }

    /// Opens a stream and reads the header and the features.
    fn open(&mut self, domain: &str) {
        self.send(&format!(
            "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
        ));
        loop {
            if let Some((header, rest)) = self.received.split_once("version='1.0'?>")
                && let Some((stream, rest)) = rest.split_once('>')
            {
                assert!(header.starts_with("<?xml") && stream.starts_with("<stream:stream"));
                self.received = rest.to_owned();
                break;
            }
            self.read();
        }
        assert_eq!(self.next().name(), "stream:features");
    }

    fn read(&mut self) {
        let mut bytes = Vec::new();
        loop {
            let mut chunk = [0; 4096];
            let length = match self.stream.read(&mut chunk) {
                Ok(0) => panic!("the server closed the stream after {:?}", self.received),
                Ok(length) => length,
                Err(error) => panic!("nothing more after {:?}: {error}", self.received),
            };
            bytes.extend_from_slice(&chunk[..length]);
            // A read may end inside a character.
            if let Ok(text) = str::from_utf8(&bytes) {
                self.received += text;
                return;
            }
        }
    }
}

/// One element as Prosody and ejabberd write it: attributes in single quotes, every `<` and `>` of text and
/// attributes escaped.
#[derive(Debug)]
pub(crate) struct Stanza(String);

impl Stanza {
    /// The qualified name.
    pub(crate) fn name(&self) -> &str {
        let name = self.0.trim_start_matches('<');
        name.split([' ', '>', '/']).next().unwrap()
    }

    /// The value of an attribute of the outermost element.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        let (tag, _) = self.0.split_once('>')?;
        let (_, rest) = tag.split_once(&format!(" {name}='"))?;
        let (value, _) = rest.split_once('\'')?;
        Some(unescape(value))
    }

    /// The text of the first element of this name that has no attributes and no children.
    pub(crate) fn text_of(&self, name: &str) -> Option<String> {
        let (_, rest) = self.0.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        Some(unescape(text))
    }

    /// Whether there is an element of this name in this namespace below the outermost.
    pub(crate) fn has(&self, name: &str, namespace: &str) -> bool {
        self.0.split('<').skip(2).any(|tag| {
            let tag = tag.split('>').next().unwrap_or_default();
            tag.starts_with(&format!("{name} ")) && tag.contains(&format!("xmlns='{namespace}'"))
        })
    }
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
