//! libexpat with namespaces and the three handlers that a stream needs.
#![expect(unsafe_code, reason = "libexpat is a C library")]

use std::ffi::{c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;

/// A parser that looks at what it tells.
#[derive(Debug)]
pub(crate) struct Parser {
    raw: NonNull<Raw>,
    /// Belongs to the handlers while `feed` runs. Made by `Box::into_raw`, freed on drop.
    seen: NonNull<usize>,
    owns: PhantomData<Box<usize>>,
}

impl Parser {
    pub(crate) fn new() -> Self {
        // SAFETY: a null encoding means that the document names its own.
        let raw = unsafe { XML_ParserCreateNS(std::ptr::null(), SEPARATOR) };
        let raw = NonNull::new(raw).expect("libexpat has memory");
        let seen = NonNull::from(Box::leak(Box::new(0)));
        // SAFETY: `raw` is a live parser.
        unsafe { XML_SetUserData(raw.as_ptr(), seen.as_ptr().cast()) };
        // SAFETY: `raw` is a live parser, and the handlers have the types that libexpat calls.
        unsafe { XML_SetElementHandler(raw.as_ptr(), start, end) };
        // SAFETY: as above.
        unsafe { XML_SetCharacterDataHandler(raw.as_ptr(), text) };
        Self {
            raw,
            seen,
            owns: PhantomData,
        }
    }

    /// Parses the next bytes; an error is libexpat's code.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), c_int> {
        let len = c_int::try_from(bytes.len()).expect("a small piece");
        // SAFETY: `raw` is a live parser, and `bytes` are readable for `len` bytes during the call.
        let status = unsafe { XML_Parse(self.raw.as_ptr(), bytes.as_ptr().cast(), len, 0) };
        if status == STATUS_OK {
            Ok(())
        } else {
            // SAFETY: `raw` is a live parser.
            Err(unsafe { XML_GetErrorCode(self.raw.as_ptr()) })
        }
    }

    /// How much was told.
    pub(crate) fn seen(&self) -> usize {
        // SAFETY: no handler runs outside `feed`, so nobody else has a reference.
        unsafe { *self.seen.as_ref() }
    }
}

impl Drop for Parser {
    fn drop(&mut self) {
        // SAFETY: `raw` is a live parser that is not used any more.
        unsafe { XML_ParserFree(self.raw.as_ptr()) };
        // SAFETY: `seen` came from a box, and the handlers that knew it are gone.
        drop(unsafe { Box::from_raw(self.seen.as_ptr()) });
    }
}

extern "C" fn start(user: *mut c_void, name: *const c_char, attributes: *const *const c_char) {
    let mut seen = first_byte(name);
    let mut next = attributes;
    loop {
        // SAFETY: `attributes` is an array that ends with a null pointer, and none was met so far.
        let text = unsafe { *next };
        if text.is_null() {
            break;
        }
        seen += first_byte(text);
        // SAFETY: this was not the end of the array.
        next = unsafe { next.add(1) };
    }
    add(user, seen);
}

extern "C" fn end(user: *mut c_void, name: *const c_char) {
    add(user, first_byte(name));
}

extern "C" fn text(user: *mut c_void, text: *const c_char, len: c_int) {
    let len = usize::try_from(len).unwrap_or_default();
    // SAFETY: libexpat tells `len` bytes, which stay while the handler runs.
    let text: &[u8] = unsafe { slice::from_raw_parts(text.cast(), len) };
    add(user, text.len());
}

/// Only for the names and values that a handler is called with.
fn first_byte(text: *const c_char) -> usize {
    // SAFETY: they end with a null byte, so that there is at least one.
    let byte = unsafe { *text.cast::<u8>() };
    byte.into()
}

/// Only for what a handler is called with.
fn add(user: *mut c_void, amount: usize) {
    // SAFETY: the user data is the `seen` of a parser that is in `feed`, where only handlers use it.
    let seen = unsafe { &mut *user.cast::<usize>() };
    *seen = seen.wrapping_add(amount);
}

/// `struct XML_ParserStruct`, which libexpat keeps to itself.
#[repr(C)]
struct Raw {
    _private: [u8; 0],
}

type StartHandler = extern "C" fn(*mut c_void, *const c_char, *const *const c_char);
type EndHandler = extern "C" fn(*mut c_void, *const c_char);
type TextHandler = extern "C" fn(*mut c_void, *const c_char, c_int);

#[link(name = "expat")]
unsafe extern "C" {
    fn XML_ParserCreateNS(encoding: *const c_char, separator: c_char) -> *mut Raw;
    fn XML_SetUserData(parser: *mut Raw, user: *mut c_void);
    fn XML_SetElementHandler(parser: *mut Raw, start: StartHandler, end: EndHandler);
    fn XML_SetCharacterDataHandler(parser: *mut Raw, text: TextHandler);
    fn XML_Parse(parser: *mut Raw, bytes: *const c_char, len: c_int, is_final: c_int) -> c_int;
    fn XML_GetErrorCode(parser: *mut Raw) -> c_int;
    fn XML_ParserFree(parser: *mut Raw);
}

/// Between a namespace and a name.
const SEPARATOR: c_char = b'|' as c_char;
const STATUS_OK: c_int = 1;
