//! Hellos of clients, built of any values.

use comity_identity::DomainName;
use comity_rustls::Hello;

use crate::program::Program;

/// What a hello is built of.
#[derive(Debug)]
pub(crate) struct Built {
    version: u16,
    suites: Vec<u16>,
    /// The extensions that are read, each if it is there.
    server_name: Option<Vec<u8>>,
    groups: Option<Vec<u16>>,
    schemes: Option<Vec<u16>>,
    alpn: Option<Vec<Vec<u8>>>,
    versions: Option<Vec<u16>>,
    /// The others, each with its type.
    others: Vec<(u16, Vec<u8>)>,
}

impl Built {
    pub(crate) fn read(program: &mut Program<'_>) -> Self {
        let flags = program.byte();
        let mut has = (0..5).map(|bit| flags >> bit & 1 == 1);
        let mut has = || has.next().unwrap_or(false);
        let version = 0x0300 | u16::from(program.byte() % 5);
        let suites = words(program);
        Self {
            version,
            suites,
            server_name: has().then(|| program.bytes().to_vec()),
            groups: has().then(|| words(program)),
            schemes: has().then(|| words(program)),
            alpn: has().then(|| {
                let count = 1 + program.byte() % 4;
                let names = (0..count).map(|_| program.bytes().to_vec());
                names.filter(|name| !name.is_empty()).collect()
            }),
            versions: has().then(|| words(program)),
            others: (0..flags >> 5)
                .map(|_| (program.word(), program.bytes().to_vec()))
                .filter(|(kind, _)| ![0, 10, 13, 16, 43].contains(kind))
                .collect(),
        }
    }

    /// The hello in records, of sizes that the program says.
    pub(crate) fn records(&self, program: &mut Program<'_>) -> Vec<u8> {
        let body = self.body();
        let length = u32::try_from(body.len()).expect("a short hello");
        let mut message = vec![1];
        message.extend(&length.to_be_bytes()[1..]);
        message.extend(body);
        let mut records = Vec::new();
        let mut rest = message.as_slice();
        while !rest.is_empty() {
            // A program that is over gives zeros.
            let size = match program.byte() {
                0 => 1 << 14,
                size => size.into(),
            };
            let (content, behind) = rest.split_at(rest.len().min(size));
            records.extend([0x16, 3, 1]);
            records.extend(long(content));
            rest = behind;
        }
        records
    }

    fn body(&self) -> Vec<u8> {
        let mut extensions = Vec::new();
        let mut add = |kind: u16, content: &[u8]| {
            extensions.extend(kind.to_be_bytes());
            extensions.extend(long(content));
        };
        for (kind, content) in &self.others {
            add(*kind, content);
        }
        if let Some(name) = &self.server_name {
            add(0, &long(&[&[0], &*long(name)].concat()));
        }
        for (kind, list) in [(10, &self.groups), (13, &self.schemes)] {
            if let Some(list) = list {
                add(kind, &long(&bytes(list)));
            }
        }
        if let Some(names) = &self.alpn {
            let names: Vec<_> = names.iter().map(|name| short(name)).collect();
            add(16, &long(&names.concat()));
        }
        if let Some(versions) = &self.versions {
            add(43, &short(&bytes(versions)));
        }
        [
            &self.version.to_be_bytes()[..],
            &[7; 32],
            &short(&[]),
            &long(&bytes(&self.suites)),
            &short(&[0]),
            &long(&extensions),
        ]
        .concat()
    }

    /// Compares what was read of the hello with what it was built of.
    pub(crate) fn check(&self, hello: Option<&Hello>) {
        let hello = hello.expect("a hello");
        let suites = self
            .suites
            .iter()
            .filter(|code| !matches!(code, 0xFF | 0x5600));
        let suites: Vec<_> = suites.copied().collect();
        let read = hello.cipher_suites.iter().map(|suite| u16::from(*suite));
        assert_eq!(read.collect::<Vec<_>>(), meant(&suites));
        let groups = hello.groups.as_ref();
        let groups = groups.map(|groups| groups.iter().map(|group| u16::from(*group)).collect());
        assert_eq!(groups, self.groups.as_deref().map(meant));
        let schemes = hello.signature_schemes.as_ref();
        let schemes = schemes.map(|all| all.iter().map(|scheme| u16::from(*scheme)).collect());
        assert_eq!(schemes, self.schemes.as_deref().map(meant));
        let versions = hello.versions.iter().map(|version| u16::from(*version));
        let expected = match &self.versions {
            Some(versions) => meant(versions),
            None => vec![self.version.min(0x0303)],
        };
        assert_eq!(versions.collect::<Vec<_>>(), expected);
        let alpn: Vec<_> = hello.alpn().map(<[u8]>::to_vec).collect();
        assert_eq!(Some(alpn), self.alpn.clone().or_else(|| Some(Vec::new())));
        let name = self.server_name.as_deref();
        let name = name.and_then(|name| str::from_utf8(name).ok());
        let name = name.and_then(|name| DomainName::parse(name).ok());
        assert_eq!(hello.server_name, name);
    }
}

/// Without the values that stand for nothing: `0A0A`, `1A1A` and so on.
fn meant(codes: &[u16]) -> Vec<u16> {
    let reserved: Vec<_> = (0..16).map(|digit| 0x0A0A + 0x1010 * digit).collect();
    let codes = codes.iter().filter(|code| !reserved.contains(code));
    codes.copied().collect()
}

fn words(program: &mut Program<'_>) -> Vec<u16> {
    let count = 1 + program.byte() % 16;
    (0..count).map(|_| program.word()).collect()
}

fn bytes(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn short(content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("a short list");
    [&[length], content].concat()
}

fn long(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("a list that fits");
    [&length.to_be_bytes(), content].concat()
}
