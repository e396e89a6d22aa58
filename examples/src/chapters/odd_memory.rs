//! Chapter 2: a heap in video memory, which a device knows by another address.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::io::Write;

use kalloc_pool::Pool;
use kalloc_traits::{Heap, Inspect, RawRegion, Span, StaticArray};

use super::{Outcome, ensure};
use crate::figures;
use crate::table::{Table, grouped};

/// Stands for the memory of a graphics card, which a driver would find in a register of the card. It starts at a page.
#[repr(align(4096))]
struct VideoMemory(StaticArray<{ 1 << 20 }>);

static VIDEO_MEMORY: VideoMemory = VideoMemory(StaticArray::new());
/// 640 × 400 pixels of 16 bits. The card shows the start of its memory and ignores what lies behind.
const PICTURE_BYTES: usize = 640 * 400 * 2;
/// Where the card itself sees its memory.
const BUS_START: usize = 0xE000_0000;

/// Memory that has one address for the processor and another one on the bus.
#[derive(Clone, Copy)]
struct Window {
    span: Span,
    bus: usize,
}

impl Window {
    /// Returns the bus address of `pointer`; `None` if it is not inside.
    fn translate(self, pointer: NonNull<u8>) -> Option<usize> {
        let offset = pointer.addr().get().wrapping_sub(self.span.start_addr());
        self.span.contains(pointer).then(|| self.bus + offset)
    }
}

/// The memory behind the picture. The heap owns this value; copies of the window may stay with those who only translate.
struct VideoTail(Window);

impl VideoTail {
    /// Returns the region.
    ///
    /// # Safety
    ///
    /// The window's bytes are valid, stay where they are, and are used by nobody else while the region or a heap on it lives.
    const unsafe fn new(window: Window) -> Self {
        Self(window)
    }
}

// SAFETY: the constructor's caller promises valid bytes that nobody else uses. The span never changes.
unsafe impl RawRegion for VideoTail {
    fn span(&self) -> Span {
        self.0.span
    }

    fn translate(&self, pointer: NonNull<u8>) -> Option<usize> {
        self.0.translate(pointer)
    }
}

/// Runs the chapter.
///
/// # Errors
///
/// Something that the chapter says was not true, or `out` takes no more.
pub fn tell(out: &mut dyn Write) -> Outcome {
    let mut card = VIDEO_MEMORY.0.region();
    card.claim()?;
    let memory = card.span();
    // SAFETY: the region was claimed, so its first bytes are ours.
    unsafe { memory.start().write_bytes(0x5a, PICTURE_BYTES) };
    // SAFETY: the picture is smaller than the memory.
    let tail = unsafe { memory.start().add(PICTURE_BYTES) };
    let window = Window {
        span: Span::new(tail, memory.len() - PICTURE_BYTES),
        bus: BUS_START + PICTURE_BYTES,
    };
    // SAFETY: `card` outlives the pool, and nobody else uses the bytes behind the picture.
    let pool = Pool::new(unsafe { VideoTail::new(window) });

    let title = "What the card is told: bus addresses, from a heap in the card's own memory";
    let mut table = Table::new(title, &["bytes", "aligned to", "at bus address"]);
    for (name, size, align) in [
        ("command ring", 4096, 4096),
        ("mouse pointer, 64 × 64 pixels", 8192, 256),
        ("font, 256 glyphs", 4096, 64),
        ("texture, 256 × 256 pixels", 131_072, 4096),
    ] {
        let block = pool.allocate_zeroed(Layout::from_size_align(size, align)?)?;
        let bus = window
            .translate(block.cast())
            .ok_or("a block is inside of the window")?;
        ensure(
            bus % align == 0,
            "both addresses are aligned, as the memory starts at a page on either side",
        )?;
        let cells = [grouped(size as u64), grouped(align as u64), format!("{bus:#x}")];
        table.row(name, &cells);
    }
    writeln!(out, "{table}")?;

    // SAFETY: the picture's bytes were written above, and are nobody's but ours.
    let picture = unsafe { NonNull::slice_from_raw_parts(memory.start(), PICTURE_BYTES).as_ref() };
    ensure(picture.iter().all(|&byte| byte == 0x5a), "the picture was not touched")?;
    pool.verify()?;
    let mut table = figures::table("The heap behind the picture, which no byte of it has touched");
    figures::add(&mut table, "Pool on VideoTail", &pool);
    writeln!(out, "{table}")?;
    Ok(())
}
