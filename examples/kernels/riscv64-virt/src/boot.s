# From reset to Rust. All harts start at the first byte of RAM, in machine mode, without a stack, interrupts off.

    .section .text.boot, "ax"
    .globl _start
_start:
    csrr    t0, mhartid             # One hart goes on, the others sleep.
    bnez    t0, sleep

    la      t0, on_exception        # From here on a fault ends the kernel with words, instead of silently.
    csrw    mtvec, t0

    li      t0, 0x6000              # mstatus.FS: the target's code may use floating-point registers.
    csrs    mstatus, t0

    la      t0, __stack_guard       # The page below the stack is nobody's, not even ours: PMP entry 0,
    srli    t0, t0, 2               # a power of two of 4096 bytes, without any right, locked,
    ori     t0, t0, 0x1ff           # so that it holds in machine mode too.
    csrw    pmpaddr0, t0
    li      t0, 0x98
    csrw    pmpcfg0, t0

    la      sp, __stack_end

    la      t0, __bss_start         # Rust expects its zeroed statics to be zero.
    la      t1, __bss_end
1:  bgeu    t0, t1, 2f
    sd      zero, 0(t0)
    addi    t0, t0, 8
    j       1b

2:  call    kernel_main             # It does not return.

sleep:
    wfi
    j       sleep

# An exception. We never go back, so nothing is saved, and the stack begins anew: the old one may be what overflowed.
    .balign 4
on_exception:
    csrr    a0, mcause
    csrr    a1, mepc
    csrr    a2, mtval
    la      sp, __stack_end
    call    kernel_exception
