use super::ParseError;
use super::chars::is_space;

/// Checks what stands between `<?xml` and `?>` (XML 1.0 §2.8): version 1.0, and UTF-8 if an encoding
/// is named.
pub(super) fn check(source: &str) -> Result<(), ParseError> {
    let mut rest = source;
    if pseudo_attribute(&mut rest, "version")? != Some("1.0") {
        return Err(ParseError::Declaration);
    }
    if let Some(encoding) = pseudo_attribute(&mut rest, "encoding")?
        && !encoding.eq_ignore_ascii_case("utf-8")
    {
        return Err(ParseError::Encoding);
    }
    match pseudo_attribute(&mut rest, "standalone")? {
        None | Some("yes" | "no") => {}
        Some(_other) => return Err(ParseError::Declaration),
    }
    if rest.chars().all(is_space) {
        Ok(())
    } else {
        Err(ParseError::Declaration)
    }
}

/// Takes ` name = 'value'` from the front of `rest` if it stands there.
fn pseudo_attribute<'a>(rest: &mut &'a str, name: &str) -> Result<Option<&'a str>, ParseError> {
    let trimmed = rest.trim_start_matches(is_space);
    let Some(tail) = trimmed.strip_prefix(name) else {
        return Ok(None);
    };
    if trimmed.len() == rest.len() {
        return Err(ParseError::Declaration);
    }
    let tail = tail
        .trim_start_matches(is_space)
        .strip_prefix('=')
        .ok_or(ParseError::Declaration)?
        .trim_start_matches(is_space);
    let quoted = tail
        .strip_prefix('\'')
        .and_then(|tail| tail.split_once('\''))
        .or_else(|| tail.strip_prefix('"').and_then(|tail| tail.split_once('"')));
    let (value, tail) = quoted.ok_or(ParseError::Declaration)?;
    *rest = tail;
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_version_one_in_utf_8_passes() {
        for (source, result) in [
            (" version='1.0'", Ok(())),
            (
                " version = \"1.0\" encoding='UTF-8' standalone='yes' ",
                Ok(()),
            ),
            ("\tversion='1.0'\nencoding='utf-8'", Ok(())),
            ("", Err(ParseError::Declaration)),
            ("version='1.0'", Err(ParseError::Declaration)),
            (" version='1.1'", Err(ParseError::Declaration)),
            (" encoding='UTF-8'", Err(ParseError::Declaration)),
            (
                " version='1.0'encoding='UTF-8'",
                Err(ParseError::Declaration),
            ),
            (
                " version='1.0' encoding='UTF-16'",
                Err(ParseError::Encoding),
            ),
            (
                " version='1.0' standalone='maybe'",
                Err(ParseError::Declaration),
            ),
            (" version='1.0' x='y'", Err(ParseError::Declaration)),
            (" version='1.0", Err(ParseError::Declaration)),
            (" version '1.0'", Err(ParseError::Declaration)),
        ] {
            assert_eq!(check(source), result, "{source}");
        }
    }
}
