//! The quick lists at another address.

use super::{List, Quick};
use crate::block::Arena;
use crate::config::Config;

impl Quick {
    /// Follows the table to `arena`, where it holds what it held, with the lists from its word `table` on.
    ///
    /// # Safety
    ///
    /// The table has the lists there, which nobody else uses.
    pub(crate) unsafe fn rebase<C: Config>(&mut self, arena: &Arena<C>, table: u32) {
        if self.count > 0 {
            // SAFETY: the table has this word.
            self.lists = unsafe { arena.table_word(table) }.cast::<List>();
        }
    }
}
