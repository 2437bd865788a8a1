/* SPDX-License-Identifier: MIT */
/*
 * clone(2), clone3(2): what is shared by which flag, tid words, exit signals, refused combinations.
 */
#include "t.h"
#include <linux/sched.h>

static char stack[65536] __attribute__((aligned(16)));
static volatile int word;
static int tid_word;

static int child_vm(void *arg)
{
	word = 2;
	return 5;
}

static int child_files(void *arg)
{
	close(*(int *)arg);
	NEED(chdir("d"));
	return 0;
}

static int child_tids(void *arg)
{
	say("child: its tid is in the word: %d", tid_word == (int)syscall(SYS_gettid));
	return 0;
}

static void sharing(void)
{
	int fd = NEED(dup(1)), status;
	char a[PATH_MAX], b[PATH_MAX];
	pid_t pid;

	NEED(mkdir("d", 0755));
	word = 1;
	pid = NEED(clone(child_vm, stack + sizeof(stack), SIGCHLD, NULL));
	t_wait("private", pid);
	say("word %d", word);
	pid = NEED(clone(child_vm, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL));
	t_wait("CLONE_VM", pid);
	say("word %d", word);
	NEED(getcwd(a, sizeof(a)) ? 0 : -1);
	pid = NEED(clone(child_files, stack + sizeof(stack), SIGCHLD, &fd));
	t_wait("own files", pid);
	NEED(getcwd(b, sizeof(b)) ? 0 : -1);
	say("cwd same %d, fd open %d", !strcmp(a, b), fcntl(fd, F_GETFD) != -1);
	pid = NEED(
		clone(child_files, stack + sizeof(stack), CLONE_FILES | CLONE_FS | SIGCHLD, &fd));
	t_wait("CLONE_FILES and CLONE_FS", pid);
	NEED(getcwd(b, sizeof(b)) ? 0 : -1);
	say("cwd same %d, fd open %d", !strcmp(a, b), fcntl(fd, F_GETFD) != -1);
	NEED(chdir(".."));
	pid = NEED(clone(child_vm, stack + sizeof(stack), 0, NULL)); /* no signal */
	T(waitpid(pid, &status, 0));
	T(waitpid(pid, &status, __WCLONE) == pid);
	t_handle(SIGUSR1, SA_RESTART);
	pid = NEED(clone(child_vm, stack + sizeof(stack), SIGUSR1, NULL));
	T(waitpid(pid, &status, __WALL) == pid);
	say("its signal came: %d", t_signals);
}

static void tids(void)
{
	int parent_tid = 0;
	pid_t pid;

	pid = NEED(clone(child_tids, stack + sizeof(stack),
		CLONE_CHILD_SETTID | CLONE_PARENT_SETTID | SIGCHLD, NULL, &parent_tid, NULL,
		&tid_word));
	t_wait("child", pid);
	say("parent: %d, own word untouched: %d", parent_tid == pid, tid_word == 0);
	tid_word = 77;
	pid = NEED(clone(child_vm, stack + sizeof(stack), CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD,
		NULL, NULL, NULL, &tid_word));
	t_wait("child", pid);
	say("cleared: %d", tid_word);
}

static void parent_flag(void)
{
	int p[2];
	pid_t me = getpid(), pid = 0;

	NEED(pipe(p));
	CHILD({
		pid_t c = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

		if (!c)
			_exit(getppid() == me ? 4 : 5);
		write(p[1], &c, sizeof(c));
	});
	NEED(read(p[0], &pid, sizeof(pid)));
	t_wait("sibling", pid);
}

static void refused(void)
{
	T(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0));
	T(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0));
	T(syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0));
	T(syscall(SYS_clone, CLONE_FS | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0));
}

static long clone3(struct clone_args *a, size_t size)
{
	return syscall(SYS_clone3, a, size);
}

static void three(void)
{
	struct clone_args a = { .exit_signal = SIGCHLD };
	struct {
		struct clone_args a;
		uint64_t more;
	} big = { { .exit_signal = SIGCHLD }, 0 };
	int pidfd = -1;
	pid_t pid;

	pid = NEED(clone3(&a, sizeof(a)));
	if (!pid)
		_exit(9);
	t_wait("clone3", pid);
	{
		struct clone_args both = { .flags = CLONE_PIDFD | CLONE_PARENT_SETTID,
			.exit_signal = SIGCHLD };
		int word = 0;

		both.pidfd = both.parent_tid = (uint64_t)&word; /* one word for two numbers */
		T(clone3(&both, sizeof(both)));
	}
	a.flags = CLONE_PIDFD;
	a.pidfd = (uintptr_t)&pidfd;
	pid = NEED(clone3(&a, sizeof(a)));
	if (!pid)
		_exit(10);
	say("pidfd: %d, close on exec %d", pidfd >= 0, fcntl(pidfd, F_GETFD));
	t_wait("clone3", pid);
	a = (struct clone_args){ .exit_signal = 65 };
	T(clone3(&a, sizeof(a)));
	a = (struct clone_args){ .exit_signal = SIGCHLD, .flags = 1ULL << 40 };
	T(clone3(&a, sizeof(a)));
	a = (struct clone_args){ .exit_signal = SIGCHLD, .stack = (uintptr_t)stack };
	T(clone3(&a, sizeof(a)));
	a = (struct clone_args){ .exit_signal = SIGCHLD, .stack_size = 4096 };
	T(clone3(&a, sizeof(a)));
	a = (struct clone_args){ .flags = SIGCHLD };
	T(clone3(&a, sizeof(a)));
	a = (struct clone_args){ .exit_signal = SIGCHLD,
		.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM };
	T(clone3(&a, sizeof(a)));
	T(clone3(&a, 8));
	T(clone3(&a, 10000));
	T(clone3(BAD, sizeof(a)));
	big.more = 1;
	T(clone3(&big.a, sizeof(big)));
}

TEST(clone)
{
	sharing();
	tids();
	parent_flag();
	refused();
	three();
}
