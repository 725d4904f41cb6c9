//! What the files of others, which this crate shares, call the other side.

pub(crate) use crate::servers::DOMAIN;
