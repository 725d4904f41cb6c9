//! Says what the rules of federation decide about a packet, and which of them.
//!
//! ```text
//! policy-explain rules.toml --from romeo@montague.example --to juliet@capulet.example
//! policy-explain rules.toml --from capulet.example --to verona.example --stage header
//! policy-explain rules.toml --from a@b.example --to juliet@capulet.example --compare new.toml
//! policy-explain rules.toml --check
//! policy-explain --nodes one@left=one.toml two@left=two.toml three@right=three.toml
//! ```
//!
//! It reads rule files ([`comity_policy::Config::from_toml`]; `rules.toml` beside this package shows
//! all that may stand in one), connects to nobody, and prints the decision in a sentence, the rules
//! that made it in the order in which they were consulted, and what is to be done: how the connection
//! is secured, how a refusal is shown, what becomes of a subscription, and the address that takes the
//! place of a user's own or of his email address.
//!
//! # The question
//!
//! One of the two sides is local by the rules, which tells the direction. Addresses are compared
//! without regard to case; write them otherwise as their protocol does. What is not said is taken to be
//! good: it is a message, whose sender has proved his domain by a certificate. A SIP request from
//! outside has to come from somewhere, so that `--peer` must be given. With `--peer-name` it is also
//! told which of the two the access list lacks, if an operator has listed the other.
//!
//! With `--compare`, other rules are asked the same: with the direction and the protocol that the first
//! rules made of it. The answer differs if another verdict or another duty comes out, whatever the
//! reasons.
//!
//! # The nodes of a site
//!
//! `--nodes` makes the checks of [`comity_policy::compare()`], each with a mark: `same`, `differs`, or
//! `skipped` for the dialback secret, which no rule file holds. A node is called as its file, and its
//! cluster `default`, unless they are named.
//!
//! # JSON
//!
//! `--json` prints one document. Fields may be added, those that are there keep their names and
//! meanings. All documents have `task`: `explain`, `check` or `nodes`. `explain` has
//!
//! | field | what it is |
//! |---|---|
//! | `question` | `from`, `to`, `direction` (`inbound`, `outbound`), `stage`, `protocol`, `topic`, `assurance`, `peer` and `peer_name` (`null` if not given) |
//! | `file` | the rules that answer |
//! | `verdict` | `allow` or `deny` |
//! | `sentence` | the decision in a sentence |
//! | `rules` | the rules in their order, each with `kind` and `text` |
//! | `obligations` | `security` (`null`, or `tls`, `certificate`, `sasl_inbound`, `sasl_outbound`, `dialback`), `denial` (`null`, `drop`, `own-block`, `polite`, `refuse`), `subscription` (`null`, `active`, `pending`) and `ask_again_with_name` |
//! | `inward`, `outward` | the user's own address to deliver to, and the email address to send as; `null` where the address stays |
//! | `acl_lacks` | `address` or `name` of the peer where the operator has listed the other alone, else `null` |
//! | `warnings` | those of the rules, as text |
//! | `compare` | `null`, or the fields from `file` to `warnings` by the other rules, with `differs` and `difference`: `section`, `key` (which rule of the section, empty if there is only one), `before`, `after` |
//!
//! The kinds of rules are `acl-entry`, `default`, `exception`, `hidden`, `missing`, `name-not-known`,
//! `not-in-acl`, `not-local`, `not-proved`, `nothing-asked`, `other-direction`, `other-domain`,
//! `other-protocol`, `proved`, `protocol-off`, `remote-is-local`, `sip-blocked`, `sip-domain`, `undecided` and `user`.
//!
//! `check` has `file`, `warnings` and `summary`, which counts the rules. `nodes` has `agree`, `nodes`
//! (`name`, `cluster`, `file`) and `checks`: `check` (`xmpp-enabled`, `tls-mode`, `certificates`,
//! `sasl`, `dialback-secret`, `default-verdict`, `exceptions`, `email`, `security-rules`), `mark` and `findings`
//! (`nodes`, `expected`, `found`, `action`). A word that is not listed here is `other`.
//!
//! # Exit status
//!
//! 0 if it is allowed, 1 if it is denied. With `--compare` 0 if both answer the same and 1 if not, with
//! `--nodes` 0 if they agree and 1 if not, with `--check` 0. 1 if the output cannot be written. 2 if the
//! command line or a rule file is wrong: then every error is printed, and nothing else.

mod check;
mod explain;
mod json;
mod nodes;
mod options;
mod rules;

use std::io;
use std::process::ExitCode;

use comity_command_line::{complain, note, say};

use explain::CaseError;
use options::{Command, Format, Task};
use rules::RulesError;

fn main() -> ExitCode {
    let command = match options::parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => return complain(NAME, &error, WRONG),
    };
    let done = match command {
        Command::Help => say(options::USAGE).map(|()| GOOD).map_err(RunError::Output),
        Command::Version => say(&format!("{NAME} {VERSION}\n"))
            .map(|()| GOOD)
            .map_err(RunError::Output),
        Command::Run(task, format) => run(&task, format),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        // Its lines begin with the file, as those of a compiler do.
        Err(RunError::Rules(error)) => {
            note(&error);
            ExitCode::from(WRONG)
        }
        Err(RunError::Case(error)) => complain(NAME, &error, WRONG),
        Err(RunError::Output(error)) => complain(NAME, &error, BAD),
    }
}

/// What a task has to say.
struct Page {
    text: String,
    /// Whether the exit status is 0.
    is_good: bool,
}

fn run(task: &Task, format: Format) -> Result<u8, RunError> {
    let page = match task {
        Task::Explain {
            rules,
            question,
            compare,
        } => explain::run(rules, question, compare.as_deref(), format)?,
        Task::Check { rules } => check::run(rules, format)?,
        Task::Nodes(files) => nodes::run(files, format)?,
    };
    say(&page.text).map_err(RunError::Output)?;
    Ok(if page.is_good { GOOD } else { BAD })
}

/// Why the program has nothing to show.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Case(#[from] CaseError),
    #[error(transparent)]
    Output(io::Error),
    #[error(transparent)]
    Rules(#[from] RulesError),
}

const NAME: &str = "policy-explain";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const GOOD: u8 = 0;
const BAD: u8 = 1;
const WRONG: u8 = 2;
