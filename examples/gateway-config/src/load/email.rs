use std::collections::BTreeMap;

use comity_policy::Address;

use super::Reader;
use crate::FileAt;

impl Reader {
    /// Reads an address book: in each line a user's own address and the email address by which
    /// others know him, with white space between them. `#` begins a comment. A user whose email
    /// address is missing or not a whole one is known by his own address.
    pub(super) fn email(&mut self, file: &FileAt) -> Option<BTreeMap<Address, Address>> {
        let text = self.text(file)?;
        let before = self.errors.len();
        let mut book = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let (Some(user), Some(email)) = (words.next(), words.next()) else {
                continue;
            };
            let number = index + 1;
            if words.next().is_some() {
                self.refuse(
                    file,
                    &format!("line {number}, there are more than two addresses"),
                );
                continue;
            }
            let user: Address = match user.parse() {
                Ok(user) => user,
                Err(error) => {
                    let reason = format!("line {number}, {:?}: {error}", shown(user));
                    self.refuse(file, &reason);
                    continue;
                }
            };
            match email.parse() {
                Ok(email) => {
                    if book.insert(user.clone(), email).is_some() {
                        let reason = format!("line {number}, {user} is there twice");
                        self.refuse(file, &reason);
                    }
                }
                Err(error) => {
                    let error: comity_policy::AddressError = error;
                    self.notices.push(format!(
                        "{} line {number}, {:?}: {error}: {user} is known by his own address",
                        file.path.display(),
                        shown(email),
                    ));
                }
            }
        }
        (self.errors.len() == before).then_some(book)
    }
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}
