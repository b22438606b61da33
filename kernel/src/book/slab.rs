//! Values under numbers that do not change until they are removed; numbers are used again.

use std::ops::{Index, IndexMut};

/// No number.
pub const NONE: u32 = u32::MAX;

/// A growable array with a free list.
pub struct Slab<T> {
    items: Vec<T>,
    free: Vec<u32>,
}

impl<T: Copy> Clone for Slab<T> {
    fn clone(&self) -> Self {
        Slab { items: self.items.clone(), free: self.free.clone() }
    }

    fn clone_from(&mut self, other: &Self) {
        self.items.clone_from(&other.items);
        self.free.clone_from(&other.free);
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { items: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Store a value and return its number.
    #[inline]
    pub fn insert(&mut self, value: T) -> u32 {
        if let Some(at) = self.free.pop() {
            self.items[at as usize] = value;
            return at;
        }
        assert!(self.items.len() < NONE as usize, "more than 2^32 - 1 values at once");
        self.items.push(value);
        (self.items.len() - 1) as u32
    }

    /// Free a number; its value can be read until the number is used again.
    #[inline]
    pub fn remove(&mut self, at: u32) {
        self.free.push(at);
    }

    /// Return how many values are stored.
    pub fn len(&self) -> usize {
        self.items.len() - self.free.len()
    }

    /// Return whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;
    #[inline]
    fn index(&self, at: u32) -> &T {
        &self.items[at as usize]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, at: u32) -> &mut T {
        &mut self.items[at as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again_and_memory_stays_bounded() {
        let mut slab = Slab::default();
        for round in 0..1000 {
            let a = slab.insert(round);
            let b = slab.insert(-round);
            assert_eq!((slab[a], slab[b]), (round, -round));
            slab.remove(a);
            slab.remove(b);
        }
        assert!(slab.is_empty());
        assert_eq!(slab.items.len(), 2);
    }
}
