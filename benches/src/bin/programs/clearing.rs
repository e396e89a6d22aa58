//! `memset` and `memcpy`, so that clearing and copying count the same on every machine.
//!
//! libc chooses among several by the processor that it finds, so with libc's the counts would differ from one machine to the
//! next. These take the place of libc's in this program: eight bytes count as one instruction.
//!
//! As assembly they are neither inlined nor taken for what they replace.

core::arch::global_asm!(
    ".globl memset",
    ".type memset, @function",
    "memset:",
    "mov r8, rdi",
    "movzx eax, sil",
    "mov r9, 0x0101010101010101",
    "imul rax, r9",
    "mov rcx, rdx",
    "shr rcx, 3",
    "rep stosq",
    "mov ecx, edx",
    "and ecx, 7",
    "rep stosb",
    "mov rax, r8",
    "ret",
    ".size memset, . - memset",
    ".globl memcpy",
    ".type memcpy, @function",
    "memcpy:",
    "mov rax, rdi",
    "mov rcx, rdx",
    "shr rcx, 3",
    "rep movsq",
    "mov ecx, edx",
    "and ecx, 7",
    "rep movsb",
    "ret",
    ".size memcpy, . - memcpy",
);
