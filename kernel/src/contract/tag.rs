//! The author's texts on orders, each kept once.

use std::sync::Arc;

use rustc_hash::FxHashMap as HashMap;

/// The number of a text in `Tags`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(u32);

impl Tag {
    /// The empty text, which most orders have.
    pub const EMPTY: Tag = Tag(0);
}

/// The different texts of a run. `Agent::check_order` bounds their number and length.
pub struct Tags {
    texts: Vec<Arc<str>>,
    tags: HashMap<Arc<str>, Tag>,
}

impl Default for Tags {
    fn default() -> Self {
        Tags { texts: vec!["".into()], tags: HashMap::default() }
    }
}

impl Tags {
    /// Return the tag of a text; a new one is kept.
    pub fn tag(&mut self, text: &str) -> Tag {
        if text.is_empty() {
            return Tag::EMPTY;
        }
        if let Some(tag) = self.tags.get(text) {
            return *tag;
        }
        let (tag, text) = (Tag(self.texts.len() as u32), Arc::from(text));
        self.texts.push(Arc::clone(&text));
        self.tags.insert(text, tag);
        tag
    }

    /// Return the text of a tag.
    #[inline]
    pub fn text(&self, tag: Tag) -> &Arc<str> {
        &self.texts[tag.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_tag() {
        let mut tags = Tags::default();
        let (a, b) = (tags.tag("a"), tags.tag("b"));
        assert_eq!((tags.tag("a"), tags.tag("")), (a, Tag::EMPTY));
        assert_eq!([a, b, Tag::EMPTY].map(|tag| tags.text(tag).to_string()), ["a", "b", ""]);
    }
}
