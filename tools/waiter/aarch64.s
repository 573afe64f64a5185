// SPDX-FileCopyrightText: 2026 The podwright authors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The same as x86_64.s.

        .globl  _start
_start:
        mov     x19, sp                 // argc, then argv, a zero, the environment
        mov     x0, #15                 // PR_SET_NAME
        ldr     x1, [x19, #8]           // argv[0]
        mov     x8, #167                // prctl
        svc     #0
wait:
        adr     x0, signals
        mov     x1, #0                  // no siginfo
        mov     x2, #0                  // no time limit
        mov     x3, #8                  // size of a set of signals
        mov     x8, #137                // rt_sigtimedwait
        svc     #0
        cmp     x0, #0
        b.le    wait                    // EINTR: stopped and continued
        ldr     x4, [x19]
        ldr     x5, [x19, x4, lsl #3]   // argv[argc - 1]
        mov     x6, #10
        udiv    x7, x0, x6
        msub    x0, x7, x6, x0
        add     w7, w7, #48
        add     w0, w0, #48
        strb    w7, [x5]
        strb    w0, [x5, #1]
        add     x2, x19, x4, lsl #3
        add     x2, x2, #16             // environment
        ldr     x0, [x19, #16]          // argv[1]
        add     x1, x19, #16
        mov     x8, #221                // execve
        svc     #0
        mov     x0, #254                // there is no such program any more
        mov     x8, #94                 // exit_group
        svc     #0
signals:
