//! The control socket: an operator tells the running gateway what to do.
//!
//! It is a Unix socket that this user alone may open. A client writes one command in each line. The
//! answer is any number of lines, each with two spaces before it, and then `ok` or `error: ` with the
//! reason.

mod client;
mod command;
mod server;
mod signals;

use tokio::sync::oneshot;

pub(crate) use client::tell;
pub(crate) use command::{Command, CommandError};
pub(crate) use server::{ControlError, Server};
pub(crate) use signals::forward_signals;

/// A command for the run loop, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) command: Command,
    /// Who asked may have gone, which changes nothing.
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// What is said to a command: the lines of the answer, or why it was not carried out.
pub(crate) type Answer = Result<Vec<String>, String>;

/// Commands that wait for the run loop.
pub(crate) const MAX_REQUESTS: usize = 32;
