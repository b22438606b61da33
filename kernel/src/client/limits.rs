//! How much one strategy may hold at once (`lob_backtest.contract.limits`).

use rustc_hash::FxHashSet as HashSet;

use crate::contract::error::RunError;
pub use crate::contract::generated::Limits;

/// The different texts that a strategy has used.
#[derive(Default)]
pub struct Texts(HashSet<Box<str>>);

impl Texts {
    /// Check that a text is short, and that the strategy has not used too many different ones; `what` is for the
    /// message.
    ///
    /// # Errors
    /// A limit is passed.
    #[inline]
    pub fn check(&mut self, what: &str, text: &str, most: usize, limits: &Limits) -> Result<(), RunError> {
        if self.0.contains(text) {
            return Ok(());
        }
        self.admit(what, text, most, limits)
    }

    #[cold]
    fn admit(&mut self, what: &str, text: &str, most: usize, limits: &Limits) -> Result<(), RunError> {
        if text.len() > limits.text_bytes {
            let (size, bytes) = (grouped(text.len()), limits.text_bytes);
            return Err(RunError::Strategy(format!(
                "a {what} of {size} bytes: expected at most {bytes} bytes of UTF-8"
            )));
        }
        if self.0.len() >= most {
            let most = grouped(most);
            return Err(RunError::Strategy(format!(
                "more than {most} different {what}s: expected a few kinds, not one for each use"
            )));
        }
        self.0.insert(text.into());
        Ok(())
    }
}

/// Check that there is room for one more.
///
/// # Errors
/// There is none.
#[inline]
pub fn room(held: usize, most: usize, what: &str) -> Result<(), RunError> {
    if held < most {
        return Ok(());
    }
    Err(RunError::Strategy(format!("more than {} {what}", grouped(most))))
}

/// Format a number with commas between thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i != 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn numbers_have_commas_between_thousands() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
