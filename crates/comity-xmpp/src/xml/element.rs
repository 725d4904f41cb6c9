use std::sync::Arc;

use super::chars::is_ncname;
use super::namespace::Namespace;
use super::text::{escape, write_attribute};
use super::{Limits, ParseError, Scope, Token, Tokenizer};
use crate::ns;

/// An element with its attributes and children, read from a stanza or made to be sent.
///
/// ```
/// use comity_xmpp::xml::Element;
///
/// let body = Element::new("jabber:server", "body").with_text("1 < 2");
/// let message = Element::new("jabber:server", "message")
///     .with_attribute("to", "juliet@example.com")
///     .with_child(body);
/// let mut source = String::new();
/// message.write("jabber:server", &mut source);
/// assert_eq!(source, "<message to='juliet@example.com'><body>1 &lt; 2</body></message>");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Element {
    namespace: Namespace,
    name: Box<str>,
    attributes: Vec<Attribute>,
    children: Vec<Node>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Attribute {
    namespace: Namespace,
    name: Box<str>,
    value: Box<str>,
}

/// A child of an [`Element`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "XML without what XMPP forbids has these two"
)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Character data.
    Text(String),
}

impl Element {
    /// Creates an element without attributes and children.
    ///
    /// A name that XML does not allow is written with `_` in place of what is wrong, and an element
    /// cannot be in the namespace of the prefix `xmlns`: it is written without.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: ncname(name),
            attributes: Vec::new(),
            children: Vec::new(),
        }
    }

    /// Adds an attribute in no namespace, or replaces its value.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, value: &str) -> Self {
        self.set_attribute("", name, value);
        self
    }

    /// Adds an `xml:lang` attribute, or replaces its value.
    #[must_use]
    pub fn with_lang(mut self, value: &str) -> Self {
        self.set_attribute(ns::XML, "lang", value);
        self
    }

    /// Adds a child element at the end.
    #[must_use]
    pub fn with_child(mut self, child: Self) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// Adds character data at the end.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        self.children.push(Node::Text(text.to_owned()));
        self
    }

    /// Reads one element from its source, in which every prefix must be declared.
    ///
    /// # Errors
    ///
    /// The rule that the source violates; [`ParseError::StrayText`] if it holds less or more than
    /// one element.
    pub fn parse(source: &[u8], limits: Limits) -> Result<Self, ParseError> {
        Self::parse_in(Scope::default(), source, limits)
    }

    /// Reads one element that stood below a stream header.
    pub(crate) fn parse_in(
        scope: Scope,
        source: &[u8],
        limits: Limits,
    ) -> Result<Self, ParseError> {
        let mut tokenizer = Tokenizer::inside(scope, limits);
        let mut input = source;
        let mut builder = Builder::keeping(usize::MAX);
        while let Some(token) = tokenizer.advance(&mut input)? {
            if builder.add(token, &tokenizer) {
                break;
            }
        }
        let rest_is_space = input.iter().all(u8::is_ascii_whitespace);
        match builder.finish() {
            Some(element) if rest_is_space => Ok(element),
            Some(_) | None => Err(ParseError::StrayText),
        }
    }

    /// Whether the element or something inside it is in a namespace.
    pub(crate) fn uses(&self, namespace: &str) -> bool {
        let mut work = vec![self];
        while let Some(element) = work.pop() {
            let mut attributes = element.attributes.iter();
            if &*element.namespace == namespace
                || attributes.any(|attribute| &*attribute.namespace == namespace)
            {
                return true;
            }
            work.extend(element.children());
        }
        false
    }

    /// The same element with another namespace wherever there is `from`; `None` if two attributes of
    /// one element would be the same then.
    pub(crate) fn renamed(mut self, from: &str, to: &str) -> Option<Self> {
        let to = Namespace::from(to);
        let mut work = vec![&mut self];
        while let Some(element) = work.pop() {
            if &*element.namespace == from {
                element.namespace = to.clone();
            }
            for index in 0..element.attributes.len() {
                let attribute = element.attributes.get(index)?;
                if &*attribute.namespace != from {
                    continue;
                }
                if element.attribute_in(&to, &attribute.name).is_some() {
                    return None;
                }
                element.attributes.get_mut(index)?.namespace = to.clone();
            }
            work.extend(element.children.iter_mut().filter_map(|node| match node {
                Node::Element(child) => Some(child),
                Node::Text(_) => None,
            }));
        }
        Some(self)
    }

    /// The namespace; empty for none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name without prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the element has this namespace and name.
    #[must_use]
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        &*self.namespace == namespace && &*self.name == name
    }

    /// The value of an attribute in no namespace.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attribute_in("", name)
    }

    /// The `xml:lang` attribute.
    #[must_use]
    pub fn lang(&self) -> Option<&str> {
        self.attribute_in(ns::XML, "lang")
    }

    /// The children in order.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.children.iter()
    }

    /// The child elements in order.
    pub fn children(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first child element of this namespace and name.
    #[must_use]
    pub fn child(&self, namespace: &str, name: &str) -> Option<&Self> {
        self.children().find(|child| child.is(namespace, name))
    }

    /// The character data directly inside the element.
    #[must_use]
    pub fn text(&self) -> String {
        self.children
            .iter()
            .filter_map(|node| match node {
                Node::Text(text) => Some(text.as_str()),
                Node::Element(_) => None,
            })
            .collect()
    }

    /// How much memory the element takes, without the names of namespaces, which are shared.
    pub(crate) fn held_bytes(&self) -> usize {
        let mut work = vec![self];
        let mut bytes = size_of::<Self>();
        while let Some(element) = work.pop() {
            let attributes = element.attributes.iter();
            let texts = attributes.map(|attribute| attribute.name.len() + attribute.value.len());
            bytes += element.name.len() + texts.sum::<usize>();
            bytes += element.attributes.capacity() * size_of::<Attribute>();
            bytes += element.children.capacity() * size_of::<Node>();
            for node in &element.children {
                match node {
                    Node::Element(child) => work.push(child),
                    Node::Text(text) => bytes += text.capacity(),
                }
            }
        }
        bytes
    }

    /// Appends the source of the element as it stands where `default_namespace` is the default.
    pub fn write(&self, default_namespace: &str, buf: &mut String) {
        // Elements still to be written or closed, the next one last.
        let mut work = vec![Work::Open(self, default_namespace)];
        while let Some(item) = work.pop() {
            match item {
                Work::Open(element, outer) => {
                    element.write_start(outer, buf);
                    if element.children.is_empty() {
                        buf.push_str("/>");
                        continue;
                    }
                    buf.push('>');
                    work.push(Work::Close(element));
                    let inner = element.default_namespace(outer);
                    work.extend(element.children.iter().rev().map(|node| match node {
                        Node::Element(child) => Work::Open(child, inner),
                        Node::Text(text) => Work::Text(text),
                    }));
                }
                Work::Text(text) => escape(text, buf),
                Work::Close(element) => {
                    buf.push_str("</");
                    element.write_name(buf);
                    buf.push('>');
                }
            }
        }
    }

    /// The default namespace inside the element, where `outer` is the one around it.
    fn default_namespace<'a>(&'a self, outer: &'a str) -> &'a str {
        match &*self.namespace {
            ns::XML | ns::XMLNS => outer,
            own => own,
        }
    }

    /// Writes the name. Names that XML reserves have a prefix that may not be declared anew.
    fn write_name(&self, buf: &mut String) {
        if &*self.namespace == ns::XML {
            buf.push_str("xml:");
        }
        buf.push_str(&self.name);
    }

    fn write_start(&self, outer: &str, buf: &mut String) {
        buf.push('<');
        self.write_name(buf);
        if self.default_namespace(outer) != outer {
            write_attribute("", "xmlns", &self.namespace, buf);
        }
        // The namespaces that have a prefix on this element, which is their place in the list.
        let mut prefixed: Vec<&str> = Vec::new();
        for attribute in &self.attributes {
            let prefix = match &*attribute.namespace {
                "" => String::new(),
                ns::XML => "xml:".to_owned(),
                namespace => {
                    let known = prefixed.iter().position(|&known| known == namespace);
                    let index = known.unwrap_or(prefixed.len());
                    if known.is_none() {
                        prefixed.push(namespace);
                        write_attribute("xmlns:", &format!("a{index}"), namespace, buf);
                    }
                    format!("a{index}:")
                }
            };
            write_attribute(&prefix, &attribute.name, &attribute.value, buf);
        }
    }

    fn attribute_in(&self, namespace: &str, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|attribute| &*attribute.namespace == namespace && &*attribute.name == name)
            .map(|attribute| &*attribute.value)
    }

    pub(crate) fn set_attribute(&mut self, namespace: &str, name: &str, value: &str) {
        // A declaration is no attribute: `write` makes those.
        let name = if name == "xmlns" {
            "_xmlns".into()
        } else {
            ncname(name)
        };
        self.attributes
            .retain(|attribute| &*attribute.namespace != namespace || attribute.name != name);
        self.attributes.push(Attribute {
            namespace: namespace.into(),
            name,
            value: value.into(),
        });
    }
}

