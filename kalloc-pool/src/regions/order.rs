//! In which order the regions of a heap are asked: numbers of slots only.

/// The first `len` numbers are those of slots with a region.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order<const N: usize> {
    pub(super) slots: [usize; N],
    pub(super) len: usize,
}

impl<const N: usize> Order<N> {
    /// There is no region.
    pub(super) const EMPTY: Self = Self { slots: [0; N], len: 0 };

    /// Puts `slot` before the one at `at`. Assumes that there is room.
    pub(super) fn insert(&mut self, at: usize, slot: usize) {
        self.len = (self.len + 1).min(N);
        if let Some(behind) = self.slots.get_mut(at..self.len) {
            behind.rotate_right(1);
            if let Some(first) = behind.first_mut() {
                *first = slot;
            }
        }
    }

    /// Takes `slot` out.
    pub(super) fn remove(&mut self, slot: usize) {
        let Some(at) = self.slots.iter().take(self.len).position(|&other| other == slot) else {
            return;
        };
        if let Some(behind) = self.slots.get_mut(at..self.len) {
            behind.rotate_left(1);
        }
        self.len -= 1;
    }
}
