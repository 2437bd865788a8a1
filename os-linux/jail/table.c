/* SPDX-License-Identifier: MIT */
/* table.c: the calls that the kernel process may make after its start. jail.h explains the rows. */
#include "os-linux/jail/rows.h"

#include <asm/ioctls.h>
#include <asm/ptrace-abi.h>
#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/if_tun.h>
#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* clang-format off */
#define HOSTFS(call, say, reason, ...) \
	{ CALL(call, JAIL_ALLOW, say, reason), .profile = JAIL_HOSTFS, .check = { __VA_ARGS__ } }
#define TRACE(call, reason) { CALL(call, JAIL_ALLOW, "", reason), .profile = JAIL_TRACE }
/* a descriptor, not AT_FDCWD; Landlock restricts the paths beside it */
#define DESCRIPTOR(number) NONE_OF(number, 0x80000000)
#define ASK(call, reason) { CALL(call, JAIL_ASK, "what is granted", reason) }
/* a descriptor number of packets.c */
#define PACKET_SOCKET(number) MASKED(number, PACKETS_MASK, JAIL_PACKETS)
#define OWN(call, reason) { CALL(call, JAIL_ASK, "for itself", reason) }
#define REFUSED(call, say, reason, ...) \
	{ CALL(call, JAIL_ABSENT, say, reason), .check = { __VA_ARGS__ } }
#define ABSENT(call, reason) { CALL(call, JAIL_ABSENT, "", reason) }

#define THREAD \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | \
		CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#define FUTEX_KIND (~(uint32_t)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME))
#define JAIL_PTRACE_SYSEMU 31         /* in no UAPI header of x86-64 */
#define JAIL_MADV_COLLAPSE 25         /* Linux 6.1 */
#define JAIL_PAGEMAP_SCAN 0xc0606610U /* Linux 6.7 */
#define JAIL_UFFDIO_REGISTER 0xc020aa00U
#define JAIL_UFFDIO_UNREGISTER 0x8010aa01U

