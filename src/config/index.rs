//! A table from 128-bit hashes to small numbers. Unlike the standard one it gives the same
//! answers in the same order in every process, and needs no hashing of its own.

/// An empty place.
const FREE: u32 = u32::MAX;

/// Open addressing with linear probing; never more than two thirds full.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    slots: Vec<(u128, u32)>,
    used: usize,
}

impl Index {
    /// A table with room for this many.
    pub(crate) fn with_room(count: usize) -> Self {
        let mut index = Self::default();
        index.resize((count * 3 / 2 + 8).next_power_of_two());
        index
    }

    fn resize(&mut self, size: usize) {
        let old = std::mem::replace(&mut self.slots, vec![(0, FREE); size]);
        for (key, value) in old.into_iter().filter(|(_, value)| *value != FREE) {
            let at = self.place(key);
            self.slots[at] = (key, value);
        }
    }

    /// Where the key is, or would be put.
    fn place(&self, key: u128) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = (key as usize) & mask;
        while self.slots[at].1 != FREE && self.slots[at].0 != key {
            at = (at + 1) & mask;
        }
        at
    }

    /// What the key leads to.
    pub(crate) fn get(&self, key: u128) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let (_, value) = self.slots[self.place(key)];
        (value != FREE).then_some(value)
    }

    /// The number of a key; `value` if it has none yet.
    pub(crate) fn enter(&mut self, key: u128, value: u32) -> u32 {
        if (self.used + 1) * 3 > self.slots.len() * 2 {
            self.resize((self.slots.len() * 2).max(16));
        }
        let at = self.place(key);
        if self.slots[at].1 == FREE {
            self.slots[at] = (key, value);
            self.used += 1;
        }
        self.slots[at].1
    }
}

#[cfg(test)]
mod tests {
    use super::Index;

    #[test]
    fn keys_keep_their_first_number() {
        let mut index = Index::default();
        assert_eq!(index.get(1), None);
        for n in 0..1000u32 {
            // Keys that collide in their low bits.
            let key = u128::from(n) << 64 | u128::from(n % 7);
            assert_eq!(index.enter(key, n), n);
            assert_eq!(index.enter(key, 5000), n);
        }
        assert_eq!(index.get(3 << 64 | 3), Some(3));
        assert_eq!(index.get(3 << 64 | 4), None);
        assert!(Index::with_room(0).get(7).is_none());
    }
}
