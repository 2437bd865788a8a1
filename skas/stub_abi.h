/* SPDX-License-Identifier: MIT */
/*
 * stub_abi.h: the layout and constants that the kernel and the stub share. Included by skas/, by
 * skas/stub/ (assembly too), by os-linux/space.c and by tests.
 *
 * The stub is the kernel's own code in the host processes of a space (stub/stub.S). skas.h explains
 * space, mapper, order, runner and turn; stub/zygote.c the zygote. A thunk is the code to which
 * a patched call site jumps (skas_patch_entry()).
 *
 * The stub window has STUB_WINDOW bytes at the top of what a guest may map. skas_init() chooses its
 * base at start, so the stub computes every address from its own rip:
 *
 *  base + STUB_TEXT       r-x   handlers, hand-off, mapper, runner set-up
 *       + STUB_RODATA     r--   seccomp filters (the kernel writes them into the image), byte table
 *       + STUB_ZTEXT      r-x   the zygote's code; each new mapper unmaps it
 *       + STUB_ZDATA      rw-   its data and stack; each new mapper unmaps them
 *       + STUB_ORDERS     r--   the order area of this space (mapped in spaces only)
 *       + STUB_VDSO             the host's vvar and vdso, moved here
 *       + STUB_SLOTS            one slot of SLOT_STRIDE bytes per vCPU; mapped when that vCPU
 *                               first runs the space:
 *           + SLOT_CTL    rw-   control page
 *           + SLOT_ALT    rw-   alt stack of the runner's handlers, up to the end of the slot
 *       + STUB_WORDS      r--   for each slot WORDS_SIZE bytes with one word for each space: the
 *                               futex on which that space's runner of that slot sleeps
 *
 * A handler finds its slot by rounding rsp down: the host chose that rsp, since each runner has its
 * own alt stack.
 *
 * The control file holds for each space (skas.ctl_stride bytes):
 *     + CTL_ORDERS   order area: read-only in the space; the kernel writes it, and the mapper and
 *                    the zygote do with pwrite(2) on ZFD_CTL
 *     + CTL_PRIVATE  struct space with its runners (internal.h): no space ever maps this
 *     + CTL_SLOT(i)  the SLOT_SIZE bytes of slot i, writable by the guest
 *
 * Writers:
 *    words          kernel
 *    order area     kernel; the mapper pwrites O_ACK, O_ERRNO and O_PID, from read-only memory; the
 *                   zygote pwrites O_ZPID
 *    control page   kernel while it has the turn (C_KNOWN and C_KWAIT: at any time), runner
 *                    otherwise, and a hostile guest at any time
 * So nothing in a control page is evidence: the kernel reads each word once and checks it.
 */
#ifndef NESTLING_STUB_ABI_H
#define NESTLING_STUB_ABI_H

/* ---- the window ---- */
#define STUB_WINDOW 0x800000
#define STUB_TEXT 0x0
#define STUB_TEXT_SIZE 0x10000
#define STUB_RODATA 0x10000
#define STUB_RODATA_SIZE 0x10000
#define STUB_ZTEXT 0x20000
#define STUB_ZDATA 0x30000
#define STUB_ZEND 0x40000
#define STUB_ORDERS 0x40000
#define STUB_VDSO 0x50000
#define STUB_VDSO_SIZE 0xb0000
#define STUB_SLOTS 0x100000
#define SLOT_SHIFT 16
#define SLOT_STRIDE 0x10000
#define SLOT_CTL 0x7000
#define SLOT_ALT 0x8000
#define SLOT_ALT_SIZE 0x8000
/* A runner without a signal frame has rsp this far below the end of the slot. */
#define ALT_TOP 64
#define SLOT_SIZE 0x9000 /* control page and alt stack, one mapping */
#define STUB_MAX_SLOTS 64
#define STUB_WORDS 0x500000
#define WORDS_SHIFT 15
#define WORDS_SIZE 0x8000 /* of a slot: one word for each space */

