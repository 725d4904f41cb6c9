//! As much of XML as a client in a test needs.

/// A text with the five entities of XML as the characters that they stand for.
pub(crate) fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&apos;", "'")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

/// The length of the first element of `xml`, if it is all there.
pub(crate) fn element_end(xml: &str) -> Option<usize> {
    let mut depth = 0;
    let mut at = 0;
    loop {
        let start = at + xml[at..].find('<')?;
        let end = start + xml[start..].find('>')? + 1;
        let tag = &xml[start..end];
        if tag.starts_with("</") {
            depth -= 1;
        } else if !tag.ends_with("/>") {
            depth += 1;
        }
        if depth == 0 {
            return Some(end);
        }
        at = end;
    }
}
