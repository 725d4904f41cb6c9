//! Reference models: they record what was asked, answered, said and heard, and hold against it what
//! a machine does. None of them knows a state of the machine.
//!
//! The fuzz targets use them too.

pub(crate) mod proof;
mod router;
mod stream;
mod wire;

pub(crate) use router::{About, RouterModel};
pub(crate) use stream::{Asked, Log, Part, StreamModel};
pub(crate) use wire::Said;
