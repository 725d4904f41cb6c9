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

/// Fragments; `%f` and `%t` are domains, `%i` an id, `%k` a dialback key, `%b` a domain in base64,
/// `%n` a number of stanzas, `%o` what features offer.
pub const FRAGMENTS: [&str; 49] = [
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
    "<stream:features>%o</stream:features>",
    "<bidi xmlns='urn:xmpp:bidi'/>",
    "<bidi xmlns='urn:xmpp:bidi'>%o</bidi>",
    "<bidi xmlns='urn:xmpp:features:bidi'/>",
    "<enable xmlns='urn:xmpp:sm:3'/>",
    "<enabled xmlns='urn:xmpp:sm:3'/>",
    "<r xmlns='urn:xmpp:sm:3'/>",
    "<a xmlns='urn:xmpp:sm:3' h='%n'/>",
    "<failed xmlns='urn:xmpp:sm:3'/>",
    "<resume xmlns='urn:xmpp:sm:3' h='%n' previd='x'/>",
    "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>%t:5269\
     </see-other-host></stream:error>",
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
     xmlns:db='jabber:server:dialback' from='%f' to='%t' id='%i'>",
    "<message from='u@%f' to='v@%t/r'/><r xmlns='urn:xmpp:sm:3'/>",
];

/// What features may offer, one for each bit of a byte.
const OFFERS: [&str; 8] = [
    "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism>\
     </mechanisms>",
    "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>",
    "<bidi xmlns='urn:xmpp:features:bidi'/>",
    "<sm xmlns='urn:xmpp:sm:3'/>",
    "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>200</max-bytes></limits>",
    "<limits xmlns='urn:xmpp:stream-limits:0'><idle-seconds>60</idle-seconds></limits>",
    "<x xmlns='urn:x'><required/></x>",
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

/// The next fragment of a program: which, between which domains, with which of `ids`, and with
/// what number of stanzas around `handled`.
pub(crate) fn fragment(program: &mut Program<'_>, ids: &[String], handled: u32) -> String {
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
    let number = match extra & 7 {
        0..=3 => handled,
        4 => handled.wrapping_sub(1),
        5 => handled.wrapping_add(1),
        6 => 0,
        _ => u32::MAX,
    };
    let offers = OFFERS.iter().enumerate();
    let offers: String = offers
        .filter_map(|(bit, offer)| (extra >> bit & 1 == 1).then_some(*offer))
        .collect();
    template
        .replace("%o", &offers)
        .replace("%n", &number.to_string())
        .replace("%f", from)
        .replace("%t", to)
        .replace("%i", id)
        .replace("%k", &key)
        .replace("%b", base64)
}
