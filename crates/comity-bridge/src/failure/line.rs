//! Text of one side that is shown on the other.

/// One line of a text, of at most so many bytes: white space, controls and what XML does not allow
/// become one space between words.
///
/// It is safe as a reason phrase and as character data.
#[must_use]
pub fn line(text: &str, max_bytes: usize) -> String {
    let mut line = String::new();
    let mut pending = false;
    for character in text.chars() {
        if is_gap(character) {
            pending = !line.is_empty();
            continue;
        }
        let space = usize::from(pending);
        if line.len() + space + character.len_utf8() > max_bytes {
            break;
        }
        if pending {
            line.push(' ');
        }
        line.push(character);
        pending = false;
    }
    line
}

/// What separates words, or has no place in a line.
fn is_gap(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '\u{fffe}' | '\u{ffff}')
        // Controls of direction would let a peer rearrange the text around its own.
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
