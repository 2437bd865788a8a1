/* SPDX-License-Identifier: MIT */
/* fork, vfork, clone and execve through hot sites, and hot sites through them. */
#include "site.h"

SITE(fork_fork, 57);
SITE(fork_wait4, 61);
SITE(fork_getppid, 110);
SITE(fork_execve, 59);
SITE(fork_clone, 56);

/*
 * vfork with a child that only leaves: the return address must survive the child's use of the same
 * stack.
 */
static long vfork_exit(long status)
{
	long pid;

	__asm__ volatile("mov %[vfork], %%eax\n\tsyscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\t"
			 "mov %[status], %%rdi\n\tmov %[exit], %%eax\n\tsyscall\n1:"
			 : "=&a"(pid)
			 : [vfork] "i"(SYS_vfork), [exit] "i"(SYS_exit_group), [status] "r"(status)
			 : "rdi", "rcx", "r11", "memory", "cc");
	return pid;
}

static long forks(int n)
{
	long pid, me = getpid(), bad = 0;
	int i, status;

	for (i = 0; i < n; i++) {
		pid = fork_fork(0, 0, 0, 0, 0, 0);
		if (!pid)
			_exit(fork_getppid(0, 0, 0, 0, 0, 0) == me ? i & 63 : 64);
		bad += fork_wait4(pid, (long)&status, 0, 0, 0, 0) != pid || status != (i & 63) << 8;
	}
	return bad;
}

static long vforks(int n)
{
	long pid, bad = 0;
	int i, status;

	for (i = 0; i < n; i++) {
		pid = vfork_exit(i & 63);
		bad += fork_wait4(pid, (long)&status, 0, 0, 0, 0) != pid || status != (i & 63) << 8;
	}
	return bad;
}

/* A child changes its own copy of hot code, and the parent's stays. */
static void copies(void)
{
	char *p = site_page(PROT_READ | PROT_WRITE | PROT_EXEC);
	long bad = 0;
	int i, status;

	site_write(p, NR(getppid));
	site_heat(p, getppid());
	for (i = 0; i < 20; i++) {
		pid_t pid = SPAWN({
			bad = site_call(p) != getppid();
			site_write(p, NR(getpid));
			bad += site_heat(p, getpid());
			_exit(bad != 0);
		});
		bad += site_heat(p, getppid());
		NEED(waitpid(pid, &status, 0));
		bad += status != 0;
	}
	say("a child's own code: %ld wrong", bad);
	munmap(p, PAGE);
}

static void clones(void)
{
	long bad = 0, pid;
	int i, status;

	for (i = 0; i < 60; i++) {
		pid = fork_clone(SIGCHLD, 0, 0, 0, 0, 0);
		if (!pid)
			_exit(i & 7);
		bad += waitpid(pid, &status, 0) != pid || status != (i & 7) << 8;
	}
	say("clone: %ld wrong", bad);
}

static void execs(void)
{
	char *argv[] = { "patch_fork", "again", NULL };
	long bad = 0;
	int i, status;
	pid_t pid;

	for (i = 0; i < HOT; i++) /* no such file, so the site gets hot */
		bad += fork_execve((long)"nowhere", (long)argv, (long)environ, 0, 0, 0) != -ENOENT;
	for (i = 0; i < 20; i++) {
		pid = NEED(fork());
		if (!pid) {
			fork_execve((long)"/proc/self/exe", (long)argv, (long)environ, 0, 0, 0);
			_exit(99);
		}
		NEED(waitpid(pid, &status, 0));
		bad += status != 7 << 8;
	}
	say("execve: %ld wrong", bad);
}

/* Run by execs(): sites that were hot before are cold now, and then hot again. */
static void again(void)
{
	exit(site_heat((void *)fork_getppid, getppid()) ? 8 : 7);
}

TEST(patch_fork)
{
	if (t_argc > 1)
		again();
	say("cold fork: %ld wrong", forks(3));
	say("heating: %ld wrong", site_heat((void *)fork_getppid, getppid()));
	say("fork: %ld wrong", forks(150));
	say("vfork: %ld wrong", vforks(150));
	say("grandchildren:");
	CHILD(_exit(forks(20) + vforks(20) != 0));
	clones();
	copies();
	execs();
}