enum Work<'a> {
    Open(&'a Element, &'a str),
    Text(&'a str),
    Close(&'a Element),
}

/// Makes an element from tokens.
#[derive(Debug)]
pub(crate) struct Builder {
    /// Elements whose end is still to come, the innermost last.
    open: Vec<Element>,
    done: Option<Element>,
    /// How many elements more are kept.
    room: usize,
    /// How many open elements are left out.
    skipped: usize,
}

impl Builder {
    /// A builder that keeps the first so many elements and leaves out the others.
    pub(crate) fn keeping(elements: usize) -> Self {
        Self {
            open: Vec::new(),
            done: None,
            room: elements,
            skipped: 0,
        }
    }

    /// Adds a token of `tokenizer`; true when the element is complete.
    pub(crate) fn add(&mut self, token: Token, tokenizer: &Tokenizer) -> bool {
        match token {
            Token::Start if self.skipped > 0 || self.room == 0 => self.skipped += 1,
            Token::Start => {
                self.room -= 1;
                self.open.push(start(tokenizer));
            }
            Token::Text if self.skipped > 0 => {}
            Token::Text => {
                if let Some(parent) = self.open.last_mut() {
                    parent.push_text(tokenizer.text().into_owned());
                }
            }
            Token::End if self.skipped > 0 => self.skipped -= 1,
            Token::End => match (self.open.pop(), self.open.last_mut()) {
                (Some(child), Some(parent)) => parent.children.push(Node::Element(child)),
                (child, _) => self.done = child,
            },
        }
        self.done.is_some()
    }

    /// The complete element.
    pub(crate) fn finish(self) -> Option<Element> {
        self.done
    }
}

impl Element {
    /// Adds text, to the text before it if there is some.
    fn push_text(&mut self, text: String) {
        if let Some(Node::Text(before)) = self.children.last_mut() {
            before.push_str(&text);
        } else {
            self.children.push(Node::Text(text));
        }
    }
}

fn start(tokenizer: &Tokenizer) -> Element {
    Element {
        namespace: tokenizer.shared_namespace().into(),
        name: tokenizer.local_name().into(),
        attributes: tokenizer
            .attributes()
            .shared()
            .map(|(namespace, name, value)| Attribute {
                namespace: namespace.map_or_else(|| "".into(), |shared| Arc::clone(shared).into()),
                name: name.into(),
                value: value.into(),
            })
            .collect(),
        children: Vec::new(),
    }
}

/// The name itself if it is one, else the name with `_` in place of what no name may hold.
fn ncname(name: &str) -> Box<str> {
    if is_ncname(name) {
        return name.into();
    }
    let tail = name
        .chars()
        .map(|c| if is_ncname(&format!("_{c}")) { c } else { '_' });
    std::iter::once('_').chain(tail).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(element: &Element) -> String {
        let mut source = String::new();
        element.write("", &mut source);
        source
    }

    #[test]
    fn what_is_written_reads_back() {
        let element = Element::new("urn:a", "a")
            .with_attribute("x", "<'\">&\n")
            .with_lang("de")
            .with_text("one ")
            .with_child(Element::new("urn:b", "b").with_child(Element::new("urn:b", "c")))
            .with_text(" ]]> two\r\n")
            .with_child(Element::new("", "d"))
            .with_child(Element::new(ns::XML, "e").with_child(Element::new("urn:a", "f")));
        let source = written(&element);
        assert_eq!(
            source,
            "<a xmlns='urn:a' x='&lt;&apos;&quot;&gt;&amp;&#10;' xml:lang='de'>one \
             <b xmlns='urn:b'><c/></b> ]]&gt; two&#13;&#10;<d xmlns=''/>\
             <xml:e><f/></xml:e></a>"
        );
        assert_eq!(
            Element::parse(source.as_bytes(), Limits::default()),
            Ok(element)
        );
    }

    #[test]
    fn prefixed_attributes_keep_their_namespace() {
        let source = b"<p:a xmlns:p='urn:p' p:x='1' x='2'/>";
        let element = Element::parse(source, Limits::default()).unwrap();
        assert_eq!(
            written(&element),
            "<a xmlns='urn:p' xmlns:a0='urn:p' a0:x='1' x='2'/>"
        );
        let again = Element::parse(written(&element).as_bytes(), Limits::default());
        assert_eq!(again, Ok(element));
    }

    #[test]
    fn a_writer_cannot_be_made_to_write_ill_formed_xml() {
        for (namespace, name, attribute) in [
            ("urn:a", "a><b", "x='1' y"),
            ("", "", ""),
            (ns::XMLNS, "1", "xmlns"),
            ("\0", "a:b", "xmlns:p"),
        ] {
            let element = Element::new(namespace, name)
                .with_attribute(attribute, "v")
                .with_attribute(attribute, "\u{1}")
                .with_text("\u{ffff}");
            let source = written(&element);
            let read = Element::parse(source.as_bytes(), Limits::default());
            assert!(read.is_ok(), "{source}: {read:?}");
        }
    }

    #[test]
    fn text_around_a_cdata_section_is_one_text() {
        let source = b"<a>1&lt;<![CDATA[<2>&]]>]3<b/>4</a>";
        let element = Element::parse(source, Limits::default()).unwrap();
        let nodes: Vec<_> = element.nodes().cloned().collect();
        assert_eq!(
            nodes,
            [
                Node::Text("1<<2>&]3".to_owned()),
                Node::Element(Element::new("", "b")),
                Node::Text("4".to_owned()),
            ]
        );
        assert_eq!(element.text(), "1<<2>&]34");
    }

    #[test]
    fn a_bounded_builder_leaves_out_what_comes_late() {
        let mut tokenizer = Tokenizer::inside(Scope::default(), Limits::default());
        let mut input: &[u8] = b"<a>1<b><c/>2</b><d>3<e/>4</d>5</a>";
        let mut builder = Builder::keeping(2);
        while let Some(token) = tokenizer.advance(&mut input).unwrap() {
            builder.add(token, &tokenizer);
        }
        let kept = Element::new("", "b").with_text("2");
        assert_eq!(
            builder.finish(),
            Some(
                Element::new("", "a")
                    .with_text("1")
                    .with_child(kept)
                    .with_text("5")
            )
        );
    }

    #[test]
    fn a_long_namespace_is_shared_and_declared_once() {
        let namespace = "u".repeat(500);
        let attributes: String = (0..60).map(|index| format!(" p:a{index}=''")).collect();
        let source = format!("<a xmlns:p='{namespace}'{attributes}/>");
        let element = Element::parse(source.as_bytes(), Limits::default()).unwrap();
        assert_eq!(written(&element).matches(&namespace).count(), 1);
        let again = Element::parse(written(&element).as_bytes(), Limits::default());
        assert_eq!(again, Ok(element));
    }

    #[test]
    fn one_element_and_nothing_else() {
        for source in ["", " ", "<a>", "<a/><b/>", "<a/>x"] {
            assert_eq!(
                Element::parse(source.as_bytes(), Limits::default()),
                Err(ParseError::StrayText),
                "{source}"
            );
        }
        assert_eq!(
            Element::parse(b" <a/>\n", Limits::default()),
            Ok(Element::new("", "a"))
        );
    }
}
