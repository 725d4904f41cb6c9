use super::*;

/// Every token of a document with what it holds, or the error that ended it.
fn read(pieces: &[&[u8]], limits: Limits) -> (Vec<String>, Result<(), ParseError>) {
    let mut tokenizer = Tokenizer::new(limits);
    let mut seen = Vec::new();
    for mut piece in pieces.iter().copied() {
        loop {
            match tokenizer.advance(&mut piece) {
                Ok(None) => break,
                Ok(Some(token)) => seen.push(describe(token, &tokenizer)),
                Err(error) => return (seen, Err(error)),
            }
        }
    }
    (seen, Ok(()))
}

fn describe(token: Token, tokenizer: &Tokenizer) -> String {
    match token {
        Token::Start => {
            let attributes: String = tokenizer
                .attributes()
                .iter()
                .map(|(namespace, name, value)| format!(" {{{namespace}}}{name}={value}"))
                .collect();
            let (namespace, name) = (tokenizer.namespace(), tokenizer.local_name());
            format!("{{{namespace}}}{name}{attributes}")
        }
        Token::Text => format!("{:?}", tokenizer.text()),
        Token::End => "/".to_owned(),
    }
}

fn verdict(document: &str) -> Result<(), ParseError> {
    read(&[document.as_bytes()], Limits::default()).1
}

#[test]
fn tokens_carry_names_attributes_and_text() {
    let document = "<?xml version='1.0'?>\n<s:stream xmlns:s='urn:s' xmlns='urn:d' to='x'>\
        \n<a b='1' s:b='&lt;2\n'><s:c/>t&#x41;<![CDATA[<&]]></a > </s:stream>\n";
    assert_eq!(
        read(&[document.as_bytes()], Limits::default()),
        (
            [
                "{urn:s}stream {}to=x",
                "{urn:d}a {}b=1 {urn:s}b=<2 ",
                "{urn:s}c",
                "/",
                "\"tA\"",
                "\"<&\"",
                "/",
                "/"
            ]
            .map(str::to_owned)
            .to_vec(),
            Ok(())
        )
    );
}

#[test]
fn line_ends_are_read_as_line_feeds() {
    let document = "<a><b c='1\r\n2' d='3\r4'>5\r\n6<![CDATA[7\r8]]>9\n</b></a>";
    assert_eq!(
        read(&[document.as_bytes()], Limits::default()),
        (
            [
                "{}a",
                "{}b {}c=1 2 {}d=3 4",
                r#""5\n6""#,
                r#""7\n8""#,
                r#""9\n""#,
                "/",
                "/"
            ]
            .map(str::to_owned)
            .to_vec(),
            Ok(())
        )
    );
}

#[test]
fn every_cut_gives_the_same_tokens_and_errors() {
    for document in [
        "<?xml version='1.0'?><s:stream xmlns:s='urn:s'><a b='&amp;é'>t€😀<![CDATA[]]]]></a></s:stream>",
        "<a><b>é]]></b></a>",
        "<a x:b='1' xmlns:x='u' c='，é' d = \"'\">\r\n<b>，漢\u{7f}字</b ><é e='x\ty'/></a>",
        "<a><b>\u{fffd}\u{ffff}</b></a>",
        "<a><b c='\u{fffe}'/></a>",
        "<a><b c='1' d='<'/></a>",
        "<a><b></b ></c></a>",
        "<a><b>\u{1}</b></a>",
        "<a><!-- c --></a>",
        "<a><b></c></a>",
        "<a><b x='1' x='2'/></a>",
        "<a>&nbsp;</a>",
    ] {
        let bytes = document.as_bytes();
        let whole = read(&[bytes], Limits::default());
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(
                read(&[head, tail], Limits::default()),
                whole,
                "{document} {cut}"
            );
        }
        let single: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(read(&single, Limits::default()), whole, "{document}");
    }
}

#[test]
fn every_cut_ends_at_the_same_limit() {
    let (header, element) = ("<a é='é'>", "<b c='é'>éé&lt;</b>");
    let document = [header, element].concat();
    let single: Vec<_> = document.as_bytes().chunks(1).collect();
    let check = |limits, limit: Limit| {
        let whole = read(&[document.as_bytes()], limits);
        assert_eq!(whole.1, Err(limit.into()));
        assert_eq!(read(&single, limits), whole, "{limit}");
    };
    for bytes in 0..header.len() {
        let limits = Limits {
            max_header_bytes: bytes,
            ..Limits::default()
        };
        check(limits, Limit::HeaderBytes(bytes));
    }
    for bytes in 0..element.len() {
        let limits = Limits {
            max_element_bytes: bytes,
            ..Limits::default()
        };
        check(limits, Limit::ElementBytes(bytes));
    }
}

