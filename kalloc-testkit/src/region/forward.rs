//! The methods of a heap that lies in another type, passed on.

/// Emits methods of `Heap` or `Inspect` that call those of a heap inside of `self`, while the value of an expression lives.
///
/// `calls` are the methods that are about blocks, `growth` those by which a lock calls a region, `inspect` those of
/// `Inspect` that must be written.
macro_rules! forward {
    (calls $self:ident => $heap:expr, $during:expr) => {
        fn allocate(&$self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            let _during = $during;
            $heap.allocate(layout)
        }

        unsafe fn deallocate(&$self, block: NonNull<u8>, layout: Layout) {
            let _during = $during;
            // SAFETY: the caller upholds the contract.
            unsafe { $heap.deallocate(block, layout) }
        }

        unsafe fn resize_in_place(
            &$self,
            block: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            let _during = $during;
            // SAFETY: the caller upholds the contract.
            unsafe { $heap.resize_in_place(block, old, new) }
        }

        fn allocate_raw(&$self, layout: Layout) -> Result<RawBlock, AllocError> {
            let _during = $during;
            $heap.allocate_raw(layout)
        }

        fn allocate_zeroed(&$self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            let _during = $during;
            $heap.allocate_zeroed(layout)
        }

        fn init(&$self) -> Result<(), InitError> {
            let _during = $during;
            $heap.init()
        }

        fn trim(&$self) {
            let _during = $during;
            $heap.trim();
        }

        fn permits(&$self, block: NonNull<u8>, layout: Layout) -> bool {
            let _during = $during;
            $heap.permits(block, layout)
        }

        unsafe fn grow(&$self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
            let _during = $during;
            // SAFETY: the caller upholds the contract.
            unsafe { $heap.grow(block, old, new) }
        }

        unsafe fn grow_zeroed(
            &$self,
            block: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            let _during = $during;
            // SAFETY: the caller upholds the contract.
            unsafe { $heap.grow_zeroed(block, old, new) }
        }

        unsafe fn shrink(&$self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
            let _during = $during;
            // SAFETY: the caller upholds the contract.
            unsafe { $heap.shrink(block, old, new) }
        }
    };
    (growth $self:ident => $heap:expr, $during:expr) => {
        fn allocate_within(&$self, layout: Layout) -> Result<RawBlock, AllocError> {
            let _during = $during;
            $heap.allocate_within(layout)
        }

        fn begin_growth(&$self, layout: Layout) -> Result<Growth, RegionError> {
            let _during = $during;
            $heap.begin_growth(layout)
        }

        fn end_growth(&$self, grown: Grown) -> Result<(), RegionError> {
            let _during = $during;
            $heap.end_growth(grown)
        }

        fn count_failure(&$self) {
            let _during = $during;
            $heap.count_failure();
        }

        fn begin_claim(&$self) -> Result<Option<Growth>, InitError> {
            let _during = $during;
            $heap.begin_claim()
        }
    };
    (inspect $self:ident => $heap:expr, $during:expr) => {
        fn owns(&$self, pointer: NonNull<u8>) -> bool {
            let _during = $during;
            $heap.owns(pointer)
        }

        fn stats(&$self) -> Stats {
            let _during = $during;
            $heap.stats()
        }

        fn next_run(&$self, from: usize) -> Option<Run> {
            let _during = $during;
            $heap.next_run(from)
        }

        fn verify(&$self) -> Result<(), Corruption> {
            let _during = $during;
            $heap.verify()
        }
    };
}

pub(crate) use forward;
