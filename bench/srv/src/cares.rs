//! The parser of c-ares, which looks at the answers alone.
#![expect(unsafe_code, reason = "c-ares is a C library")]

use std::ffi::{c_char, c_int, c_uchar, c_ushort, c_void};
use std::ptr::{self, NonNull};

/// Reads the SRV records and frees them; gives how much was in them.
pub(crate) fn parse(response: &[u8]) -> usize {
    let records = Records::parse(response).expect("a readable response");
    records.iter().map(Record::sum).sum()
}

/// A list of records that belongs to c-ares.
struct Records(Option<NonNull<Record>>);

impl Records {
    /// An error is the status of c-ares.
    fn parse(response: &[u8]) -> Result<Self, c_int> {
        let len = c_int::try_from(response.len()).expect("a small response");
        let mut first = ptr::null_mut();
        // SAFETY: `response` is readable for `len` bytes during the call, and `first` can be written.
        let status = unsafe { ares_parse_srv_reply(response.as_ptr(), len, &raw mut first) };
        let records = Self(NonNull::new(first));
        if status == SUCCESS {
            Ok(records)
        } else {
            Err(status)
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Record> {
        let mut next = self.0;
        std::iter::from_fn(move || {
            // SAFETY: the records live as long as the list, which is borrowed, and nobody writes.
            let record: &Record = unsafe { next?.as_ref() };
            next = NonNull::new(record.next);
            Some(record)
        })
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        if let Some(first) = self.0 {
            // SAFETY: the list came from c-ares, and nobody has a reference to it any more.
            unsafe { ares_free_data(first.as_ptr().cast()) };
        }
    }
}

impl Record {
    fn sum(&self) -> usize {
        // SAFETY: the host is a text that ends with a null byte, so that there is at least one.
        let first = unsafe { *self.host.cast::<u8>() };
        usize::from(first) + usize::from(self.port)
    }
}

/// `struct ares_srv_reply`.
#[repr(C)]
struct Record {
    next: *mut Self,
    host: *mut c_char,
    priority: c_ushort,
    weight: c_ushort,
    port: c_ushort,
}

/// `ARES_SUCCESS`.
const SUCCESS: c_int = 0;

#[link(name = "cares")]
unsafe extern "C" {
    fn ares_parse_srv_reply(
        response: *const c_uchar,
        len: c_int,
        records: *mut *mut Record,
    ) -> c_int;
    fn ares_free_data(data: *mut c_void);
}
