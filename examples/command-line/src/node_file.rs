use std::collections::BTreeSet;
use std::path::PathBuf;

/// The file of a node of a site: `name@cluster=file`, `name=file` or `file`, which then is the name.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what a program is told of a node"
)]
pub struct NodeFile {
    /// Its name.
    pub name: String,
    /// The cluster that it belongs to; `default` if none is given.
    pub cluster: String,
    /// The file.
    pub path: PathBuf,
}

/// Why files of nodes cannot be compared.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "each program has its own words for each"
)]
pub enum NodeFilesError {
    /// There are fewer than two.
    TooFew,
    /// Two nodes have this name.
    SameName(String),
    /// This text is in none of the forms.
    Malformed(String),
}

/// Reads the files of the nodes of a site: at least two, whose names differ.
///
/// # Errors
///
/// The first thing that is wrong with them.
pub fn node_files<'t>(
    texts: impl IntoIterator<Item = &'t str>,
) -> Result<Vec<NodeFile>, NodeFilesError> {
    let mut nodes = Vec::new();
    let mut names = BTreeSet::new();
    for text in texts {
        let node = read(text).ok_or_else(|| NodeFilesError::Malformed(text.to_owned()))?;
        if !names.insert(node.name.clone()) {
            return Err(NodeFilesError::SameName(node.name));
        }
        nodes.push(node);
    }
    if nodes.len() < 2 {
        return Err(NodeFilesError::TooFew);
    }
    Ok(nodes)
}

fn read(text: &str) -> Option<NodeFile> {
    let (label, path) = text.split_once('=').unwrap_or((text, text));
    let (name, cluster) = match label.split_once('@') {
        Some(parts) if label != path => parts,
        Some(_) | None => (label, CLUSTER),
    };
    let is_whole = !name.is_empty() && !cluster.is_empty() && !path.is_empty();
    is_whole.then(|| NodeFile {
        name: name.to_owned(),
        cluster: cluster.to_owned(),
        path: path.into(),
    })
}

/// The cluster of nodes that name none.
const CLUSTER: &str = "default";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_may_have_a_name_and_a_cluster() {
        let read = |text| read(text).map(|node| (node.name, node.cluster, node.path));
        for (text, name, cluster, path) in [
            ("one@left=1.toml", "one", "left", "1.toml"),
            ("two=2.toml", "two", "default", "2.toml"),
            ("dir@x/3.toml", "dir@x/3.toml", "default", "dir@x/3.toml"),
        ] {
            let node = (name.to_owned(), cluster.to_owned(), path.into());
            assert_eq!(read(text), Some(node));
        }
        for text in ["", "=1.toml", "one=", "@left=1.toml", "one@=1.toml"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn nodes_are_two_or_more_with_names_of_their_own() {
        let names = |texts: &[&str]| {
            let nodes = node_files(texts.iter().copied())?;
            Ok(nodes.into_iter().map(|node| node.name).collect())
        };
        assert_eq!(
            names(&["1.toml", "b=2.toml"]),
            Ok(vec!["1.toml".to_owned(), "b".to_owned()])
        );
        assert_eq!(names(&["1.toml"]), Err(NodeFilesError::TooFew));
        let same = NodeFilesError::SameName("a".to_owned());
        assert_eq!(names(&["a=1.toml", "a=2.toml"]), Err(same));
        let malformed = NodeFilesError::Malformed("=1.toml".to_owned());
        assert_eq!(names(&["=1.toml"]), Err(malformed));
    }
}
