//! The bumps, each with the least that makes its methods those of the cases. All have their memory ahead.

/// So many bytes are at hand.
const ROOM: usize = 64 << 10;

/// Emits kalloc's bump with the settings of that name.
macro_rules! kalloc {
    ($run:ident, $settings:ident) => {
        pub(crate) mod $run {
            use core::alloc::Layout;
            use core::hint::black_box;
            use core::ptr::NonNull;

            use allocator_api2_02::alloc::Allocator;
            use allocator_api2_02::vec::Vec;
            use kalloc_bump::Arena;
            use kalloc_traits::CarvedRegion;
            use kalloc_traits::glue::global::GlobalHeap;

            use crate::cases::*;

            type Bump = kalloc_bump::Bump<CarvedRegion<GlobalHeap<std::alloc::System>>, kalloc_bump::$settings>;

            fn fresh() -> Bump {
                let bump = Bump::with_settings(CarvedRegion::new(
                    GlobalHeap(std::alloc::System),
                    layout(super::ROOM, 16),
                ));
                bump.init().expect("std has memory");
                bump
            }

            #[inline(always)]
            fn alloc<T>(bump: &Bump, value: T) -> Option<&T> {
                Some(bump.try_alloc(value).ok()?.leak())
            }

            #[inline(always)]
            fn alloc_slice<'a, T: Copy>(bump: &'a Bump, values: &[T]) -> Option<&'a [T]> {
                Some(bump.try_alloc_slice_copy(values).ok()?.leak())
            }

            #[inline(always)]
            fn alloc_str<'a>(bump: &'a Bump, text: &str) -> Option<&'a str> {
                Some(bump.try_alloc_str(text).ok()?.leak())
            }

            #[inline(always)]
            fn alloc_try_with<T, E>(bump: &Bump, make: impl FnOnce() -> Result<T, E>) -> Option<Result<&T, E>> {
                Some(bump.try_alloc_try_with(make).ok()?.map(|value| &*value.leak()))
            }

            #[inline(always)]
            fn allocator(bump: &Bump) -> impl Allocator + '_ {
                bump
            }

            cases!(run);
        }
    };
}

/// Emits bump-scope's bump, upwards or not.
macro_rules! bump_scope {
    ($run:ident, $is_up:literal) => {
        pub(crate) mod $run {
            use core::alloc::Layout;
            use core::hint::black_box;
            use core::ptr::NonNull;

            use allocator_api2_02::alloc::Allocator;
            use allocator_api2_02::vec::Vec;
            use bump_scope::alloc::Global;
            use bump_scope::alloc::compat::AllocatorApi2V02Compat;
            use bump_scope::settings::BumpSettings;

            use crate::cases::*;

            type Bump = bump_scope::Bump<Global, BumpSettings<1, $is_up>>;

            fn fresh() -> Bump {
                Bump::with_size(super::ROOM)
            }

            #[inline(always)]
            fn alloc<T>(bump: &Bump, value: T) -> Option<&T> {
                Some(bump_scope::BumpBox::leak(bump.try_alloc(value).ok()?))
            }

            #[inline(always)]
            fn alloc_slice<'a, T: Copy>(bump: &'a Bump, values: &[T]) -> Option<&'a [T]> {
                Some(bump_scope::BumpBox::leak(bump.try_alloc_slice_copy(values).ok()?))
            }

            #[inline(always)]
            fn alloc_str<'a>(bump: &'a Bump, text: &str) -> Option<&'a str> {
                Some(bump_scope::BumpBox::leak(bump.try_alloc_str(text).ok()?))
            }

            #[inline(always)]
            fn alloc_try_with<T, E>(bump: &Bump, make: impl FnOnce() -> Result<T, E>) -> Option<Result<&T, E>> {
                let made = bump.try_alloc_try_with(make).ok()?;
                Some(made.map(|value| &*bump_scope::BumpBox::leak(value)))
            }

            #[inline(always)]
            fn allocator(bump: &Bump) -> impl Allocator + '_ {
                AllocatorApi2V02Compat(bump)
            }

            cases!(run);
        }
    };
}

kalloc!(kalloc_up, Standard);
kalloc!(kalloc_down, Downward);
kalloc!(lean_up, Lean);
kalloc!(lean_down, LeanDownward);
bump_scope!(scope_up, true);
bump_scope!(scope_down, false);

pub(crate) mod bumpalo {
    use core::alloc::Layout;
    use core::hint::black_box;
    use core::ptr::NonNull;

    use ::bumpalo::{AllocOrInitError, Bump};
    use allocator_api2_02::alloc::Allocator;
    use allocator_api2_02::vec::Vec;

    use crate::cases::*;

    fn fresh() -> Bump {
        Bump::with_capacity(super::ROOM)
    }

    #[inline(always)]
    fn alloc<T>(bump: &Bump, value: T) -> Option<&T> {
        Some(bump.try_alloc(value).ok()?)
    }

    #[inline(always)]
    fn alloc_slice<'a, T: Copy>(bump: &'a Bump, values: &[T]) -> Option<&'a [T]> {
        Some(bump.try_alloc_slice_copy(values).ok()?)
    }

    #[inline(always)]
    fn alloc_str<'a>(bump: &'a Bump, text: &str) -> Option<&'a str> {
        Some(bump.try_alloc_str(text).ok()?)
    }

    #[inline(always)]
    fn alloc_try_with<T, E>(bump: &Bump, make: impl FnOnce() -> Result<T, E>) -> Option<Result<&T, E>> {
        match bump.try_alloc_try_with(make) {
            Ok(value) => Some(Ok(value)),
            Err(AllocOrInitError::Init(error)) => Some(Err(error)),
            Err(AllocOrInitError::Alloc(_)) => None,
        }
    }

    #[inline(always)]
    fn allocator(bump: &Bump) -> impl Allocator + '_ {
        bump
    }

    cases!(run);
}