/* ---- one space in the control file ---- */
#define CTL_ORDERS 0x0
#define CTL_ORDERS_SIZE(ncpus)                                                                     \
	((O_FILTERS + (ncpus)*FILTER_RUNNER_SIZE + 0xfff) & ~0xfff) /* bytes that a space maps */
#define CTL_PRIVATE 0x9000
#define CTL_PRIVATE_SIZE 0x8000
#define CTL_FIRST_SLOT 0x11000
/*
 * Offset of the runners' words: in the first area of the file, which belongs to no space. Only the
 * kernel writes them.
 */
#define CTL_WORDS 0x10000
/* SLOT_SIZE bytes; SLOT_CTL is not added */
#define CTL_SLOT(i) (CTL_FIRST_SLOT + (i)*SLOT_STRIDE)

/* ---- order area ---- */
/* u32, futex of the mapper: number of the newest batch */
#define O_SEQ 0
#define O_COUNT 4 /* u32, orders in the batch */
/* u32, futex of the kernel: number of the last batch that was applied or failed */
#define O_ACK 8
/* u32, of which only the low byte is written: errno of the first order that failed, or 0 */
#define O_ERRNO 12
/* u32, pid of the runner that the batch has made */
#define O_PID 16
/* u32, pid of the zygote, every task's parent */
#define O_ZPID 20
#define O_FLAGS 24 /* u32, OF_* */
/* u32, offset of this space's word, equal in the WORDS_SIZE bytes of each slot (STUB_WORDS) */
#define O_WORD 28
/* u64, offset of this order area in the control file */
#define O_FILE 32
#define O_BATCH 64 /* the orders */
#define ORDER_SIZE 64
#define ORDER_MAX 120
#define O_STACKS 0x2000 /* stack_t of each slot */
#define STACK_T_SIZE 24
/*
 * For each slot the sock_fprog of its runner, and the instructions. EVT_HELLO is no evidence that a
 * runner has read its filter, so a slot's part may not be written while a runner of that slot
 * exists.
 */
#define O_FILTERS 0x2800
#define FILTER_RUNNER_SIZE 384
#define FILTER_PROG_SIZE 16
/* runners install their filter (the host has seccomp) */
#define OF_FILTER 1
/*
 * rdfsbase and its relatives work. Without this flag a guest can change fs base and gs base only by
 * a call or a selector.
 */
#define OF_FSGSBASE 2
/*
 * Set only without OF_FSGSBASE: the runner loads the bases by arch_prctl(2). With neither flag, the
 * kernel loads them by ptrace.
 */
#define OF_BASES 4

/* ---- an order: the mapper's seven registers ---- */
#define OR_NR 0
#define OR_RDI 8
#define OR_RSI 16
#define OR_RDX 24
/* with OR_R8 it can hold the user_desc of a modify_ldt order */
#define OR_R10 32
#define OR_R8 40
#define OR_R9 48

/*
 * ---- control page ----
 *
 * Grouped by cache lines, since lines move between two CPUs, which takes up to a hundred
 * instructions' time. A patched call writes the fourth line. Of the second and third line it writes
 * only what has changed since the last call, so these mostly stay in both caches, like the first.
 * The fifth is the runner's, except C_SEGS and C_BASES, which the kernel rarely writes. The
 * kernel's answer is in the fourth, and the kernel writes nothing else if only rax has changed.
 */
/* u32, rounds that the runner spins before it sleeps */
#define C_RSPIN 0
#define C_RSLEEP 4 /* u32, the runner sleeps or is about to */
/* address of the xsave area that EXIT_FRAME and EXIT_SWAP load */
#define C_FP 8
/* rsp of the waiting runner: below the frame with the FPU state */
#define C_FRSP 16
/* address of the xsave area for EXIT_SAVE and EXIT_SWAP; 0 once EXIT_SWAP has used it */
#define C_SAVE 24
/* u32, a patched call with this number saves the FPU state at C_CALLFP; ~0: no call does */
#define C_CALLNR 32
#define C_CALLFP 40 /* xsave area for C_CALLNR */
/* address of the ring from which ring_take (stub.S) may take events, or 0 */
#define C_RING 48
#define C_RPAUSE 56 /* u32, pauses in a round of spinning */
/*
 * u32, offset of another space's word in this slot's words (STUB_WORDS): the runner wakes the
 * sleeper on that word before it sleeps itself. 0: none
 */
