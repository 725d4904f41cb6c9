/// What is wrong with a command line, and what to do about it.
///
/// Options are named without their two hyphens. `P` is what only one program can say of its options.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError<P> {
    /// There is no such option, or its value is missing or no text.
    #[error("{0}; see --help")]
    Syntax(#[from] lexopt::Error),
    /// An option that is needed is not there.
    #[error("--{0} is missing; see --help")]
    Missing(&'static str),
    /// An option that may be given once is there again.
    #[error("--{0} is given more than once")]
    Repeated(&'static str),
    /// The value of an option cannot be used.
    #[error("--{option} {text:?}: {reason}")]
    Value {
        /// The option.
        option: &'static str,
        /// Its value.
        text: String,
        /// What is wrong with it, or what to give in its place.
        reason: String,
    },
    /// What the program says.
    #[error(transparent)]
    Program(P),
}
