use crate::tlv::{
    Fault, IA5_STRING, OBJECT_IDENTIFIER, PRINTABLE_STRING, Reader, SEQUENCE, SET, UTF8_STRING,
};

/// The common name of a subject, given without its SEQUENCE, if there is one and no other.
///
/// Of several common names the last would count for some, the first for others, so that none does
/// here. Nor does one in a string type whose bytes are not those of its characters (BMPString,
/// UniversalString) or have meant different characters to different issuers (TeletexString).
pub(crate) fn common_name(subject: &[u8]) -> Result<Option<&[u8]>, Fault> {
    let mut sets = Reader::new(subject);
    let mut found = None;
    let mut count = 0;
    while !sets.is_finished() {
        let mut attributes = sets.open(SET)?;
        while !attributes.is_finished() {
            let mut attribute = attributes.open(SEQUENCE)?;
            let id = attribute.expect(OBJECT_IDENTIFIER)?;
            if id == COMMON_NAME {
                count += 1;
                found = plain_string(attribute)?;
            }
        }
    }
    Ok(found.filter(|_name| count == 1))
}

/// The bytes of a string in one of the types that count.
fn plain_string<'a>(mut attribute: Reader<'a>) -> Result<Option<&'a [u8]>, Fault> {
    let (tag, text) = attribute.read()?;
    attribute.finish()?;
    let is_plain = matches!(tag, UTF8_STRING | PRINTABLE_STRING | IA5_STRING);
    Ok(is_plain.then_some(text))
}

/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 4, 3];

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
    }

    /// One attribute, 2.5.4.`id`, with a value of type `tag`.
    fn attribute(id: u8, tag: u8, value: &[u8]) -> Vec<u8> {
        tlv(0x30, &[tlv(6, &[0x55, 4, id]), tlv(tag, value)].concat())
    }

    #[test]
    fn one_common_name_in_a_plain_string_is_found() {
        let unit = tlv(0x31, &attribute(11, UTF8_STRING, b"CN=b"));
        for tag in [UTF8_STRING, PRINTABLE_STRING, IA5_STRING] {
            let name = tlv(0x31, &attribute(3, tag, b"a"));
            for subject in [
                name.clone(),
                [unit.clone(), name.clone()].concat(),
                [name, unit.clone()].concat(),
            ] {
                assert_eq!(common_name(&subject), Ok(Some(&b"a"[..])), "{tag}");
            }
        }
        // A teletex, a universal and a BMP string, and no string at all.
        for tag in [0x14, 0x1c, 0x1e, 0x04] {
            let name = tlv(0x31, &attribute(3, tag, b"a"));
            assert_eq!(common_name(&name), Ok(None), "{tag}");
        }
        assert_eq!(common_name(&unit), Ok(None));
        assert_eq!(common_name(b""), Ok(None));
    }

    #[test]
    fn of_several_common_names_none_counts() {
        let one = |name: &[u8], tag| attribute(3, tag, name);
        for (first, second) in [
            (one(b"a", UTF8_STRING), one(b"b", UTF8_STRING)),
            (one(b"a", UTF8_STRING), one(b"a", UTF8_STRING)),
            (one(b"a", UTF8_STRING), one(b"b", 0x1e)),
            (one(b"a", 0x1e), one(b"b", UTF8_STRING)),
        ] {
            let apart = [tlv(0x31, &first), tlv(0x31, &second)].concat();
            assert_eq!(common_name(&apart), Ok(None));
            let together = tlv(0x31, &[first, second].concat());
            assert_eq!(common_name(&together), Ok(None));
        }
    }

    #[test]
    fn a_subject_that_is_no_name_is_a_fault() {
        let name = tlv(0x31, &attribute(3, UTF8_STRING, b"a"));
        for cut in 1..name.len() {
            assert_eq!(common_name(&name[..cut]), Err(Fault::Malformed), "{cut}");
        }
        let tail = tlv(
            0x31,
            &tlv(
                0x30,
                &[tlv(6, COMMON_NAME), tlv(UTF8_STRING, b"a"), tlv(5, b"")].concat(),
            ),
        );
        assert_eq!(common_name(&tail), Err(Fault::Malformed));
        assert_eq!(
            common_name(&attribute(3, UTF8_STRING, b"a")),
            Err(Fault::Malformed)
        );
    }
}