#define C_PASS 60

#define C_FS 64
#define C_GS 72
#define C_R15 80
#define C_R14 88
#define C_R13 96
#define C_R12 104
#define C_RBP 112
#define C_RBX 120

#define C_R10 128
#define C_R9 136
#define C_R8 144
#define C_RSP 152
#define C_CS 160
#define C_SS 168
/* for EVT_CALL and EXIT_JUMP, rip and eflags are used in their place */
#define C_RCX 176
#define C_R11 184

#define C_RDI 192
#define C_RSI 200
#define C_RDX 208
#define C_RAX 216
#define C_RIP 224
#define C_EFLAGS 232
#define C_TURN 240  /* u32, the futex */
#define C_KWAIT 244 /* u32, the kernel sleeps or is about to */
/*
 * u32, EXIT_*: how the runner leaves. The runner sets it at a signal or call; the kernel may change
 * it before it gives the turn.
 */
#define C_EXIT 248
#define C_EV 252 /* u32, signal number or EVT_* */

/* The target of EXIT_JUMP, which the trampoline took from the thunk. */
#define C_JUMP 256
/* scratch of the trampoline: the guest's rbx, rsp and flags until they are saved */
#define C_OWNRBX 264
#define C_OWNRSP 272
#define C_OWNFLAGS 280
/* scratch of answer_take, for a call that goes to the kernel after all */
#define C_OWNRAX 288
#define C_OWNR11 296
/* u32, sched_yield()s that the stub still answers before the next one goes to the kernel */
#define C_YIELDS 304
/* u32, not 0: the next exit loads the selectors, unless it is EXIT_JUMP */
#define C_SEGS 308
/*
 * with OF_BASES: u32, BASE_*, the bases that the next exit loads, unless it is EXIT_JUMP; and u32,
 * the one that it is loading
 */
#define C_BASES 312
#define C_BASENOW 316
#define BASE_FS 1
#define BASE_GS 2

/* s32, si_code; for EVT_BROKEN the signal's number; at runner_exit the failed call's result */
#define C_CODE 320
#define C_TRAPNO 328
#define C_ERROR 336
#define C_CR2 344
#define C_SIADDR 352
/* si_syscall, with si_arch in the upper half */
#define C_SYS 360
/* address in the stub that an event interrupted; 0 for guest code */
#define C_STUBRIP 368
/* u16 each; saved only by a signal that interrupts guest code */
#define C_DS 376
#define C_ES 378
#define C_FSSEL 380
#define C_GSSEL 382

#define C_IRET 384 /* frame of iretq, five words */
#define IRET_SIZE 40
/* without OF_FSGSBASE: address of this page in the space */
#define C_SELF 424

/*
 * System calls that the stub answers. The kernel writes the answers while it has the turn, and
 * C_KNOWN at any time. The runner clears C_KNOWN if a kick interrupts a patched call's entry. Both
 * sides read these cache lines, which are rarely written.
 */
#define C_KNOWN 448 /* u32, KNOWN_* */
/* u32 for each call number below ANSWERS; NO_ANSWER: the call goes to the kernel */
#define C_ANSWERS 512
#define ANSWERS 187
#define NO_ANSWER 0xffffffff
/* C_ANSWERS are valid for the running thread */
#define KNOWN_SELF 1
#define KNOWN_YIELD 2 /* no task waits for this vCPU */
/* sched_yield()s that may be answered in a row */
#define YIELDS 1000

/*
 * How the runner leaves. EXIT_FRAME and EXIT_SWAP load the FPU state from C_FP; with the others it
 * is live in the runner's registers.
 */