const struct jail_row jail_table[] = {
	CHECKED(futex, "wait, wake, requeue", "hand-offs, idle vCPUs, pauses, locks",
		MASKED(1, FUTEX_KIND, FUTEX_WAIT, FUTEX_WAKE, FUTEX_CMP_REQUEUE, FUTEX_WAIT_BITSET,
			FUTEX_WAKE_BITSET)),
	CHECKED(mmap, "never PROT_EXEC", "guest memory, stacks", NONE_OF(2, PROT_EXEC)),
	CHECKED(mprotect, "never PROT_EXEC", "guest memory, guards of stacks",
		NONE_OF(2, PROT_EXEC)),
	CHECKED(ioctl, "size and modes of terminals", "consoles",
		IS(1, TIOCGWINSZ, TIOCSWINSZ, TIOCGPGRP, TIOCGDEV,
			TCGETS, TCGETS2, TCSETS, TCSETSW, TCSETSF, TCSETS2, TCSETSW2,
			TCSETSF2, TCFLSH, FIONREAD, FIONBIO)),
	CHECKED(ioctl, "size and holes of files, copies", "disks",
		IS(1, (uint32_t)BLKGETSIZE64, BLKSSZGET, BLKPBSZGET, BLKROGET,
			BLKDISCARD, BLKZEROOUT,
			(uint32_t)FICLONE, (uint32_t)FICLONERANGE)),
	CHECKED(ioctl, "pages that were written", "rollbacks in place", IS(1, JAIL_PAGEMAP_SCAN)),
	CHECKED(ioctl, "notes of writes", "saves of a large memory",
		IS(1, JAIL_UFFDIO_REGISTER, JAIL_UFFDIO_UNREGISTER)),
	CHECKED(ioctl, "queues of tap devices", "cards",
		IS(1, (uint32_t)TUNGETIFF, (uint32_t)TUNSETQUEUE, (uint32_t)TUNSETOFFLOAD,
			(uint32_t)TUNSETVNETHDRSZ, (uint32_t)TUNGETFEATURES)),
	CHECKED(fcntl, "flags", "consoles, nestctl exec",
		IS(1, F_GETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC, F_OFD_GETLK, F_OFD_SETLK,
			F_ADD_SEALS, F_GET_SEALS)),
	/* by O_ASYNC a terminal sends signals to the processes in its foreground */
	CHECKED(fcntl, "flags, but O_ASYNC", "consoles, nestctl exec", IS(1, F_SETFL),
		NONE_OF(2, O_ASYNC)),
	CHECKED(prctl, "name, slack of timers", "threads start",
		IS(0, PR_SET_NAME, PR_SET_TIMERSLACK)),
	{ CALL(tgkill, JAIL_ALLOW, "SIGUSR1, SIGKILL", "kicks, ends; Landlock: children only"),
		.profile = JAIL_SCOPED, .check = { IS(2, SIGUSR1, SIGKILL) } },
	CHECKED(sendmmsg, "no address counts (packets.c)", "frames of cards, descriptors for the zygote",
		PACKET_SOCKET(0)),
	REFUSED(close, "of these", "no other socket gets their numbers", PACKET_SOCKET(0)),
	CHECKED(dup3, "one of these", "a card whose other side has gone", PACKET_SOCKET(0)),
	REFUSED(dup3, "another, to one of these", "no other socket gets their numbers",
		PACKET_SOCKET(1)),
	CHECKED(sched_setaffinity, "the calling thread", "vCPUs and workers", IS(0, 0)),
	CHECKED(clone, "the flags of a thread", "workers of disks", IS(0, THREAD)),
	CHECKED(tgkill, "four signals to itself", "core=on, nestctl perf, a restart, Ctrl-Z",
		IS(0, JAIL_SELF), IS(2, SIGABRT, SIGPROF, SIGURG, SIGSTOP)),
	CHECKED(madvise, "none that breaks memory", "large pages, cores",
		IS(2, MADV_RANDOM, MADV_DONTNEED, MADV_REMOVE, MADV_FREE, MADV_HUGEPAGE,
			MADV_NOHUGEPAGE,
			MADV_DONTDUMP, MADV_DODUMP, MADV_WILLNEED, MADV_POPULATE_READ,
			MADV_POPULATE_WRITE, JAIL_MADV_COLLAPSE)),

	HOSTFS(openat, "beneath a folder", "hostfs", DESCRIPTOR(0)),
	HOSTFS(openat2, "beneath a folder", "hostfs", DESCRIPTOR(0)),
	HOSTFS(statx, "beneath a folder", "hostfs", DESCRIPTOR(0)),
	HOSTFS(readlinkat, "beneath a folder", "hostfs", DESCRIPTOR(0)),
	HOSTFS(mkdirat, "beneath a folder", "hostfs", DESCRIPTOR(0)),
	HOSTFS(mknodat, "beneath a folder", "hostfs", DESCRIPTOR(0)),
	HOSTFS(unlinkat, "beneath a folder", "hostfs", DESCRIPTOR(0)),
	HOSTFS(symlinkat, "beneath a folder", "hostfs", DESCRIPTOR(1)),
	HOSTFS(linkat, "beneath a folder", "hostfs", DESCRIPTOR(0), DESCRIPTOR(2)),
	HOSTFS(renameat, "beneath a folder", "hostfs", DESCRIPTOR(0), DESCRIPTOR(2)),
	HOSTFS(renameat2, "beneath a folder", "hostfs", DESCRIPTOR(0), DESCRIPTOR(2)),
	HOSTFS(fcntl, "locks", "hostfs", IS(1, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_GETLK,
		F_SETLK, F_SETLKW)),
	HOSTFS(fstatfs, "", "hostfs", { 0 }),
	HOSTFS(flock, "", "hostfs", { 0 }),
	HOSTFS(syncfs, "", "hostfs", { 0 }),
	HOSTFS(fchmod, "", "hostfs", { 0 }),
	HOSTFS(fchown, "", "hostfs", { 0 }),
	HOSTFS(fsync, "", "hostfs", { 0 }),
	/* no request that begins to trace: the broker checks which process that would be */
	{ CALL(ptrace, JAIL_ALLOW, "of what it traces", "system calls of the guest"),
		.profile = JAIL_TRACE,
		.check = { IS(0, PTRACE_PEEKUSR, PTRACE_POKEUSR, PTRACE_GETREGS, PTRACE_SETREGS,
			PTRACE_GETFPREGS, PTRACE_SETFPREGS, PTRACE_DETACH, JAIL_PTRACE_SYSEMU,
			PTRACE_GETREGSET, PTRACE_SETREGSET, PTRACE_INTERRUPT, PTRACE_LISTEN,
			PTRACE_GET_SYSCALL_INFO) } },
	TRACE(timer_create, "system calls of the guest"),
	TRACE(timer_settime, "system calls of the guest"),
	TRACE(rt_sigaction, "system calls of the guest"),
	TRACE(wait4, "system calls of the guest"),
	{ CALL(epoll_wait, JAIL_ALLOW, "", "idle vCPUs: no epoll_pwait2, before Linux 5.11"),
		.profile = JAIL_OLD },

	ROW(clock_gettime, "clocks, CPU time of runners"),
	ROW(sched_yield, "hand-offs"),
	ROW(epoll_pwait2, "idle vCPUs sleep in it"),
	ROW(epoll_ctl, "interrupts of devices"),
	ROW(poll, "output that waits, death of a runner"),
	ROW(read, "events, terminals"),
	ROW(write, "events, terminals, standard error, requests to the zygote, consoles"),
	ROW(preadv2, "disks, tap devices, files of /proc that are open"),
	ROW(pwritev2, "disks, frames of cards"),
	ROW(io_submit, "disks"),
	ROW(io_destroy, "disks"),
	ROW(copy_file_range, "copies of layers"),
	ROW(timerfd_settime, "snapshots"),
	ROW(lseek, "holes of memory and disks"),
	ROW(fallocate, "memory and disk blocks given back"),
	ROW(fdatasync, "flushes of disks"),
	ROW(ftruncate, "copy-on-write layers grow"),
	ROW(fstat, "sizes of disks"),
	ROW(getdents64, "hostfs, its own threads at a restart"),
	ROW(recvmmsg, "frames of cards, answers of the zygote, consoles"),
	ROW(accept4, "consoles that nestctl attaches to"),
	ROW(getsockopt, "kinds of descriptors, a peer's user"),
	ROW(close, "descriptors that are done with"),
	ROW(dup3, "a card whose other side has gone"),
	ROW(munmap, "stacks, guest memory"),
	ROW(mincore, "memory that the host backs"),
	ROW(brk, "the heap"),
	ROW(getrandom, "random numbers"),
	ROW(rt_sigprocmask, "threads start"),
	ROW(rt_sigreturn, "faults of the kernel that are mended"),
	ROW(rt_sigtimedwait, "the thread that takes signals"),
	ROW(restart_syscall, "after Ctrl-Z"),
	ROW(rseq, "threads start"),
	ROW(sigaltstack, "threads start"),
	ROW(waitid, "the end of children"),
	ROW(io_setup, "disks"),
	{ .name = "cachestat", .nr = 451, .action = JAIL_ALLOW, .rule = "", .why = "disks" },
	ROW(exit, "threads end"),
	ROW(exit_group, "the end"),

	ABSENT(clone3, "its flags cannot be seen"),
	ABSENT(mremap, "libc copies what grows"),
	ABSENT(set_robust_list, "threads do without"),
	ABSENT(setsockopt, "room of sockets that are handed over"),

	ASK(sched_setaffinity, "spaces"),
	ASK(sched_setscheduler, "spaces"),
	ASK(sched_setattr, "vCPUs that start"),
	ASK(ptrace, "debug registers of spaces"),
	{ CALL(ptrace, JAIL_ASK, "its children", "with seccomp=off: spaces that start") },
	ASK(tgkill, "spaces, on hosts whose Landlock knows no signals"),
	OWN(getpid, "names, messages"),
	OWN(gettid, "messages"),
	OWN(getpgrp, "consoles on a terminal"),
	OWN(geteuid, "consoles that nestctl attaches to, hostfs"),
	OWN(getegid, "hostfs"),
	OWN(sched_getaffinity, "the number of CPUs"),
	OWN(sched_getattr, "vCPUs that start"),
	OWN(prlimit64, "limits of descriptors"),
	OWN(memfd_create, "copies of memory, the memory of a reset server"),
	OWN(eventfd2, "disks, consoles"),
	OWN(timerfd_create, "snapshots"),
	{ CALL(pidfd_open, JAIL_ASK, "its children", "the end of a space") },
	ASK(openat, "disks, consoles, states; tables in /proc"),
	ASK(newfstatat, "the same; sizes of descriptors"),
	ASK(statx, "when layers were made"),
	ASK(access, "the same"),
	ASK(faccessat2, "the same"),
	ASK(readlink, "states of disks"),
	ASK(getcwd, "disks named from here"),
	ASK(unlink, "the end: sockets of the instance's folder"),
	ASK(unlinkat, "states that are not whole"),
	ASK(rmdir, "the end: the instance's folder"),
	ASK(mkdir, "states"),
	ASK(rename, "layers that take a place"),
	ASK(renameat2, "the same"),
	ASK(linkat, "layers of states"),
	ASK(chmod, "hostfs; layers"),
	ASK(fchownat, "hostfs"),
	ASK(utimensat, "hostfs"),
	ASK(truncate, "hostfs"),
	ASK(getxattr, "hostfs"),
	ASK(setxattr, "hostfs"),
	ASK(listxattr, "hostfs"),
	ASK(removexattr, "hostfs"),
};
/* clang-format on */
const size_t jail_rows = sizeof(jail_table) / sizeof(jail_table[0]);
