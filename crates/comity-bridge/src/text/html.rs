//! HTML as plain text.

/// The text that a reader of the page would see, without its images and without where links lead.
///
/// Block elements and `br` begin a new line, other white space is one space. Scripts, styles and
/// titles are left out, and so is a tag or comment that does not end. The source is read once.
pub(super) fn to_text(source: &str) -> String {
    let mut output = Output::default();
    let mut rest = source;
    while let Some((text, behind)) = rest.split_once('<') {
        output.text(text);
        rest = match behind.chars().next() {
            Some('!') => match behind.strip_prefix("!--") {
                Some(comment) => after(comment, "-->"),
                None => after(behind, ">"),
            },
            Some('?') => after(behind, ">"),
            Some(first) if first == '/' || first.is_ascii_alphabetic() => {
                element(behind, &mut output)
            }
            Some(_) | None => {
                output.text("<");
                behind
            }
        };
    }
    output.text(rest);
    output.finish()
}

/// What is behind the tag at the beginning.
fn element<'a>(tag: &'a str, output: &mut Output) -> &'a str {
    let (closes, named) = match tag.strip_prefix('/') {
        Some(named) => (true, named),
        None => (false, tag),
    };
    let end = named.find(|c: char| !c.is_ascii_alphanumeric());
    let (name, attributes) = named
        .split_at_checked(end.unwrap_or(named.len()))
        .unwrap_or_default();
    let behind = behind_tag(attributes);
    let is = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
    if is(&["br"]) {
        output.line_end();
    } else if is(&["td", "th"]) {
        output.gap = true;
    } else if is(&["pre"]) {
        output.block();
        output.is_preformatted = !closes;
    } else if is(BLOCKS) {
        output.block();
    } else if is(&["script", "style", "title"]) && !closes {
        return behind_element(behind, name);
    }
    behind
}

/// Skips attributes, whose values may hold `>` in quotes.
fn behind_tag(attributes: &str) -> &str {
    let mut quote = None;
    let mut rest = attributes.chars();
    for character in rest.by_ref() {
        match (quote, character) {
            (None, '>') => break,
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            (None | Some(_), _) => {}
        }
    }
    rest.as_str()
}

/// Skips an element without markup inside.
fn behind_element<'a>(inside: &'a str, name: &str) -> &'a str {
    let mut rest = inside;
    while let Some((_, behind)) = rest.split_once("</") {
        let own = behind.get(..name.len()).unwrap_or_default();
        if own.eq_ignore_ascii_case(name) {
            return after(behind, ">");
        }
        rest = behind;
    }
    ""
}

fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, behind)| behind)
}

#[derive(Default)]
struct Output {
    text: String,
    /// White space is due before the next word.
    gap: bool,
    is_preformatted: bool,
}

impl Output {
    fn text(&mut self, source: &str) {
        let mut rest = source;
        while let Some((before, behind)) = rest.split_once('&') {
            self.plain(before);
            rest = match reference(behind) {
                Some((character, behind)) => {
                    self.plain(character.encode_utf8(&mut [0; 4]));
                    behind
                }
                None => {
                    self.plain("&");
                    behind
                }
            };
        }
        self.plain(rest);
    }

    fn plain(&mut self, text: &str) {
        for character in text.chars() {
            if self.is_preformatted {
                self.text.push(character);
            } else if character.is_ascii_whitespace() {
                self.gap = true;
            } else {
                if self.gap && !self.text.is_empty() && !self.text.ends_with('\n') {
                    self.text.push(' ');
                }
                self.gap = false;
                self.text.push(character);
            }
        }
    }

    fn line_end(&mut self) {
        self.gap = false;
        self.text.push('\n');
    }

    fn block(&mut self) {
        self.gap = false;
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn finish(self) -> String {
        self.text.trim_end().to_owned()
    }
}

/// The character of a reference, behind its ampersand, and what is behind it. A space that must
/// not break is one like others.
fn reference(behind: &str) -> Option<(char, &str)> {
    let end = behind
        .bytes()
        .take(MAX_REFERENCE_BYTES)
        .position(|b| b == b';')?;
    let (name, behind) = behind.split_at_checked(end)?;
    let behind = behind.strip_prefix(';')?;
    let character = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        None => named(name)?,
    };
    match character {
        '\u{a0}' => Some((' ', behind)),
        other => Some((other, behind)),
    }
}

fn named(name: &str) -> Option<char> {
    if let Some((_, character)) = NAMED.iter().find(|(own, _)| *own == name) {
        return Some(*character);
    }
    let index = LATIN.iter().position(|own| *own == name)?;
    char::from_u32(0xa0 + u32::try_from(index).ok()?)
}

/// References that mean something are shorter.
const MAX_REFERENCE_BYTES: usize = 32;

/// The names of the characters from U+00A0 on (HTML 4 §24.2.1).
const LATIN: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf",
    "laquo", "not", "shy", "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro",
    "para", "middot", "cedil", "sup1", "ordm", "raquo", "frac14", "frac12", "frac34", "iquest",
    "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute",
    "Ecirc", "Euml", "Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve", "Oacute",
    "Ocirc", "Otilde", "Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute",
    "THORN", "szlig", "agrave", "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil",
    "egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc", "iuml", "eth", "ntilde",
    "ograve", "oacute", "ocirc", "otilde", "ouml", "divide", "oslash", "ugrave", "uacute", "ucirc",
    "uuml", "yacute", "thorn", "yuml",
];

/// Others that texts have (HTML 4 §24.3, §24.4).
const NAMED: &[(&str, char)] = &[
    ("quot", '\u{22}'),
    ("amp", '\u{26}'),
    ("apos", '\u{27}'),
    ("lt", '\u{3c}'),
    ("gt", '\u{3e}'),
    ("OElig", '\u{152}'),
    ("oelig", '\u{153}'),
    ("Scaron", '\u{160}'),
    ("scaron", '\u{161}'),
    ("Yuml", '\u{178}'),
    ("fnof", '\u{192}'),
    ("circ", '\u{2c6}'),
    ("tilde", '\u{2dc}'),
    ("ensp", '\u{2002}'),
    ("emsp", '\u{2003}'),
    ("thinsp", '\u{2009}'),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("lrm", '\u{200e}'),
    ("rlm", '\u{200f}'),
    ("ndash", '\u{2013}'),
    ("mdash", '\u{2014}'),
    ("lsquo", '\u{2018}'),
    ("rsquo", '\u{2019}'),
    ("sbquo", '\u{201a}'),
    ("ldquo", '\u{201c}'),
    ("rdquo", '\u{201d}'),
    ("bdquo", '\u{201e}'),
    ("dagger", '\u{2020}'),
    ("Dagger", '\u{2021}'),
    ("bull", '\u{2022}'),
    ("hellip", '\u{2026}'),
    ("permil", '\u{2030}'),
    ("prime", '\u{2032}'),
    ("lsaquo", '\u{2039}'),
    ("rsaquo", '\u{203a}'),
    ("euro", '\u{20ac}'),
    ("trade", '\u{2122}'),
    ("larr", '\u{2190}'),
    ("uarr", '\u{2191}'),
    ("rarr", '\u{2192}'),
    ("darr", '\u{2193}'),
    ("harr", '\u{2194}'),
    ("minus", '\u{2212}'),
    ("infin", '\u{221e}'),
    ("ne", '\u{2260}'),
    ("le", '\u{2264}'),
    ("ge", '\u{2265}'),
    ("hearts", '\u{2665}'),
];

const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "html",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "section",
    "table",
    "tr",
    "ul",
];
