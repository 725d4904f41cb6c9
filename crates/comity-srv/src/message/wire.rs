//! DNS messages as bytes: names with their pointers, and records (RFC 1035 §4.1).
//!
//! A message is walked and not built. A step takes no heap, at most 255 bytes and [`MAX_POINTERS`]
//! pointers for a name, and stops at the first thing that is malformed, so that reading costs no
//! more than the number of records times a constant.

/// A message and a place in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    message: &'a [u8],
    at: usize,
}

/// One record. Its data is read when asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) owner: NameBuf,
    pub(crate) kind: u16,
    pub(crate) class: u16,
    pub(crate) ttl: u32,
    data: Cursor<'a>,
    data_end: usize,
}

/// A name as labels with their lengths, the empty one at the end, in lower case (RFC 4343).
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameBuf {
    bytes: [u8; MAX_NAME_BYTES],
    len: usize,
}

/// The message is cut, or breaks a rule of the format.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Malformed;

impl<'a> Cursor<'a> {
    pub(crate) fn new(message: &'a [u8], at: usize) -> Self {
        Self { message, at }
    }

    pub(crate) fn record(&mut self) -> Result<Record<'a>, Malformed> {
        let owner = self.name()?;
        let (kind, class) = (self.u16()?, self.u16()?);
        let ttl = u32::from_be_bytes(self.array()?);
        let length = usize::from(self.u16()?);
        let data = *self;
        self.take(length)?;
        Ok(Record {
            owner,
            kind,
            class,
            ttl,
            data,
            data_end: self.at,
        })
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let taken = self.take(N)?;
        taken.first_chunk().copied().ok_or(Malformed)
    }

    /// A text of at most 255 bytes behind its length (RFC 1035 §3.3).
    pub(crate) fn text(&mut self) -> Result<&'a [u8], Malformed> {
        let [length] = self.array()?;
        self.take(length.into())
    }

    /// A name. Each pointer has to lead to before the labels that it ends, so that there is no loop.
    pub(crate) fn name(&mut self) -> Result<NameBuf, Malformed> {
        let mut name = NameBuf::new();
        let mut reader = *self;
        let mut end = None;
        for _ in 0..=MAX_POINTERS {
            let from = reader.at;
            let pointer = reader.labels(&mut name)?;
            let end = *end.get_or_insert(reader.at);
            match pointer {
                Some(target) if target < from => reader.at = target,
                Some(_) => return Err(Malformed),
                None => {
                    self.at = end;
                    return Ok(name);
                }
            }
        }
        Err(Malformed)
    }

    /// Labels up to the end of the name, or up to a pointer.
    fn labels(&mut self, name: &mut NameBuf) -> Result<Option<usize>, Malformed> {
        loop {
            let [length] = self.array()?;
            match length {
                0 => return name.push(&[]).map(|()| None),
                1..=63 => name.push(self.take(length.into())?)?,
                0b1100_0000.. => {
                    let [low] = self.array()?;
                    let target = u16::from_be_bytes([length & 0b0011_1111, low]);
                    return Ok(Some(target.into()));
                }
                // RFC 6891 §5: no other label types are in use.
                64..=0b1011_1111 => return Err(Malformed),
            }
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let rest = self.message.get(self.at..).ok_or(Malformed)?;
        let taken = rest.get(..count).ok_or(Malformed)?;
        self.at = self.at.saturating_add(count);
        Ok(taken)
    }
}

impl<'a> Record<'a> {
    /// Reads the data, which has to be used up.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&mut Cursor<'a>) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        let mut data = self.data;
        let value = read(&mut data)?;
        if data.at == self.data_end {
            Ok(value)
        } else {
            Err(Malformed)
        }
    }
}

impl NameBuf {
    fn new() -> Self {
        Self {
            bytes: [0; MAX_NAME_BYTES],
            len: 0,
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, label: &[u8]) -> Result<(), Malformed> {
        let end = self.len.saturating_add(1).saturating_add(label.len());
        let place = self.bytes.get_mut(self.len..end).ok_or(Malformed)?;
        let (length, rest) = place.split_first_mut().ok_or(Malformed)?;
        // A label has at most 63 bytes.
        *length = u8::try_from(label.len()).map_err(|_longer| Malformed)?;
        for (to, from) in rest.iter_mut().zip(label) {
            *to = from.to_ascii_lowercase();
        }
        self.len = end;
        Ok(())
    }
}

/// The longest name with its lengths (RFC 1035 §2.3.4).
pub(crate) const MAX_NAME_BYTES: usize = 255;
/// The most pointers of one name. A server that compresses needs one; each label may add one.
const MAX_POINTERS: usize = 127;
