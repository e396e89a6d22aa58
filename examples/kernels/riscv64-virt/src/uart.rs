//! The serial port, a 16550, which QEMU shows on the terminal; and `print!` over it.
//!
//! Nothing is initialised, as QEMU's port needs no speed; a board's does. There is one hart and no interrupt, so there is
//! no lock either.

use core::fmt;
use core::ptr;

/// The transmit register. Data is written there a byte at a time.
const TRANSMIT: usize = 0x1000_0000;

/// The line status register, and its bit that says that the port takes the next byte.
const STATUS: usize = TRANSMIT + 5;
const IS_READY: u8 = 1 << 5;

/// The port, to be written to.
pub(crate) struct Uart;

impl Uart {
    fn write_byte(byte: u8) {
        // SAFETY: `virt` has the port's registers there, and reading this one changes nothing.
        while unsafe { ptr::with_exposed_provenance::<u8>(STATUS).read_volatile() } & IS_READY == 0 {}
        // SAFETY: as above; writing this one sends a byte and touches no memory.
        unsafe { ptr::with_exposed_provenance_mut::<u8>(TRANSMIT).write_volatile(byte) };
    }
}

impl fmt::Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(Self::write_byte);
        Ok(())
    }
}

/// Writes to the serial port, as std's `print!` does to the terminal. It does not allocate.
#[macro_export]
macro_rules! print {
    ($($words:tt)*) => {{
        // The port takes everything.
        let _ = core::fmt::Write::write_fmt(&mut $crate::uart::Uart, core::format_args!($($words)*));
    }};
}

/// Writes a line to the serial port.
#[macro_export]
macro_rules! println {
    ($($words:tt)*) => {{
        $crate::print!($($words)*);
        $crate::print!("\n");
    }};
}