#[test]
fn what_xmpp_forbids_is_named() {
    use ParseError as E;
    for (document, error) in [
        ("<a><!-- x --></a>", E::Comment),
        ("<!-- x --><a/>", E::Comment),
        ("<a><?php x?></a>", E::ProcessingInstruction),
        ("<?php x?><a/>", E::ProcessingInstruction),
        (" <?xml version='1.0'?><a/>", E::ProcessingInstruction),
        ("<a><?xml version='1.0'?></a>", E::ProcessingInstruction),
        ("<!DOCTYPE a><a/>", E::Doctype),
        ("<a><b>&nbsp;</b></a>", E::EntityReference),
        ("<?xml version='1.0' encoding='UTF-16'?>", E::Encoding),
        ("<?xml version='2.0'?>", E::Declaration),
        ("<a>x</a>", E::StrayText),
        ("<a>&amp;</a>", E::StrayText),
        ("<a><![CDATA[x]]></a>", E::StrayText),
        ("x<a/>", E::StrayText),
        ("\u{feff}<a/>", E::StrayText),
        ("<a/>x", E::StrayText),
        ("<a/><b/>", E::StrayText),
    ] {
        assert_eq!(verdict(document), Err(error), "{document}");
    }
}

#[test]
fn what_is_not_well_formed_is_named() {
    use ParseError as E;
    for (document, error) in [
        ("<a><b></a>", E::MismatchedEndTag),
        ("<a></A>", E::MismatchedEndTag),
        ("<p:a xmlns:p='u' xmlns:q='u'></q:a>", E::MismatchedEndTag),
        ("</a>", E::Unexpected('/')),
        ("<>", E::Unexpected('>')),
        ("< a>", E::Unexpected(' ')),
        ("<1a/>", E::Unexpected('1')),
        ("<-a/>", E::Unexpected('-')),
        ("<a/ >", E::Unexpected(' ')),
        ("<a b/>", E::Unexpected('/')),
        ("<a b=c/>", E::Unexpected('c')),
        ("<a b='1'c='2'/>", E::Unexpected('c')),
        ("<a b='1' 2c='2'/>", E::Unexpected('2')),
        ("<a -b='1'/>", E::Unexpected('-')),
        ("<a b='<'/>", E::Unexpected('<')),
        ("<a b='1' b='2'/>", E::DuplicateAttribute),
        (
            "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
            E::DuplicateAttribute,
        ),
        ("<a xmlns='u' xmlns='v'/>", E::DuplicateAttribute),
        ("<a xmlns:p='u' xmlns:p='v'/>", E::DuplicateAttribute),
        ("<p:a/>", E::UndeclaredPrefix),
        ("<a p:b='1'/>", E::UndeclaredPrefix),
        ("<a xmlns:p=''/>", E::UndeclaredPrefix),
        ("<a><b xmlns:p='u'/><p:c/></a>", E::UndeclaredPrefix),
        ("<a:b:c xmlns:a='u'/>", E::InvalidName),
        ("<:a/>", E::InvalidName),
        ("<a:/>", E::InvalidName),
        ("<a:1 xmlns:a='u'/>", E::InvalidName),
        ("<a xmlns:='u'/>", E::InvalidName),
        ("<a xmlns:xmlns='u'/>", E::ReservedNamespace),
        ("<xmlns:a/>", E::ReservedNamespace),
        ("<a xmlns:xml='u'/>", E::ReservedNamespace),
        ("<a><b>]]></b></a>", E::CdataEndInText),
        ("<a><b>&</b></a>", E::Unexpected('<')),
        ("<a><b>&;</b></a>", E::InvalidName),
        ("<a><b>& x</b></a>", E::Unexpected(' ')),
        ("<a><b>&#0;</b></a>", E::IllegalCharacter('\0')),
        ("<a b='&#x1f;'/>", E::IllegalCharacter('\u{1f}')),
        ("<a><b>\0</b></a>", E::IllegalCharacter('\0')),
        ("<a\u{b}/>", E::IllegalCharacter('\u{b}')),
        ("<a><b>\u{fffe}</b></a>", E::IllegalCharacter('\u{fffe}')),
        ("<!ELEMENT a>", E::Unexpected('E')),
        ("<a><![cdata[x]]></a>", E::Unexpected('c')),
        ("<!-x-->", E::Unexpected('x')),
    ] {
        assert_eq!(verdict(document), Err(error), "{document}");
    }
}