#define EXIT_FRAME 0
/* loads the registers from the control page, by iretq */
#define EXIT_IRET 1
/* returns from a patched call that has changed only rax; rcx and r11 become rip and flags */
#define EXIT_JUMP 2
/* does not leave: saves the FPU state at C_SAVE and gives the turn back */
#define EXIT_SAVE 3
/* saves the FPU state at C_SAVE, then leaves as EXIT_FRAME: another task of this space runs */
#define EXIT_SWAP 4

/* ---- a ring of events, struct aio_ring (kernel/aio/aio.h) ---- */
#define RING_NR 4
#define RING_HEAD 8
#define RING_TAIL 12
#define RING_MAGIC_AT 16
#define RING_MAGIC 0xa10a10a1
#define RING_EVENTS 32
#define EVENT_SHIFT 5

/* ---- the record of a thunk, struct skas_thunk: r11 points to it ---- */
#define T_RET 0
#define T_RESUME 8
#define T_SYSCALL 16

/* also the value that the host writes when a runner dies (CLONE_CHILD_CLEARTID) */
#define TURN_KERNEL 0
#define TURN_RUN 1
/* the kernel keeps the turn; the runner shall stop spinning and sleep */
#define TURN_PARK 2

#define EVT_HELLO 1000 /* a new runner is ready */
/* a system call through a patched site; the FPU state stays in the registers */
#define EVT_CALL 1001
#define EVT_SAVED 1002      /* EXIT_SAVE is done */
#define EVT_CALL_SAVED 1003 /* EVT_CALL with the FPU state at C_FP */
/* a fault inside the stub that has no roll-forward */
#define EVT_BROKEN 2000

#define SIG_KICK 10   /* SIGUSR1 */
#define SIG_ORPHAN 12 /* SIGUSR2: the zygote's parent died */

/* ---- the mapper's filter, in the image at stub_filters ---- */
#define FILTER_PROG 0                  /* sock_fprog */
#define FILTER_MAPPER FILTER_PROG_SIZE /* instructions */
#define FILTERS_SIZE 0x400

/* ---- fds of the zygote and the mappers ---- */
#define ZFD_SOCKET 3
#define ZFD_CTL 5
#define ZFD_REGION 16 /* + region number */
#define MAX_REGIONS 16
#define ZFD_GUARD 48 /* + number of a guard; mappers close them */
#define NR_GUARDS 4
/* descriptors of a mapper are below this */
#define ZFD_END 64

/*
 * ---- zygote requests: struct zyg_msg, answered by one long ----
 *
 * These are the only requests. The zygote does not trust the kernel: it checks the numbers of
 * descriptors, sizes and processes. The requests of the set-up are refused with -EPERM after
 * ZYG_SEAL, and the filter no longer admits their calls. A request returns 0 unless its comment
 * names another result, or -errno. Addresses are of the zygote.
 */
/* Set-up. Returns the zygote's pid. */
#define ZYG_HELLO 1
/* Set-up. a[0]: PR_TSC_ENABLE or PR_TSC_SIGSEGV, inherited by all spaces. */
#define ZYG_TSC 2
/* Set-up. Moves the mapping at a[0], of a[1] bytes, to a[2]. Returns a[2]. */
#define ZYG_MOVE 3
/* Set-up. Unmaps a[1] bytes at a[0]. */
#define ZYG_UNMAP 4
/* Set-up. Maps a[1] bytes of ZFD_CTL, from offset a[2] on, read-only at a[0]. Returns a[0]. */
#define ZYG_WORDS 5
/* Ends the set-up, and installs the filter at stub_filters unless a[0] is 0. */
#define ZYG_SEAL 6
/* Forks a mapper. a[0]: offset of the order area, a[1]: its size. Returns the mapper's pid. */
#define ZYG_FORK 7
/* Waits for the child with pid a[0] to die, and reaps it. Returns its wait status. */
#define ZYG_REAP 8
/*
 * Installs the descriptor that is sent with the request (SCM_RIGHTS) as number a[0], which must be
 * ZFD_REGION + a region other than 0, or ZFD_GUARD + a number below NR_GUARDS.
 */
