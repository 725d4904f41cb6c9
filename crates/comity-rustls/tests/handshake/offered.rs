use comity_rustls::{Hello, HelloError, HelloReader};

/// A hello, field by field, that can be spoilt.
#[derive(Clone)]
pub(super) struct Offered {
    pub(super) version: u16,
    pub(super) suites: Vec<u16>,
    pub(super) extensions: Vec<(u16, Vec<u8>)>,
}

impl Offered {
    /// What a current client of TLS 1.2 offers.
    pub(super) fn new(suites: &[u16]) -> Self {
        Self {
            version: 0x0303,
            suites: suites.to_vec(),
            extensions: vec![
                (10, long(&words(&[0x001D, 0x0017]))),
                (13, long(&words(&[0x0403, 0x0804, 0x0401]))),
            ],
        }
    }

    pub(super) fn version(mut self, version: u16) -> Self {
        self.version = version;
        self
    }

    /// Puts an extension in the place of that of its kind.
    pub(super) fn with(mut self, kind: u16, content: &[u8]) -> Self {
        self.extensions.retain(|(known, _)| *known != kind);
        self.extensions.push((kind, content.to_vec()));
        self
    }

    pub(super) fn without(mut self, kind: u16) -> Self {
        self.extensions.retain(|(known, _)| *known != kind);
        self
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let mut body = self.version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.push(0);
        body.extend(long(&words(&self.suites)));
        body.extend([1, 0]);
        if !self.extensions.is_empty() {
            let mut extensions = Vec::new();
            for (kind, content) in &self.extensions {
                extensions.extend(kind.to_be_bytes());
                extensions.extend(long(content));
            }
            body.extend(long(&extensions));
        }
        body
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        record(&message(&self.body()))
    }
}

pub(super) fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Bytes behind their length in two bytes.
pub(super) fn long(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    [&length.to_be_bytes(), content].concat()
}

pub(super) fn message(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[1], &length[1..], body].concat()
}

pub(super) fn record(content: &[u8]) -> Vec<u8> {
    [&[0x16, 3, 1][..], &long(content)].concat()
}

pub(super) fn sni(name: &[u8]) -> Vec<u8> {
    long(&[&[0], &*long(name)].concat())
}

pub(super) fn read(bytes: &[u8]) -> Result<Option<Hello>, HelloError> {
    HelloReader::new().read(bytes)
}

pub(super) fn hello(offered: &Offered) -> Hello {
    read(&offered.bytes()).unwrap().unwrap()
}

pub(super) const AES_GCM: u16 = 0xC02B;
