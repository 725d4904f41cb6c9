//! What a peer may say: fragments of the protocol with domains, ids and keys filled in.

use comity_identity::DomainName;
use comity_xmpp::DialbackSecret;
use comity_xmpp::stream::Pair;

use crate::program::Program;

/// Domains of ours, domains of peers, and texts that are other spellings of them or no domains.
pub const NAMES: [&str; 8] = [
    "a.example",
    "b.example",
    "c.example",
    "d.example",
    "C.Example.",
    "",
    "b\u{fc}cher.example",
    "-",
];

/// How many of [`NAMES`] are ours.
pub const OURS: usize = 2;

/// Fragments; `%f` and `%t` are domains, `%i` an id, `%k` a dialback key, `%b` a domain in base64.
pub const FRAGMENTS: [&str; 36] = [
    "<?xml version='1.0'?><stream:stream xmlns='jabber:server' \
     xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback' \
     from='%f' to='%t' id='%i' version='1.0'>",
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
     xmlns:db='jabber:server:dialback' to='%t' id='%i' version='1.0'>",
    "<s:stream xmlns='jabber:server' xmlns:s='http://etherx.jabber.org/streams' xmlns:x='urn:x' \
     from='%f' to='%t' id='%i' version='1.0' xml:lang='en'>",
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
     from='%f' to='%t' id='%i' version='1.0'>",
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
     from='%f' to='%t'>",
    "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\
     <dialback xmlns='urn:xmpp:features:dialback'/></stream:features>",
    "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>\
     </stream:features>",
    "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
     <mechanism>EXTERNAL</mechanism></mechanisms></stream:features>",
    "<stream:features><dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>\
     </stream:features>",
    "<stream:features/>",
    "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>%b</auth>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AAA=</auth>",
    "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>",
    "<db:result from='%f' to='%t'>%k</db:result>",
    "<db:result from='%f' to='%t' type='valid'/>",
    "<db:result from='%f' to='%t' type='invalid'/>",
    "<db:result from='%f' to='%t' type='error'><error type='cancel'>\
     <not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>",
    "<db:verify from='%f' to='%t' id='%i'>%k</db:verify>",
    "<db:verify from='%f' to='%t' id='%i' type='valid'/>",
    "<db:verify from='%f' to='%t' id='%i' type='invalid'/>",
    "<db:verify from='%f' to='%t' id='%i' type='error'/>",
    "<message from='u@%f' to='v@%t/r'><body>1 &lt; 2</body></message>",
    "<presence from='%f' to='%t'/>",
    "<iq from='u@%f' to='%t' type='get' id='q'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<message to='v@%t'/>",
    "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
     <text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>&#10;&lt;</text></stream:error>",
    "</stream:stream>",
    " \n",
    "<!-- -->",
    "<x xmlns='urn:x'><y/></x>",
];

/// The secret of the dialback keys of all domains.
#[must_use]
pub fn secret() -> DialbackSecret {
    DialbackSecret::new(b"fuzz")
}

/// A domain of the alphabet; ours come first.
#[must_use]
pub fn domain(index: usize) -> DomainName {
    let index = index % 4;
    NAMES[index].parse().expect("a domain name")
}

/// A pair of one of our domains and one of a peer.
#[must_use]
pub fn pair(byte: u8) -> Pair {
    let (local, remote) = (usize::from(byte & 1), usize::from(byte >> 1 & 1));
    Pair {
        local: domain(local),
        remote: domain(OURS + remote),
    }
}

/// The next fragment of a program: which, between which domains, and with which of `ids`.
pub(crate) fn fragment(program: &mut Program<'_>, ids: &[String]) -> String {
    let which = usize::from(program.byte());
    let domains = program.byte();
    let extra = program.byte();
    let template = FRAGMENTS[which % FRAGMENTS.len()];
    let from = NAMES[usize::from(domains & 7)];
    let to = NAMES[usize::from(domains >> 3 & 7)];
    let back = usize::from(extra & 7);
    let id = ids.iter().rev().nth(back).map_or("i0", String::as_str);
    // Keys cost more than everything else here.
    let key = match (from.parse(), to.parse()) {
        _ if !template.contains("%k") => String::new(),
        (Ok(from), Ok(to)) if extra & 8 == 0 => secret().key(&from, &to, id),
        (Ok(from), Ok(to)) if extra & 16 == 0 => secret().key(&to, &from, id),
        _ => "0123".to_owned(),
    };
    let base64 = match domains & 7 {
        2 | 4 => "Yy5leGFtcGxl",
        3 => "ZC5leGFtcGxl",
        _ => "YS5leGFtcGxl",
    };
    template
        .replace("%f", from)
        .replace("%t", to)
        .replace("%i", id)
        .replace("%k", &key)
        .replace("%b", base64)
}
