use std::ops::Deref;
use std::sync::Arc;

use crate::ns;

/// The name of a namespace. The ones that stanzas are full of take no memory.
#[derive(Clone, Debug)]
pub(super) enum Namespace {
    Known(&'static str),
    Shared(Arc<str>),
}

impl Deref for Namespace {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Known(name) => name,
            Self::Shared(name) => name,
        }
    }
}

impl From<&str> for Namespace {
    fn from(name: &str) -> Self {
        match KNOWN.iter().find(|known| **known == name) {
            Some(known) => Self::Known(known),
            None => Self::Shared(name.into()),
        }
    }
}

impl From<Arc<str>> for Namespace {
    fn from(name: Arc<str>) -> Self {
        Self::Shared(name)
    }
}

impl Eq for Namespace {}

impl PartialEq for Namespace {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

const KNOWN: [&str; 4] = ["", ns::SERVER, ns::STANZA_ERRORS, ns::XML];
