/// Who an authenticated user is: an identity of a provider.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_structs, reason = "both make the identity")]
pub struct UserId {
    /// The provider that knows him.
    pub provider: String,
    /// What he is there.
    pub id: String,
}

/// A user, with what his provider says of him. What it does not say is empty.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct User {
    /// Who he is; sessions are kept by it.
    pub id: UserId,
    /// The name by which he logs in.
    pub login: String,
    /// His first name.
    pub first_name: String,
    /// His last name.
    pub last_name: String,
    /// His email address.
    pub email: String,
    /// His department.
    pub department: String,
    /// The subject of his certificate.
    pub subject_dn: String,
}

impl User {
    /// A user of whom nothing else is known.
    #[must_use]
    pub const fn new(id: UserId) -> Self {
        Self {
            id,
            login: String::new(),
            first_name: String::new(),
            last_name: String::new(),
            email: String::new(),
            department: String::new(),
            subject_dn: String::new(),
        }
    }

    /// What all texts together take, with what they have in reserve.
    pub(crate) fn bytes(&self) -> usize {
        let Self {
            id: UserId { provider, id },
            login,
            first_name,
            last_name,
            email,
            department,
            subject_dn,
        } = self;
        let texts = [
            provider, id, login, first_name, last_name, email, department, subject_dn,
        ];
        texts.map(String::capacity).iter().sum()
    }
}
