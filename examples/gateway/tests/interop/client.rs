//! A client that knows as much XMPP as it needs to write to a server and to read its answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use crate::markup::{element_end, unescape};
use crate::process::{Inbox, PATIENCE};

/// The password of every user.
pub(crate) const PASSWORD: &str = "secret";

pub(crate) struct Client {
    stream: TcpStream,
    inbox: Inbox<Stanza>,
    jid: String,
}

impl Client {
    /// Logs a user in, whose name has one letter. What is written to him arrives from now on.
    pub(crate) fn login(server: SocketAddr, user: &'static str, domain: &str) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut reader = Reader {
            stream: stream.try_clone().unwrap(),
            received: String::new(),
        };
        let mut client = Self {
            stream,
            inbox: Inbox::new(user),
            jid: String::new(),
        };
        client.open(&mut reader, domain);
        client.send(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}</auth>",
            plain(user)
        ));
        assert_eq!(reader.must().name(), "success");
        client.open(&mut reader, domain);
        client.send(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
             <resource>here</resource></bind></iq>",
        );
        client.jid = reader.must().text_of("jid").unwrap();
        // Without its own, a server does not pass on who wants to subscribe.
        client.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq><presence/>");
        client.stream.set_read_timeout(None).unwrap();
        let inbox = client.inbox.clone();
        thread::spawn(move || {
            while let Some(stanza) = reader.next() {
                inbox.put(stanza);
            }
        });
        let own = client.jid.clone();
        client.take("his own presence", |stanza| {
            stanza.name() == "presence" && stanza.attribute("from").as_ref() == Some(&own)
        });
        client
    }

    pub(crate) fn send(&mut self, xml: &str) {
        self.stream.write_all(xml.as_bytes()).unwrap();
    }

    /// Asks to see somebody, or answers somebody who asked.
    pub(crate) fn presence(&mut self, kind: &str, to: &str) {
        self.send(&format!("<presence type='{kind}' to='{to}'/>"));
    }

    /// Says how he is to all who see him.
    pub(crate) fn show(&mut self, show: &str) {
        self.send(&match show {
            "" => "<presence/>".to_owned(),
            "offline" => "<presence type='unavailable'/>".to_owned(),
            show => format!("<presence><show>{show}</show></presence>"),
        });
    }

    /// Writes to somebody, and asks for a receipt. The text is the id too.
    pub(crate) fn text(&mut self, to: &str, text: &str) {
        self.send(&format!(
            "<message type='chat' id='{text}' to='{to}'><body>{text}</body>\
             <request xmlns='urn:xmpp:receipts'/></message>"
        ));
    }

    /// Waits for a stanza.
    pub(crate) fn take(&self, what: &str, is_wanted: impl Fn(&Stanza) -> bool) -> Stanza {
        self.inbox.take(what, is_wanted)
    }

    /// Waits for presence of a kind from somebody; that of somebody who is there has none.
    pub(crate) fn take_presence(&self, kind: &str, from: &str) -> Stanza {
        self.take(&format!("presence {kind:?} from {from}"), |stanza| {
            stanza.is_from("presence", from)
                && stanza.attribute("type").as_deref().unwrap_or_default() == kind
        })
    }

    /// Waits until somebody looks like this. Until then he may look as before.
    pub(crate) fn wait_until_seen(&self, from: &str, before: &Seen, now: &Seen) {
        loop {
            let stanza = self.take(&format!("{from} as {now:?}"), |stanza| {
                stanza.is_from("presence", from) && Seen::of(stanza).is_some()
            });
            let seen = Seen::of(&stanza).unwrap();
            if seen == *now {
                return;
            }
            assert_eq!(seen, *before, "{stanza:?}");
        }
    }

    /// Waits for a text from somebody.
    pub(crate) fn take_text(&self, from: &str) -> String {
        let text = self.take(&format!("a text from {from}"), |stanza| {
            stanza.is_from("message", from) && stanza.text_of("body").is_some()
        });
        text.text_of("body").unwrap()
    }

    pub(crate) fn inbox(&self) -> &Inbox<Stanza> {
        &self.inbox
    }

    /// Opens a stream and reads the header and the features.
    fn open(&mut self, reader: &mut Reader, domain: &str) {
        self.send(&format!(
            "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
        ));
        reader.open();
        assert_eq!(reader.must().name(), "stream:features");
    }
}

