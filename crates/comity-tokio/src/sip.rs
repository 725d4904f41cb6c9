//! SIP servers: sockets, TLS handshakes, DNS queries and the clock for an endpoint.

mod application;
mod config;
mod connections;
mod datagrams;
mod driver;
mod ending;
mod errands;
mod notice;
mod proof;
mod server;
mod stream;

pub use application::Application;
pub use config::{Config, Limits, Listen, StartError};
pub use notice::{CloseReason, Notice, TurnAway};
pub use server::{Ended, Server};
