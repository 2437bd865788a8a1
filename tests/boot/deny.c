/* SPDX-License-Identifier: MIT */
/*
 * deny.c: starts a program under a seccomp filter that refuses one system call: `deny CALL ERRNO
 * PROGRAM [ARGUMENT...]`. `deny high ...` refuses mappings at fixed addresses from 2^38 on with
 * ENOMEM, as a host with so few bits of addresses does. `deny --list` writes the calls: those that
 * libc itself needs before main() are not among them.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL(name)                                                                                 \
	{                                                                                          \
#name, SYS_##name                                                                  \
	}
static const struct {
	const char *name;
	unsigned nr;
} calls[] = {
	CALL(clone),
	CALL(clone3),
	CALL(vfork),
	CALL(close_range),
	CALL(ptrace),
	CALL(memfd_create),
	CALL(mmap),
	CALL(futex),
	CALL(prctl),
	CALL(process_vm_readv),
	CALL(mremap),
	CALL(newfstatat),
	CALL(fstat),
	CALL(pidfd_open),
	CALL(munmap),
	CALL(wait4),
	CALL(waitid),
	CALL(tgkill),
	CALL(kill),
	CALL(seccomp),
	CALL(execveat),
	CALL(socketpair),
	CALL(sendmsg),
	CALL(recvmsg),
	CALL(sendmmsg),
	CALL(recvmmsg),
	CALL(recvfrom),
	CALL(sendto),
	CALL(ftruncate),
	CALL(fallocate),
	CALL(madvise),
	CALL(mincore),
	CALL(fcntl),
	CALL(dup2),
	CALL(dup3),
	CALL(sigaltstack),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigtimedwait),
	CALL(rt_sigreturn),
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_pwait2),
	CALL(epoll_pwait),
	CALL(eventfd2),
	CALL(timer_create),
	CALL(timer_settime),
	CALL(timerfd_create),
	CALL(sched_getaffinity),
	CALL(sched_setaffinity),
	CALL(sched_setscheduler),
	CALL(sched_getattr),
	CALL(sched_yield),
	CALL(setrlimit),
	CALL(prlimit64),
	CALL(personality),
	CALL(umask),
	CALL(setitimer),
	CALL(modify_ldt),
	CALL(getrandom),
	CALL(pread64),
	CALL(pwrite64),
	CALL(preadv2),
	CALL(pwritev2),
	CALL(readlink),
	CALL(readlinkat),
	CALL(openat),
	CALL(lseek),
	CALL(ioctl),
	CALL(clock_gettime),
	CALL(clock_nanosleep),
	CALL(getpid),
	CALL(getppid),
	CALL(gettid),
	CALL(unshare),
	CALL(uname),
	CALL(rseq),
	CALL(set_robust_list),
	CALL(set_tid_address),
	CALL(brk),
	CALL(poll),
	CALL(mlock),
	CALL(fdatasync),
	CALL(setsid),
	CALL(socket),
	CALL(bind),
	CALL(listen),
	CALL(mkdir),
	CALL(getdents64),
};

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RET(what) BPF_STMT(BPF_RET | BPF_K, what)

static int install(struct sock_filter *insn, unsigned short n)
{
	struct sock_fprog prog = { n, insn };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static int deny(unsigned nr, unsigned err)
{
	struct sock_filter insn[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		RET(SECCOMP_RET_ERRNO | err),
		RET(SECCOMP_RET_ALLOW),
	};

	return install(insn, sizeof(insn) / sizeof(insn[0]));
}

/* The program's stack and libraries, at 2^46 and above, are mapped before the filter. */
static int deny_high(void)
{
	struct sock_filter insn[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]) + 4),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 1U << 6, 0, 1),
		RET(SECCOMP_RET_ERRNO | ENOMEM),
		RET(SECCOMP_RET_ALLOW),
	};

	return install(insn, sizeof(insn) / sizeof(insn[0]));
}

static int enter(const char *name, unsigned err)
{
	if (!strcmp(name, "high"))
		return deny_high();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(name, calls[i].name))
			return deny(calls[i].nr, err);
	return -1;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
			puts(calls[i].name);
		return 0;
	}
	if (argc < 4) {
		fprintf(stderr, "usage: deny CALL ERRNO PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	if (enter(argv[1], (unsigned)atoi(argv[2])))
		return 126;
	execv(argv[3], argv + 3);
	return 127;
}