#define ZYG_FD 9
/*
 * Guards the terminal ZFD_GUARD + a[0]: with a[1] = 1, the zygote sets @data, a struct termios2, on
 * the terminal when the kernel has ended. With a[1] = 0 it forgets and closes the terminal.
 */
#define ZYG_GUARD 10

/* ---- exit codes of the stub's tasks: which step failed ---- */
#define ZEXIT_REQUEST 71  /* zygote: request too short */
#define ZEXIT_ORPHAN 72   /* parent is not the zygote (any more) */
#define ZEXIT_ORDERS 73   /* mapper: cannot map its order area */
#define ZEXIT_UNMAP 74    /* mapper: cannot unmap the zygote's part */
#define ZEXIT_DEATHSIG 75 /* runner: prctl(PR_SET_PDEATHSIG) */
/* runner: close_range, or unshare in its place */
#define ZEXIT_FILES 76
#define ZEXIT_STACK 77  /* runner: sigaltstack */
#define ZEXIT_FILTER 78 /* runner: seccomp */
#define ZEXIT_ACK 79    /* mapper: cannot write its acknowledgement */

#ifndef __ASSEMBLER__

#include <stdint.h>

/* The words C_* of the control page. */
struct ctl_page {
	uint32_t rspin, rsleep;
	uint64_t fp, frsp, save;
	uint32_t call_nr;
	uint64_t call_fp, ring;
	uint32_t rpause, pass;
	uint64_t fs_base, gs_base, r15, r14, r13, r12, rbp, rbx;
	uint64_t r10, r9, r8, rsp, cs, ss, rcx, r11;
	uint64_t rdi, rsi, rdx, rax, rip, eflags;
	uint32_t turn, kwait, exit, event;
	uint64_t jump, own_rbx, own_rsp, own_flags, own_rax, own_r11;
	uint32_t yields, segs, bases, base_now;
	int32_t code;
	uint64_t trapno, error, cr2, fault_addr, sys, stub_rip;
	uint16_t ds, es, fs, gs;
	uint64_t iret[5], self, pad3[2];
	uint32_t known, pad4[15];
	uint32_t answers[ANSWERS];
};

/* The words OR_* of an order. */
struct order {
	uint64_t nr, rdi, rsi, rdx, r10, r8, r9, pad;
};

/* The words O_* of the order area, up to the orders. */
struct order_area {
	uint32_t seq, count, ack, err, pid, zpid, flags, word;
	uint64_t file, pad2[3];
	struct order batch[ORDER_MAX];
};

struct zyg_msg {
	int64_t cmd, a[3]; /* ZYG_*, and its arguments */
	unsigned char data[48];
};

