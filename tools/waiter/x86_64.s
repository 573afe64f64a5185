# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A pod's parent while it has nothing to do (agent/podwright/kernel/waiter.py). Its arguments are
#   NAME PROGRAM [ARGUMENT...] 00
# It takes NAME as its name, waits until one of the blocked signals in `signals` is pending, writes its number over the two
# digits of the last argument, and executes PROGRAM with all arguments but its own name.

        .intel_syntax noprefix
        .globl  _start
_start:
        mov     r12, rsp                # argc, then argv, a zero, the environment
        push    15                      # PR_SET_NAME
        pop     rdi
        mov     rsi, [r12 + 8]          # argv[0]
        mov     eax, 157                # prctl
        syscall
wait:
        lea     rdi, [rip + signals]
        xor     esi, esi                # no siginfo
        xor     edx, edx                # no time limit
        push    8
        pop     r10                     # size of a set of signals
        mov     eax, 128                # rt_sigtimedwait
        syscall
        test    eax, eax
        jle     wait                    # EINTR: stopped and continued
        mov     rcx, [r12]
        mov     rdi, [r12 + rcx*8]      # argv[argc - 1]
        push    10
        pop     rsi
        cdq
        div     esi
        add     al, 48
        add     dl, 48
        mov     [rdi], al
        mov     [rdi + 1], dl
        lea     rdx, [r12 + rcx*8 + 16] # environment
        mov     rdi, [r12 + 16]         # argv[1]
        lea     rsi, [r12 + 16]
        push    59                      # execve
        pop     rax
        syscall
        mov     edi, 254                # there is no such program any more
        mov     eax, 231                # exit_group
        syscall
signals:
