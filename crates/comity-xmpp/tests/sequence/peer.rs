//! What a peer says: mostly what fits, often something else.

use comity_identity::DomainName;
use comity_machine::Random;
use comity_xmpp::stream::Pair;
use comity_xmpp::{DialbackSecret, ns};

use crate::oracle::Said;

/// Our domains, then those of peers.
pub(crate) const DOMAINS: [&str; 5] = [
    "a.example",
    "b.example",
    "c.example",
    "d.example",
    "e.example",
];

/// How many of [`DOMAINS`] are ours.
pub(crate) const OURS: u64 = 2;

/// What the peer of one connection says.
pub(crate) struct Peer<'r> {
    pub(crate) random: &'r mut Random,
    /// The pair that the connection is about.
    pub(crate) pair: Pair,
    /// Every id that it may know.
    pub(crate) ids: &'r [String],
    /// The id of the stream, as the side that received it gave it.
    pub(crate) stream_id: Option<String>,
    /// Pairs that it has proved.
    pub(crate) proved: Vec<Pair>,
    /// How many stanzas it has got.
    pub(crate) handled: u32,
    /// Whether it opened the connection.
    pub(crate) opened: bool,
    /// Whether it breaks the rules often, or seldom.
    pub(crate) wild: bool,
}

impl Peer<'_> {
    /// True `share` times in a hundred.
    fn chance(&mut self, share: u64) -> bool {
        self.random.below(100) < share
    }

    /// True `share` times in a hundred for a wild peer, and much less often for others.
    fn odd(&mut self, share: u64) -> bool {
        let of = if self.wild { 100 } else { 800 };
        self.random.below(of) < share
    }

    fn one_of<T: Clone>(&mut self, items: &[T]) -> T {
        pick(self.random, items)
    }

    /// The connection's pair, or now and then another one.
    pub(crate) fn some_pair(&mut self) -> Pair {
        match self.random.below(20) {
            0..=11 => self.pair.clone(),
            12..=15 if !self.proved.is_empty() => {
                let proved = self.proved.clone();
                self.one_of(&proved)
            }
            _ => random_pair(self.random),
        }
    }

    /// Sender and recipient of something that the peer says, seldom the wrong way round.
    fn addresses(&mut self) -> (String, String) {
        let Pair { local, remote } = self.some_pair();
        let (from, to) = (remote.to_string(), local.to_string());
        if self.chance(3) {
            return (from.to_uppercase(), to);
        }
        if !self.odd(8) {
            return (from, to);
        }
        match self.random.below(4) {
            0 => (to, from),
            1 => (from.clone(), from),
            2 => (format!("x.{from}"), to),
            _ => (from, "-".to_owned()),
        }
    }

    fn some_id(&mut self) -> String {
        match self.stream_id.clone() {
            Some(id) if !self.odd(30) => id,
            _ => {
                let ids = self.ids.to_vec();
                self.one_of(&ids)
            }
        }
    }

    /// What the peer says to something that we wrote.
    pub(crate) fn react(&mut self, said: &Said) -> String {
        match (said.namespace.as_str(), said.name.as_str()) {
            (ns::STREAM, "stream") if !self.opened && self.chance(3) => {
                self.header() + &redirection()
            }
            (ns::STREAM, "stream") if !self.opened => self.header() + &self.features(),
            (ns::STREAM, "features") => self.choose(said),
            (ns::TLS, "starttls") if self.odd(8) => element("failure", ns::TLS, ""),
            (ns::TLS, "starttls") if self.odd(4) => element("proceed", ns::TLS, "") + " ",
            (ns::TLS, "starttls") => element("proceed", ns::TLS, ""),
            (ns::SASL, "auth") => match self.random.below(4) {
                0 => element("failure", ns::SASL, "<not-authorized/>"),
                _ => element("success", ns::SASL, "") + &self.header() + &self.features(),
            },
            (ns::SASL, "success") => self.header(),
            (ns::SASL, "failure") => self.key(),
            (ns::DIALBACK, "result" | "verify") if said.attribute("type").is_none() => {
                self.answer(said)
            }
            (ns::DIALBACK, "result") if said.attribute("type") == Some("valid") => {
                self.stanza() + &self.stanza()
            }
            (ns::SM, "enable") => match self.random.below(6) {
                0 => element("failed", ns::SM, ""),
                _ => element("enabled", ns::SM, ""),
            },
            (ns::SM, "r") => self.acknowledgement(),
            (ns::STREAM, "error") | (_, "/stream") if self.chance(50) => {
                "</stream:stream>".to_owned()
            }
            _ => String::new(),
        }
    }

    pub(crate) fn header(&mut self) -> String {
        let Pair { local, remote } = &self.pair;
        let (mut from, mut to) = (remote.to_string(), local.to_string());
        if self.odd(20) {
            (from, to) = self.addresses();
        }
        let start = self.one_of(&[
            "<?xml version='1.0'?><stream:stream",
            "<stream:stream",
            "<s:stream",
        ]);
        let prefix = if start == "<s:stream" { "s" } else { "stream" };
        let id = match self.opened != self.odd(4) {
            true => String::new(),
            false => format!(" id='{}'", self.new_id()),
        };
        let from = match self.chance(8) {
            true => String::new(),
            false => format!(" from='{from}'"),
        };
        let version = if self.odd(10) { "" } else { " version='1.0'" };
        format!(
            "{start} xmlns='jabber:server' xmlns:{prefix}='{}' xmlns:stream='{}' xmlns:db='{}'\
             {from} to='{to}'{id}{version}>",
            ns::STREAM,
            ns::STREAM,
            ns::DIALBACK,
        )
        .replacen(
            &format!(" xmlns:stream='{}'", ns::STREAM),
            "",
            usize::from(prefix == "stream"),
        )
    }

    fn new_id(&mut self) -> String {
        if self.chance(20) {
            return self.some_id();
        }
        format!("p{}", self.random.below(1000))
    }

    /// Features in every combination.
    pub(crate) fn features(&mut self) -> String {
        let offers = [
            (90, element("starttls", ns::TLS, "")),
            (
                60,
                element("mechanisms", ns::SASL, "<mechanism>EXTERNAL</mechanism>"),
            ),
            (60, element("dialback", ns::DIALBACK_FEATURE, "<errors/>")),
            (10, element("dialback", ns::DIALBACK_FEATURE, "")),
            (60, element("bidi", ns::BIDI_FEATURE, "")),
            (60, element("sm", ns::SM, "")),
            (40, self.limits()),
            (2, "<x xmlns='urn:x'><required/></x>".to_owned()),
        ];
        let mut features = String::new();
        for (share, offer) in offers {
            if self.chance(share) {
                features += &offer;
            }
        }
        format!(
            "<f:features xmlns:f='{}'>{features}</f:features>",
            ns::STREAM
        )
    }

    fn limits(&mut self) -> String {
        let max = self.one_of(&["0", "150", "10000", "18446744073709551615", "-1"]);
        let idle = self.one_of(&["0", "1", "60", "600", "100000", "18446744073709551615"]);
        let limits = format!("<max-bytes>{max}</max-bytes><idle-seconds>{idle}</idle-seconds>");
        element("limits", ns::LIMITS, &limits)
    }

    /// What the peer makes of our features.
    fn choose(&mut self, features: &Said) -> String {
        if features.has(ns::TLS, "starttls") && !self.odd(30) {
            let starttls = element("starttls", ns::TLS, "");
            if self.chance(6) {
                // What is said too early is not to be taken for protected.
                let header = match self.random.below(3) {
                    0 => self.header(),
                    _ => String::new(),
                };
                return starttls + &header + &self.auth() + &self.key();
            }
            return starttls;
        }
        let mut said = String::new();
        let share = if features.has(ns::BIDI_FEATURE, "bidi") {
            50
        } else {
            6
        };
        if self.chance(share) {
            said += &self.bidi();
        }
        if features.has(ns::SASL, "mechanism") && self.chance(60) {
            said + &self.auth()
        } else if self.proved.is_empty() {
            said + &self.key()
        } else {
            said + &self.stanza()
        }
    }

    fn bidi(&mut self) -> String {
        let limits = if self.chance(50) {
            self.limits()
        } else {
            String::new()
        };
        element("bidi", ns::BIDI, &limits)
    }

    fn auth(&mut self) -> String {
        // Domains in base64.
        let right = match self.pair.remote.as_str() {
            "c.example" => "Yy5leGFtcGxl",
            _ => "ZC5leGFtcGxl",
        };
        let mut identity = self.one_of(&["=", "", right]);
        if self.odd(20) {
            identity = self.one_of(&["Yy5leGFtcGxl", "ZC5leGFtcGxl", "!"]);
        }
        format!(
            "<auth xmlns='{}' mechanism='EXTERNAL'>{identity}</auth>",
            ns::SASL
        )
    }

    /// A dialback key.
    pub(crate) fn key(&mut self) -> String {
        let (from, to) = self.addresses();
        let key = if self.odd(5) { "" } else { "0123456789abcdef" };
        format!("<db:result xmlns:db='{DB}' from='{from}' to='{to}'>{key}</db:result>")
    }

    /// The answer to a key or to a question about one.
    fn answer(&mut self, said: &Said) -> String {
        let attribute = |name| said.attribute(name).unwrap_or_default().to_owned();
        let (mut from, mut to) = (attribute("to"), attribute("from"));
        if self.odd(20) {
            (from, to) = self.addresses();
        }
        let mut type_ = "valid";
        if self.chance(8) {
            type_ = self.one_of(&["invalid", "error", "odd"]);
        }
        let id = match said.attribute("id") {
            Some(id) if !self.odd(20) => format!(" id='{id}'"),
            Some(_) => format!(" id='{}'", self.some_id()),
            None => String::new(),
        };
        let name = &said.name;
        format!("<db:{name} xmlns:db='{DB}' from='{from}' to='{to}'{id} type='{type_}'/>")
    }

    /// A question to us as the authoritative server.
    fn question(&mut self) -> String {
        let (from, to) = self.addresses();
        let id = self.some_id();
        let key = match (from.parse::<DomainName>(), to.parse::<DomainName>()) {
            (Ok(from), Ok(to)) if self.chance(50) => secret().key(&from, &to, &id),
            _ => "k".to_owned(),
        };
        format!("<db:verify xmlns:db='{DB}' from='{from}' to='{to}' id='{id}'>{key}</db:verify>")
    }

    /// An answer that nobody asked for.
    fn unsolicited(&mut self) -> String {
        let (from, to) = self.addresses();
        let (name, id) = match self.random.below(2) {
            0 => ("result", String::new()),
            _ => ("verify", format!(" id='{}'", self.some_id())),
        };
        let type_ = self.one_of(&["valid", "valid", "invalid", "error"]);
        format!("<db:{name} xmlns:db='{DB}' from='{from}' to='{to}'{id} type='{type_}'/>")
    }

    pub(crate) fn stanza(&mut self) -> String {
        let (from, to) = self.addresses();
        let kind = self.one_of(&["message", "presence", "iq"]);
        let body = "x".repeat(usize::try_from(self.random.below(40)).expect("few"));
        let oddity = if self.odd(10) {
            self.random.below(3)
        } else {
            3
        };
        match oddity {
            0 => format!("<{kind} to='{to}'/>"),
            1 => format!("<{kind} from='\"@{from}' to='{to}'/>"),
            2 => format!(
                "<p:{kind} xmlns:p='{}' from='{from}' to='{to}'/>",
                ns::SERVER
            ),
            _ => format!(
                "<{kind} xmlns='{}' from='u@{from}' to='v@{to}/r'><body>{body}</body></{kind}>",
                ns::SERVER
            ),
        }
    }

    fn acknowledgement(&mut self) -> String {
        let mut h = self.handled.to_string();
        if self.chance(10) {
            h = self.random.below(u64::from(self.handled) + 1).to_string();
        }
        if self.odd(10) {
            h = match self.random.below(4) {
                0 => self.handled.wrapping_add(1).to_string(),
                1 => self.handled.wrapping_sub(1).to_string(),
                2 => u32::MAX.to_string(),
                _ => "many".to_owned(),
            };
        }
        format!("<a xmlns='{}' h='{h}'/>", ns::SM)
    }

    /// Anything at all.
    pub(crate) fn say(&mut self) -> String {
        if self.odd(20) {
            return self.oddity();
        }
        let proved = !self.proved.is_empty();
        match self.random.below(40) {
            0..=17 if proved || self.odd(30) => self.stanza(),
            0..=21 => self.key(),
            22..=25 => self.question(),
            26..=27 => self.unsolicited(),
            28..=30 => element("r", ns::SM, ""),
            31..=32 => self.acknowledgement(),
            33..=36 if proved => element("enable", ns::SM, ""),
            37 if self.odd(20) => self.bidi(),
            38 if self.odd(30) => self.auth(),
            39 if self.chance(40) => element("starttls", ns::TLS, ""),
            _ => " \n".to_owned(),
        }
    }

    /// What most probably ends the stream.
    fn oddity(&mut self) -> String {
        match self.random.below(16) {
            0 => element("starttls", ns::TLS, ""),
            1 => element("proceed", ns::TLS, ""),
            2 => element("success", ns::SASL, ""),
            3 => element("abort", ns::SASL, ""),
            4 => element("failure", ns::SASL, "<not-authorized/>"),
            5 => element("resume", ns::SM, ""),
            6 => element("failed", ns::SM, ""),
            7 => element("enabled", ns::SM, ""),
            8 => self.header(),
            9 => self.features(),
            10 => "</stream:stream>".to_owned(),
            11 => "<x xmlns='urn:x'><y/></x>".to_owned(),
            12 => "<!-- -->".to_owned(),
            13 => redirection(),
            14 => element("bidi", ns::BIDI_FEATURE, ""),
            _ => self.header() + &self.features(),
        }
    }
}

/// One of `items`.
pub(crate) fn pick<T: Clone>(random: &mut Random, items: &[T]) -> T {
    let count = u64::try_from(items.len()).expect("few");
    let index = usize::try_from(random.below(count)).expect("few");
    items[index].clone()
}

/// A domain of ours by number, or of a peer.
pub(crate) fn domain(index: u64) -> DomainName {
    let index = usize::try_from(index).expect("few") % DOMAINS.len();
    DOMAINS[index].parse().expect("a domain name")
}

/// One of our domains with one of a peer.
pub(crate) fn random_pair(random: &mut Random) -> Pair {
    Pair {
        local: domain(random.below(OURS)),
        remote: domain(OURS + random.below(2)),
    }
}

/// The secret of the dialback keys of all domains.
pub(crate) fn secret() -> DialbackSecret {
    DialbackSecret::new(b"sequence")
}

fn redirection() -> String {
    format!(
        "<f:error xmlns:f='{}'><see-other-host xmlns='{}'>e.example</see-other-host></f:error>",
        ns::STREAM,
        ns::STREAM_ERRORS
    )
}

fn element(name: &str, namespace: &str, inside: &str) -> String {
    format!("<{name} xmlns='{namespace}'>{inside}</{name}>")
}

const DB: &str = ns::DIALBACK;