#define ABI_AT(s, m, off) _Static_assert(__builtin_offsetof(struct s, m) == (off), #m " moved")
ABI_AT(ctl_page, r15, C_R15);
ABI_AT(ctl_page, r14, C_R14);
ABI_AT(ctl_page, r13, C_R13);
ABI_AT(ctl_page, r12, C_R12);
ABI_AT(ctl_page, rbp, C_RBP);
ABI_AT(ctl_page, rbx, C_RBX);
ABI_AT(ctl_page, r10, C_R10);
ABI_AT(ctl_page, r9, C_R9);
ABI_AT(ctl_page, r8, C_R8);
ABI_AT(ctl_page, rsp, C_RSP);
ABI_AT(ctl_page, cs, C_CS);
ABI_AT(ctl_page, ss, C_SS);
ABI_AT(ctl_page, rcx, C_RCX);
ABI_AT(ctl_page, r11, C_R11);
ABI_AT(ctl_page, rdi, C_RDI);
ABI_AT(ctl_page, rsi, C_RSI);
ABI_AT(ctl_page, rdx, C_RDX);
ABI_AT(ctl_page, rax, C_RAX);
ABI_AT(ctl_page, rip, C_RIP);
ABI_AT(ctl_page, eflags, C_EFLAGS);
ABI_AT(ctl_page, kwait, C_KWAIT);
ABI_AT(ctl_page, rspin, C_RSPIN);
ABI_AT(ctl_page, fs_base, C_FS);
ABI_AT(ctl_page, gs_base, C_GS);
ABI_AT(ctl_page, fp, C_FP);
ABI_AT(ctl_page, frsp, C_FRSP);
ABI_AT(ctl_page, event, C_EV);
ABI_AT(ctl_page, trapno, C_TRAPNO);
ABI_AT(ctl_page, error, C_ERROR);
ABI_AT(ctl_page, cr2, C_CR2);
ABI_AT(ctl_page, fault_addr, C_SIADDR);
ABI_AT(ctl_page, sys, C_SYS);
ABI_AT(ctl_page, stub_rip, C_STUBRIP);
ABI_AT(ctl_page, ds, C_DS);
ABI_AT(ctl_page, gs, C_GSSEL);
ABI_AT(ctl_page, turn, C_TURN);
ABI_AT(ctl_page, rsleep, C_RSLEEP);
ABI_AT(ctl_page, exit, C_EXIT);
ABI_AT(ctl_page, jump, C_JUMP);
ABI_AT(ctl_page, own_rbx, C_OWNRBX);
ABI_AT(ctl_page, own_flags, C_OWNFLAGS);
ABI_AT(ctl_page, own_r11, C_OWNR11);
ABI_AT(ctl_page, yields, C_YIELDS);
ABI_AT(ctl_page, segs, C_SEGS);
ABI_AT(ctl_page, bases, C_BASES);
ABI_AT(ctl_page, base_now, C_BASENOW);
ABI_AT(ctl_page, code, C_CODE);
ABI_AT(ctl_page, iret, C_IRET);
ABI_AT(ctl_page, self, C_SELF);
ABI_AT(ctl_page, known, C_KNOWN);
ABI_AT(ctl_page, answers, C_ANSWERS);
ABI_AT(ctl_page, save, C_SAVE);
ABI_AT(ctl_page, call_nr, C_CALLNR);
ABI_AT(ctl_page, call_fp, C_CALLFP);
ABI_AT(ctl_page, ring, C_RING);
ABI_AT(ctl_page, rpause, C_RPAUSE);
ABI_AT(ctl_page, pass, C_PASS);
ABI_AT(order_area, seq, O_SEQ);
ABI_AT(order_area, ack, O_ACK);
ABI_AT(order_area, err, O_ERRNO);
ABI_AT(order_area, pid, O_PID);
ABI_AT(order_area, zpid, O_ZPID);
ABI_AT(order_area, flags, O_FLAGS);
ABI_AT(order_area, word, O_WORD);
ABI_AT(order_area, file, O_FILE);
ABI_AT(order_area, batch, O_BATCH);
_Static_assert(sizeof(struct ctl_page) <= 0x1000, "control page");
_Static_assert(sizeof(struct order) == ORDER_SIZE, "order");
_Static_assert(sizeof(struct order_area) <= O_STACKS, "orders overlap the stacks");
_Static_assert(O_STACKS + STUB_MAX_SLOTS * STACK_T_SIZE <= O_FILTERS, "stacks");
_Static_assert(CTL_ORDERS_SIZE(STUB_MAX_SLOTS) <= CTL_PRIVATE, "filters");
_Static_assert(CTL_PRIVATE + CTL_PRIVATE_SIZE <= CTL_FIRST_SLOT, "private");
_Static_assert(SLOT_CTL + 0x1000 == SLOT_ALT && SLOT_ALT + SLOT_ALT_SIZE == SLOT_STRIDE, "slot");
_Static_assert(STUB_SLOTS + STUB_MAX_SLOTS * SLOT_STRIDE <= STUB_WINDOW, "window");
_Static_assert(STUB_SLOTS + STUB_MAX_SLOTS * SLOT_STRIDE <= STUB_WORDS, "slots overlap the words");
_Static_assert(STUB_WORDS + STUB_MAX_SLOTS * WORDS_SIZE <= STUB_WINDOW, "words");

#endif
#endif
