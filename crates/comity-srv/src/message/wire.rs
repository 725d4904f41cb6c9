//! DNS messages as bytes: names with their pointers, and records (RFC 1035 §4.1).
//!
//! A message is walked and not built. A step takes no heap, at most 255 bytes and [`MAX_POINTERS`]
//! pointers for a name, and stops at the first thing that is malformed, so that reading costs no
//! more than the number of records times a constant.

use super::RecordName;

/// A message and a place in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    message: &'a [u8],
    at: usize,
}

/// One record. Its owner and its data are read when asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) owner: Cursor<'a>,
    pub(crate) kind: u16,
    pub(crate) class: u16,
    pub(crate) ttl: u32,
    data: Cursor<'a>,
    data_end: usize,
}

/// The message is cut, or breaks a rule of the format.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Malformed;

impl<'a> Cursor<'a> {
    pub(crate) fn new(message: &'a [u8], at: usize) -> Self {
        Self { message, at }
    }

    pub(crate) fn record(&mut self) -> Result<Record<'a>, Malformed> {
        let owner = *self;
        self.skip_name()?;
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

    /// Goes behind a question.
    pub(crate) fn question(&mut self) -> Result<(), Malformed> {
        self.skip_name()?;
        self.take(4).map(|_type_and_class| ())
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

    /// A name, in lower case (RFC 4343).
    pub(crate) fn name(&mut self) -> Result<RecordName, Malformed> {
        let mut bytes = [0; MAX_NAME_BYTES];
        let mut len = 0_usize;
        let mut labels = Labels::new(*self);
        while let Some(label) = labels.next_label()? {
            let end = len.saturating_add(1).saturating_add(label.len());
            let place = bytes.get_mut(len..end).ok_or(Malformed)?;
            let (length, rest) = place.split_first_mut().ok_or(Malformed)?;
            // A label has at most 63 bytes.
            *length = u8::try_from(label.len()).map_err(|_longer| Malformed)?;
            for (to, from) in rest.iter_mut().zip(label) {
                *to = from.to_ascii_lowercase();
            }
            len = end;
        }
        self.skip_name()?;
        // The empty label at the end is there already.
        let name = bytes.get(..=len).ok_or(Malformed)?;
        Ok(RecordName::from_wire(name))
    }

    /// Whether `name` stands here.
    pub(crate) fn is_at(&self, name: &RecordName) -> Result<bool, Malformed> {
        let mut labels = Labels::new(*self);
        let mut wanted = name.labels();
        loop {
            match (labels.next_label()?, wanted.next()) {
                (Some(found), Some(label)) if found.eq_ignore_ascii_case(label) => {}
                (None, None) => return Ok(true),
                (Some(_), _) | (None, Some(_)) => return Ok(false),
            }
        }
    }

    /// Where the name here is, if it is all somewhere before.
    pub(crate) fn pointer(mut self) -> Option<u16> {
        let pointer = self.u16().ok()?;
        (pointer >= 0b1100_0000 << 8).then_some(pointer)
    }

    /// Goes behind a name without a look at where its pointer leads.
    fn skip_name(&mut self) -> Result<(), Malformed> {
        loop {
            let [length] = self.array()?;
            match length {
                0 => return Ok(()),
                1..=63 => self.take(length.into())?,
                // The second byte of a pointer.
                0b1100_0000.. => return self.take(1).map(|_low| ()),
                64..=0b1011_1111 => return Err(Malformed),
            };
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

/// The labels of a name. Each pointer has to lead to before the labels that it ends, so that there is
/// no loop.
struct Labels<'a> {
    cursor: Cursor<'a>,
    /// Where the labels began that are read now.
    from: usize,
    pointers: usize,
}

impl<'a> Labels<'a> {
    fn new(cursor: Cursor<'a>) -> Self {
        Self {
            cursor,
            from: cursor.at,
            pointers: 0,
        }
    }

    /// The next label; `None` behind the last.
    fn next_label(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        loop {
            let [length] = self.cursor.array()?;
            match length {
                0 => return Ok(None),
                1..=63 => return self.cursor.take(length.into()).map(Some),
                0b1100_0000.. => self.follow(length & 0b0011_1111)?,
                // RFC 6891 §5: no other label types are in use.
                64..=0b1011_1111 => return Err(Malformed),
            }
        }
    }

    fn follow(&mut self, high: u8) -> Result<(), Malformed> {
        let [low] = self.cursor.array()?;
        let target = usize::from(u16::from_be_bytes([high, low]));
        if target >= self.from || self.pointers >= MAX_POINTERS {
            return Err(Malformed);
        }
        self.pointers = self.pointers.saturating_add(1);
        self.from = target;
        self.cursor.at = target;
        Ok(())
    }
}

/// The longest name with its lengths (RFC 1035 §2.3.4).
pub(crate) const MAX_NAME_BYTES: usize = 255;
/// The most pointers of one name. A server that compresses needs one; each label may add one.
const MAX_POINTERS: usize = 127;