/// `\0user\0secret` in base64, the SASL PLAIN response.
fn plain(user: &str) -> String {
    let letter = match user {
        "u" => "U",
        "v" => "Y",
        other => panic!("{other} has no password"),
    };
    format!("AH{letter}Ac2VjcmV0")
}

/// How a user looks.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    pub(crate) is_there: bool,
    pub(crate) show: Option<String>,
    pub(crate) status: Option<String>,
}

impl Seen {
    pub(crate) const OFFLINE: Self = Self {
        is_there: false,
        show: None,
        status: None,
    };

    pub(crate) fn there(show: &str, status: &str) -> Self {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            is_there: true,
            show: some(show),
            status: some(status),
        }
    }

    fn of(stanza: &Stanza) -> Option<Self> {
        match stanza.attribute("type").as_deref() {
            None => Some(Self {
                is_there: true,
                show: stanza.text_of("show"),
                status: stanza.text_of("status"),
            }),
            Some("unavailable") => Some(Self::OFFLINE),
            Some(_) => None,
        }
    }
}

struct Reader {
    stream: TcpStream,
    received: String,
}

impl Reader {
    fn must(&mut self) -> Stanza {
        self.next().unwrap()
    }

    /// The next element, until the stream ends.
    fn next(&mut self) -> Option<Stanza> {
        loop {
            let blank = self.received.len() - self.received.trim_start().len();
            self.received.drain(..blank);
            if let Some(end) = element_end(&self.received) {
                let rest = self.received.split_off(end);
                return Some(Stanza(std::mem::replace(&mut self.received, rest)));
            }
            self.read()?;
        }
    }

    fn open(&mut self) {
        loop {
            if let Some((header, rest)) = self.received.split_once("version='1.0'?>")
                && let Some((stream, rest)) = rest.split_once('>')
            {
                assert!(header.starts_with("<?xml") && stream.starts_with("<stream:stream"));
                self.received = rest.to_owned();
                return;
            }
            self.read().unwrap();
        }
    }

    fn read(&mut self) -> Option<()> {
        let mut bytes = Vec::new();
        loop {
            let mut chunk = [0; 4096];
            let length = self.stream.read(&mut chunk).ok()?;
            if length == 0 {
                return None;
            }
            bytes.extend_from_slice(&chunk[..length]);
            // A read may end inside a character.
            if let Ok(text) = str::from_utf8(&bytes) {
                self.received += text;
                return Some(());
            }
        }
    }
}

/// One element as Prosody and ejabberd write it: attributes in single quotes, every `<` and `>` of text and
/// attributes escaped.
#[derive(Clone, Debug)]
pub(crate) struct Stanza(String);

impl Stanza {
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

    /// The text of the first element of this name.
    pub(crate) fn text_of(&self, name: &str) -> Option<String> {
        let (_, rest) = self.0.split_once(&format!("<{name}"))?;
        let (attributes, rest) = rest.split_once('>')?;
        if attributes.ends_with('/') {
            return Some(String::new());
        }
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        Some(unescape(text))
    }

    /// Whether it holds an element of this name in this namespace.
    pub(crate) fn has(&self, name: &str, namespace: &str) -> bool {
        self.0.split('<').skip(2).any(|tag| {
            let tag = tag.split('>').next().unwrap_or_default();
            tag.starts_with(&format!("{name} ")) && tag.contains(&format!("xmlns='{namespace}'"))
        })
    }

    /// Whether it comes from a bare address.
    pub(crate) fn is_from(&self, name: &str, bare: &str) -> bool {
        let from = self.attribute("from").unwrap_or_default();
        self.name() == name && from.split('/').next() == Some(bare)
    }
}
