//! The author's text on an order.

use std::ops::Deref;
use std::sync::Arc;

/// A shared text. Most are empty, which costs nothing.
#[derive(Clone, Default)]
pub struct Tag(Option<Arc<str>>);

impl From<&str> for Tag {
    fn from(text: &str) -> Self {
        Tag((!text.is_empty()).then(|| text.into()))
    }
}

impl Deref for Tag {
    type Target = str;
    #[inline]
    fn deref(&self) -> &str {
        self.0.as_deref().unwrap_or("")
    }
}
