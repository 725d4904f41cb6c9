//! Service discovery for federation: DNS messages, resolution and exact SRV selection, without I/O.