#[test]
fn a_repeated_attribute_is_found_among_few_and_many() {
    for count in 2..40 {
        let attributes: String = (1..count).map(|index| format!(" a{index}=''")).collect();
        let tag = format!("<a xmlns:p='u' xmlns:q='u'{attributes}");
        for (last, result) in [
            (" a0=''", Ok(())),
            (" p:a1=''", Ok(())),
            (" a1=''", Err(ParseError::DuplicateAttribute)),
            (" p:b='' q:b=''", Err(ParseError::DuplicateAttribute)),
        ] {
            assert_eq!(verdict(&format!("{tag}{last}>")), result, "{count} {last}");
        }
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_refused_at_the_first_wrong_byte() {
    for bytes in [
        b"\xff".as_slice(),
        b"\x80",
        b"\xc0\x80",
        b"\xe0\x80",
        b"\xed\xa0",
        b"\xf4\x90",
        b"\xf8",
        b"\xc3<",
    ] {
        let document = [b"<a><b>", bytes].concat();
        let (_, result) = read(&[&document], Limits::default());
        assert_eq!(result, Err(ParseError::Utf8), "{bytes:x?}");
    }
    let utf16: Vec<u8> = "<a/>".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(
        read(&[&utf16], Limits::default()).1,
        Err(ParseError::IllegalCharacter('\0'))
    );
}

#[test]
fn what_is_allowed_passes() {
    for document in [
        "<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='en'/>",
        "<a xmlns='u' xmlns:p='u' b='1' p:b='2'/>",
        "<a><b>]] > ]]&gt; > \" '</b></a>",
        "<a><b><![CDATA[]]]]><![CDATA[>]]></b></a>",
        "<a b = \"'\" c='\"'\n></a\t>",
        "<\u{e9}l\u{e9}ment/>",
        "<a><b xmlns=''/></a>",
        "\n<a></a>\n",
    ] {
        assert_eq!(verdict(document), Ok(()), "{document}");
    }
}

#[test]
fn each_limit_holds_at_its_number() {
    let small = Limits {
        max_header_bytes: 40,
        max_element_bytes: 60,
        max_elements: 3,
        max_depth: 3,
        max_attributes: 2,
        max_namespaces: 2,
        max_namespace_bytes: 4,
        max_name_bytes: 8,
        max_value_bytes: 5,
    };
    for limits in [small, Limits::unauthenticated(), Limits::default()] {
        for (number, document, error) in limited(&limits) {
            let around = [number - 1, number, number + 1].map(|count| {
                let source = document(count);
                read(&[source.as_bytes()], limits).1
            });
            assert_eq!(around, [Ok(()), Ok(()), Err(error.into())], "{error}");
        }
    }
}

/// A number, a document that has so many of what it bounds, and the limit with that number.
type Limited = (usize, fn(usize) -> String, Limit);

fn limited(limits: &Limits) -> [Limited; 12] {
    let Limits {
        max_header_bytes: header,
        max_element_bytes: element,
        max_elements: elements,
        max_depth: depth,
        max_attributes: attributes,
        max_namespaces: namespaces,
        max_namespace_bytes: namespace,
        max_name_bytes: name,
        max_value_bytes: value,
    } = *limits;
    [
        (
            header,
            |bytes| format!("<a{}>", " ".repeat(bytes - 3)),
            Limit::HeaderBytes(header),
        ),
        (
            header,
            |bytes| format!("<?xml version='1.0'{}?><a>", " ".repeat(bytes - 21)),
            Limit::HeaderBytes(header),
        ),
        (
            element,
            |bytes| inside(&format!("<b>{}</b>", "x".repeat(bytes - 7))),
            Limit::ElementBytes(element),
        ),
        (
            elements,
            |count| inside(&format!("<b>{}</b><b><c/></b>", "<c/>".repeat(count - 1))),
            Limit::Elements(elements),
        ),
        (depth, |depth| "<b>".repeat(depth), Limit::Depth(depth)),
        (
            attributes,
            |count| inside(&format!("<b{}/>", numbered("c", count))),
            Limit::Attributes(attributes),
        ),
        // The last in an element of its own, since declarations are attributes too, and behind one
        // whose scope has ended.
        (
            namespaces,
            |count| {
                let outer = numbered("xmlns:c", count - 1);
                inside(&format!("<b xmlns='u'/><b{outer}><d xmlns='u'/></b>"))
            },
            Limit::Namespaces(namespaces),
        ),
        (
            namespace,
            |bytes| inside(&format!("<b xmlns='{}'/>", "u".repeat(bytes))),
            Limit::NamespaceBytes(namespace),
        ),
        (
            name,
            |bytes| inside(&format!("<{}/>", "b".repeat(bytes))),
            Limit::NameBytes(name),
        ),
        (
            name,
            |bytes| {
                let name = "b".repeat(bytes - 2);
                inside(&format!("<p:{name} xmlns:p='u'/>"))
            },
            Limit::NameBytes(name),
        ),
        (
            name,
            |bytes| inside(&format!("<b {}=''/>", "c".repeat(bytes))),
            Limit::NameBytes(name),
        ),
        (
            value,
            |bytes| inside(&format!("<b c='{}'/>", "x".repeat(bytes))),
            Limit::ValueBytes(value),
        ),
    ]
}

fn inside(source: &str) -> String {
    format!("<a>{source}</a>")
}

/// So many attributes.
fn numbered(name: &str, count: usize) -> String {
    let attributes = (0..count).map(|index| format!(" {name}{index}='u'"));
    attributes.collect()
}

#[test]
fn deep_nesting_ends_at_the_limit_and_uses_no_stack() {
    // An interpreter needs hours for as many.
    const DEPTH: usize = if cfg!(miri) { 200 } else { 500_000 };
    let document = "<a>".repeat(2 * DEPTH);
    let deep = Limits {
        max_depth: DEPTH,
        max_elements: 1_000_000,
        max_element_bytes: 10_000_000,
        ..Limits::default()
    };
    assert_eq!(
        read(&[document.as_bytes()], deep).1,
        Err(Limit::Depth(DEPTH).into())
    );
}

#[test]
fn a_stanza_is_taken_as_the_bytes_that_came() {
    let mut tokenizer = Tokenizer::new(Limits::default());
    let source = b"<s> \n<a  b = '1'\t>&lt;<![CDATA[x]]></a >  <b/></s>";
    let mut input: &[u8] = source;
    let mut taken = Vec::new();
    while let Some(token) = tokenizer.advance(&mut input).unwrap() {
        if token == Token::End && tokenizer.depth() == 1 {
            taken.push(String::from_utf8(tokenizer.take_element()).unwrap());
        }
    }
    assert_eq!(taken, ["<a  b = '1'\t>&lt;<![CDATA[x]]></a >", "<b/>"]);
}

#[test]
fn input_that_ends_between_stanzas_leaves_little_memory() {
    let attributes: String = (0..60).map(|index| format!(" a{index}=''")).collect();
    let namespaces: String = (0..50)
        .map(|index| format!(" xmlns:a{index}='u'"))
        .collect();
    let nested = "<b>".repeat(50) + &"</b>".repeat(50);
    let stanza = format!(
        "<b{attributes}><b{namespaces}/>{nested}{}</b>",
        "x".repeat(9000)
    );
    let mut tokenizer = Tokenizer::new(Limits::default());
    for source in [format!("<a{attributes}>"), stanza, "<b/>".to_owned()] {
        let mut input = source.as_bytes();
        while let Some(token) = tokenizer.advance(&mut input).unwrap() {
            if (token, tokenizer.depth()) == (Token::End, 1) {
                let element = tokenizer.take_element();
                assert_eq!([element.len(), element.capacity()], [source.len(); 2]);
                assert_holds_little(&tokenizer);
            }
        }
        assert_holds_little(&tokenizer);
    }
}

fn assert_holds_little(tokenizer: &Tokenizer) {
    assert_eq!(tokenizer.buffer.capacity(), 0);
    assert!(tokenizer.attributes.capacity() <= 4);
    assert!(tokenizer.open.capacity() <= 4);
}
