use std::fmt::Write as _;

/// Where a stream of XML stands: what follows is shown or hidden by it.
#[derive(Debug, Default)]
pub(super) enum Markup {
    /// Between tags.
    #[default]
    Text,
    /// A `<` was read, and what may become the beginning of a CDATA section.
    Opening(String),
    /// In a tag, and perhaps in a value with this quote, where a `>` may stand.
    Tag(Option<char>),
    /// In a CDATA section, behind so many `]`.
    Section(usize),
}

impl Markup {
    /// The next piece of the stream with its tags, and the lengths of what stands between them.
    pub(super) fn redact(&mut self, piece: &str) -> String {
        if HEADERS.iter().any(|header| piece.starts_with(header)) {
            // A component's next stream, which may follow one that was cut off within a tag.
            *self = Self::Text;
        }
        let mut shown = String::with_capacity(piece.len());
        let mut hidden = 0;
        for c in piece.chars() {
            *self = match std::mem::take(self) {
                Self::Text if c == '<' => {
                    hide(&mut shown, &mut hidden);
                    Self::Opening("<".to_owned())
                }
                Self::Text => {
                    hidden += c.len_utf8();
                    Self::Text
                }
                Self::Opening(read) => open(read, c, &mut shown),
                Self::Tag(quote) => {
                    shown.push(c);
                    within_tag(quote, c)
                }
                Self::Section(2) if c == '>' => {
                    hidden = usize::saturating_sub(hidden, 2);
                    Self::Text
                }
                Self::Section(brackets) => {
                    hidden += c.len_utf8();
                    let is_bracket = c == ']';
                    Self::Section(if is_bracket { (brackets + 1).min(2) } else { 0 })
                }
            };
        }
        hide(&mut shown, &mut hidden);
        shown
    }
}

fn open(mut read: String, c: char, shown: &mut String) -> Markup {
    read.push(c);
    if read == SECTION {
        return Markup::Section(0);
    }
    if SECTION.starts_with(&read) {
        return Markup::Opening(read);
    }
    shown.push_str(&read);
    within_tag(None, c)
}

fn within_tag(quote: Option<char>, c: char) -> Markup {
    match (quote, c) {
        (None, '>') => Markup::Text,
        (None, '"' | '\'') => Markup::Tag(Some(c)),
        (Some(open), c) if open == c => Markup::Tag(None),
        (None | Some(_), _) => Markup::Tag(quote),
    }
}

fn hide(shown: &mut String, hidden: &mut usize) {
    if *hidden > 0 {
        // A string takes whatever is written.
        let _ = write!(shown, "[{hidden} bytes]");
    }
    *hidden = 0;
}

const SECTION: &str = "<![CDATA[";
/// What streams begin with.
const HEADERS: [&str; 2] = ["<?xml", "<stream:stream"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_stanza_only_tags_are_left() {
        for (stanza, shown) in [
            (
                "<message to='a@b.example'><body>Wherefore</body></message>",
                "<message to='a@b.example'><body>[9 bytes]</body></message>",
            ),
            ("<a b=\"x>y\">t</a>", "<a b=\"x>y\">[1 bytes]</a>"),
            ("<a b='\">'>t</a>", "<a b='\">'>[1 bytes]</a>"),
            ("<a>x<![CDATA[<b>]]]>y</a>", "<a>[1 bytes][5 bytes]</a>"),
            ("<a><![CDATA[]]></a>", "<a></a>"),
            ("<a><![CDATA[open", "<a>[4 bytes]"),
            ("<!DOCTYPE>", "<!DOCTYPE>"),
            ("text", "[4 bytes]"),
            ("<a b='", "<a b='"),
            ("", ""),
        ] {
            assert_eq!(Markup::default().redact(stanza), shown, "{stanza:?}");
        }
    }

    #[test]
    fn a_stream_shows_no_texts_whatever_the_one_before_it_was_cut_off_in() {
        let next = "<stream:stream><a b='x'>secret</a><a b='y'>secret</a>";
        let declared = format!("<?xml version='1.0'?>{next}");
        for cut in ["<a b='x", "<a b=\"x", "<a", "<!", "<a>x", "<a><![CDATA[x"] {
            for next in [next, &declared] {
                let mut markup = Markup::default();
                markup.redact(cut);
                let shown = markup.redact(next);
                assert_eq!(shown, next.replace("secret", "[6 bytes]"), "{cut:?}");
            }
        }
    }

    #[test]
    fn no_piece_shows_more_than_the_whole() {
        let stanza = "<a b='x>'>secret<![CDATA[<secret>]]></a>";
        for cut in 0..=stanza.len() {
            let (first, second) = stanza.split_at(cut);
            let mut markup = Markup::default();
            let shown = markup.redact(first) + &markup.redact(second);
            assert!(!shown.contains("sec"), "{cut}: {shown}");
            let tags: String = shown
                .split('[')
                .map(|part| part.split(']').next_back().unwrap())
                .collect();
            assert_eq!(tags, "<a b='x>'></a>", "{cut}: {shown}");
        }
    }
}
