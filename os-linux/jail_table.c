/* SPDX-License-Identifier: MIT */
/*
 * jail_table.c: the calls of the kernel process after its start. jail.h says what a row
 * means.
 */
#include "os-linux/jail.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* clang-format off */
#define VALUES(...) .n = sizeof((uint32_t[]){ __VA_ARGS__ }) / 4, .value = { __VA_ARGS__ }
#define IS(number, ...) { .arg = (number), .mask = ~0U, VALUES(__VA_ARGS__) }
#define NONE_OF(number, bits) { .arg = (number), .mask = (bits), VALUES(0) }
#define MASKED(number, bits, ...) { .arg = (number), .mask = (bits), VALUES(__VA_ARGS__) }

#define CALL(call, what, say, reason) \
	.name = #call, .nr = SYS_##call, .action = (what), .rule = (say), .why = (reason)
#define ROW(call, reason) { CALL(call, JAIL_ALLOW, "", reason) }
#define CHECKED(call, say, reason, ...) \
	{ CALL(call, JAIL_ALLOW, say, reason), .check = { __VA_ARGS__ } }
#define ABSENT(call, reason) { CALL(call, JAIL_ABSENT, "", reason) }

#define THREAD \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | \
		CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#define FUTEX_KIND (~(uint32_t)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME))
#define JAIL_MADV_COLLAPSE 25 /* Linux 6.1 */

const struct jail_row jail_table[] = {
	CHECKED(futex, "wait, wake, requeue", "hand-offs, idle vCPUs, locks of libc",
		MASKED(1, FUTEX_KIND, FUTEX_WAIT, FUTEX_WAKE, FUTEX_CMP_REQUEUE, FUTEX_WAIT_BITSET,
			FUTEX_WAKE_BITSET)),
	CHECKED(mmap, "never PROT_EXEC", "guest memory, stacks", NONE_OF(2, PROT_EXEC)),
	CHECKED(mprotect, "never PROT_EXEC", "guest memory, guards of stacks",
		NONE_OF(2, PROT_EXEC)),
	CHECKED(mremap, "where it is, or anywhere", "the heap",
		NONE_OF(3, ~(uint32_t)MREMAP_MAYMOVE)),
	CHECKED(ioctl, "size and modes of terminals", "consoles",
		IS(1, TIOCGWINSZ, TCGETS, TCGETS2, TCSETS, TCSETSW, TCSETSF, TCSETS2, TCSETSW2,
			TCSETSF2, TCFLSH, FIONREAD, FIONBIO)),
	CHECKED(fcntl, "flags", "consoles, nestctl exec",
		IS(1, F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC)),
	CHECKED(prctl, "PR_SET_NAME", "names of workers", IS(0, PR_SET_NAME)),
	CHECKED(clone, "the flags of a thread", "workers of disks", IS(0, THREAD)),
	CHECKED(sched_setaffinity, "the calling thread", "vCPUs and workers", IS(0, 0)),
	CHECKED(kill, "SIGSTOP to itself", "Ctrl-Z at the console",
		IS(0, JAIL_SELF), IS(1, SIGSTOP)),
	CHECKED(tgkill, "SIGABRT to itself", "core=on", IS(0, JAIL_SELF), IS(2, SIGABRT)),
	CHECKED(madvise, "none that breaks memory", "large pages, cores",
		IS(2, MADV_DONTNEED, MADV_REMOVE, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
			MADV_DONTDUMP, MADV_DODUMP, MADV_WILLNEED, MADV_POPULATE_READ,
			MADV_POPULATE_WRITE, JAIL_MADV_COLLAPSE)),

	ROW(clock_gettime, "clocks, CPU time of runners"),
	ROW(clock_nanosleep, "pauses"),
	ROW(sched_yield, "hand-offs"),
	ROW(epoll_pwait2, "idle vCPUs sleep in it"),
	ROW(epoll_pwait, "hosts without epoll_pwait2"),
	ROW(epoll_ctl, "interrupts of devices"),
	ROW(poll, "output that waits, death of a runner"),
	ROW(read, "events, terminals"),
	ROW(write, "events, terminals, standard error"),
	ROW(pread64, "disks, files of /proc that are open"),
	ROW(pwrite64, "disks"),
	ROW(preadv, "disks, tap devices"),
	ROW(preadv2, "disks"),
	ROW(pwritev, "disks, tap devices"),
	ROW(pwritev2, "disks"),
	ROW(readv, "cards"),
	ROW(writev, "cards, messages of libc"),
	ROW(io_submit, "disks"),
	ROW(io_getevents, "disks"),
	ROW(io_cancel, "disks"),
	ROW(lseek, "holes of memory and disks"),
	ROW(fallocate, "memory and disk blocks given back"),
	ROW(fdatasync, "flushes of disks"),
	ROW(fsync, "flushes of disks"),
	ROW(ftruncate, "copy-on-write layers grow"),
	ROW(fstat, "sizes of disks"),
	ROW(recvmsg, "management console"),
	ROW(recvmmsg, "frames of cards"),
	ROW(recvfrom, "answers of the zygote, consoles"),
	ROW(sendmsg, "requests to the zygote"),
	ROW(sendmmsg, "frames of cards"),
	ROW(sendto, "answers of the management console"),
	ROW(accept4, "consoles that nestctl attaches to"),
	ROW(shutdown, "consoles that end"),
	ROW(close, "descriptors that are done with"),
	ROW(munmap, "stacks, guest memory"),
	ROW(mincore, "memory that the host backs"),
	ROW(brk, "the heap"),
	ROW(getrandom, "random numbers"),
	ROW(gettid, "messages"),
	ROW(getpid, "messages"),
	ROW(sched_getaffinity, "the number of CPUs"),
	ROW(rt_sigprocmask, "threads start"),
	ROW(rt_sigreturn, "faults of the kernel that are mended"),
	ROW(rt_sigtimedwait, "the thread that takes signals"),
	ROW(restart_syscall, "after Ctrl-Z"),
	ROW(rseq, "threads start"),
	ROW(set_robust_list, "threads start"),
	ROW(wait4, "the end of children"),
	ROW(exit, "threads end"),
	ROW(exit_group, "the end"),

	ABSENT(clone3, "its flags cannot be seen"),
};
/* clang-format on */
const size_t jail_rows = sizeof(jail_table) / sizeof(jail_table[0]);
