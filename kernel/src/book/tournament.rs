//! The merged value of many parts of which one changes at a time, at the cost of the logarithm of their number.

/// A value that can be merged with that of another part, in any order.
pub trait Merge: Copy {
    /// Return the value of both parts.
    #[must_use]
    fn merge(self, other: Self) -> Self;
}

/// Parts as the leaves of a complete binary tree; each node above has the merged value of the two below.
pub struct Tournament<T> {
    /// The root is at 1, the children of `i` are at `2 i` and `2 i + 1`, the leaves begin at `leaves`.
    nodes: Vec<T>,
    leaves: usize,
}

impl<T: Merge> Tournament<T> {
    /// Make parts that all have a value which changes no other when it is merged.
    pub fn new(parts: usize, nothing: T) -> Self {
        let leaves = parts.next_power_of_two();
        Tournament { nodes: vec![nothing; 2 * leaves], leaves }
    }

    /// Return the merged value of all parts.
    #[inline]
    pub fn whole(&self) -> T {
        self.nodes[1]
    }

    /// Set the value of a part.
    #[inline]
    pub fn set(&mut self, part: usize, value: T) {
        let mut at = self.leaves + part;
        self.nodes[at] = value;
        while at > 1 {
            at /= 2;
            self.nodes[at] = self.nodes[2 * at].merge(self.nodes[2 * at + 1]);
        }
    }

    /// Set the values of the first parts, all at once.
    pub fn set_all(&mut self, values: impl Iterator<Item = T>) {
        for (node, value) in self.nodes[self.leaves..].iter_mut().zip(values) {
            *node = value;
        }
        for at in (1..self.leaves).rev() {
            self.nodes[at] = self.nodes[2 * at].merge(self.nodes[2 * at + 1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Merge for i64 {
        fn merge(self, other: Self) -> Self {
            self.min(other)
        }
    }

    #[test]
    fn the_whole_is_merged_from_all_parts() {
        for parts in 1..9 {
            let (mut tree, mut naive) = (Tournament::new(parts, i64::MAX), vec![i64::MAX; parts]);
            let mut seed = 5_i64;
            for i in 0..200 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                naive[i % parts] = seed >> 40;
                tree.set(i % parts, seed >> 40);
                assert_eq!(Some(&tree.whole()), naive.iter().min());
            }
            tree.set_all((0..parts as i64).rev());
            assert_eq!(tree.whole(), 0);
        }
    }
}
