//! A slab: storage for values with keys that are never reused. Memory is bounded by the maximum number of values at one
//! time.

use std::marker::PhantomData;

/// A key of a value; once the value is removed, it refers to nothing.
#[derive(Debug)]
pub struct Key<T> {
    index: u32,
    generation: u32,
    marker: PhantomData<fn() -> T>,
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Key<T> {}
impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_u64() == other.as_u64()
    }
}
impl<T> Eq for Key<T> {}
impl<T> PartialOrd for Key<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Key<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_u64().cmp(&other.as_u64())
    }
}

impl<T> Key<T> {
    /// A key that refers to nothing.
    pub fn null() -> Key<T> {
        Key { index: u32::MAX, generation: u32::MAX, marker: PhantomData }
    }

    /// Returns a number that no other key of this type has.
    pub fn as_u64(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }
}

/// Values by key. `Tag` is the type of the keys. It differs from `T` if the key's module must not know `T`.
#[derive(Debug)]
pub struct Slab<T, Tag = T> {
    entries: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
    marker: PhantomData<fn() -> Tag>,
}

impl<T, Tag> Default for Slab<T, Tag> {
    fn default() -> Self {
        Slab { entries: Vec::new(), free: Vec::new(), marker: PhantomData }
    }
}

impl<T, Tag> Slab<T, Tag> {
    /// Adds a value.
    pub fn insert(&mut self, value: T) -> Key<Tag> {
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push((0, None));
            // That many values do not fit into memory.
            u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
        });
        let entry = &mut self.entries[index as usize];
        entry.1 = Some(value);
        Key { index, generation: entry.0, marker: PhantomData }
    }

    /// Returns a value, if it is still there.
    pub fn get(&self, key: Key<Tag>) -> Option<&T> {
        self.entries.get(key.index as usize).filter(|entry| entry.0 == key.generation)?.1.as_ref()
    }

    /// Returns a value to be changed, if it is still there.
    pub fn get_mut(&mut self, key: Key<Tag>) -> Option<&mut T> {
        self.entries.get_mut(key.index as usize).filter(|entry| entry.0 == key.generation)?.1.as_mut()
    }

    /// Removes a value.
    pub fn remove(&mut self, key: Key<Tag>) -> Option<T> {
        let entry = self.entries.get_mut(key.index as usize).filter(|entry| entry.0 == key.generation)?;
        let value = entry.1.take()?;
        entry.0 = entry.0.wrapping_add(1);
        self.free.push(key.index);
        Some(value)
    }

    /// Returns how many values there are.
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Returns whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_refers_to_another_value() {
        let mut slab = Slab::<char>::default();
        let first = slab.insert('a');
        assert_eq!(slab.remove(first), Some('a'));
        let second = slab.insert('b');
        assert_eq!((slab.get(first), slab.get(second), slab.len()), (None, Some(&'b'), 1));
        assert_ne!(first, second);
        assert_eq!(slab.remove(first), None);
    }
}
