/* SPDX-License-Identifier: MIT */
/* programs.c: short-lived processes, a shell on a terminal, a tracer and its tracee. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <termios.h>

#include "works.h"

extern char **environ;

/* ---- a build: compilers that write files, two at a time ---- */

#define OBJECT 9000

/*
 * The "compiler": computes for a while, and writes the file for @key. Returns the exit status: 10
 * plus the key's last two digits, or 2 to 4 if the file cannot be written.
 */
int make_file(const char *path, const char *key)
{
	static unsigned char buf[OBJECT];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		return 2;
	for (int i = 0; i < 5; i++)
		fill(buf, sizeof(buf), strtoul(key, NULL, 10));
	for (size_t at = 0; at < sizeof(buf); at += 1000)
		if (write(fd, buf + at, 1000) != 1000)
			return 3;
	return close(fd) ? 4 : (int)(strtoul(key, NULL, 10) % 100) + 10;
}

static pid_t compile(char *path, char *key, int way)
{
	char *argv[] = { (char *)self, "--made", path, key, NULL };
	pid_t pid;

	if (way == 0) {
		MUST(!posix_spawn(&pid, self, NULL, NULL, argv, environ));
		return pid;
	}
	pid = way == 1 ? fork() : vfork();
	MUST(pid >= 0);
	if (pid)
		return pid;
	execve(self, argv, environ);
	_exit(99);
}

static void check_object(const char *path, uint64_t key, int status)
{
	static unsigned char buf[OBJECT];
	int fd = open(path, O_RDONLY);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != (int)(key % 100) + 10)
		BAD("a compiler ended with %#x, not %lu", status, key % 100 + 10);
	MUST(fd >= 0);
	read_all(fd, buf, sizeof(buf));
	check("an object", buf, sizeof(buf), key);
	close(fd);
	MUST(!unlink(path));
}

static void run_build(void)
{
	for (uint64_t key = 0;; key += 2, done()) {
		char path[2][60], text[2][24];
		pid_t pid[2];
		int status;

		for (int i = 0; i < 2; i++) {
			snprintf(path[i], sizeof(path[i]), "build-%d-%d", getpid(), i);
			snprintf(text[i], sizeof(text[i]), "%lu", key + i);
			pid[i] = compile(path[i], text[i], key / 2 % 3);
		}
		for (int i = 0; i < 2; i++) {
			pid_t got = waitpid(-1, &status, 0);
			int k = got == pid[1];

			MUST(got == pid[k]);
			check_object(path[k], key + k, status);
		}
	}
}
WORK(build, run_build, NULL);

/* ---- a shell on a pseudo terminal ---- */

static int terminal(int *slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	struct termios t;

	MUST(master >= 0 && !grantpt(master) && !unlockpt(master));
	*slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	MUST(*slave >= 0 && !tcgetattr(*slave, &t));
	t.c_lflag &= ~ECHO;
	MUST(!tcsetattr(*slave, TCSANOW, &t));
	return master;
}

static void shell(void *arg)
{
	int slave = *(int *)arg;
	const char *path = access("/bin/busybox", X_OK) ? "/bin/sh" : "/bin/busybox";

	MUST(setsid() > 0 && !ioctl(slave, TIOCSCTTY, 0));
	for (int i = 0; i < 3; i++)
		dup2(slave, i);
	for (int i = 3; i < 20; i++)
		close(i);
	execl(path, "sh", NULL);
	_exit(98);
}

/* Types @line, and reads until @wanted has come. */
static void says(int master, const char *line, const char *wanted)
{
	char seen[4096];
	size_t n = 0;

	write_all(master, line, strlen(line));
	for (;;) {
		ssize_t r = read(master, seen + n, sizeof(seen) - 1 - n);

		if (r <= 0 || n + r >= sizeof(seen) - 1)
			BAD("'%.20s': the terminal's %.100s: %zd %m", line, seen, r);
		n += r;
		seen[n] = '\0';
		if (strstr(seen, wanted))
			return;
	}
}

static void run_shell(void)
{
	int slave, master = terminal(&slave);

	helper(shell, &slave);
	close(slave);
	says(master, "set +m; PS1=; k=0; trap 'echo int' INT; echo re''ady\n", "ready");
	for (int k = 1;; k++, done()) {
		struct winsize size = { .ws_row = 20 + k % 10, .ws_col = 80 };
		char line[100], wanted[100];

		MUST(!ioctl(master, TIOCSWINSZ, &size));
		snprintf(wanted, sizeof(wanted), "<%d %d>", k, k * 7);
		says(master, "k=$((k + 1)); echo \"<$k $((k * 7))>\"\n", wanted);
		snprintf(line, sizeof(line), "for i in 1 2 3; do echo $i$k; done | cat | wc -l\n");
		says(master, line, "3\r\n");
		if (k % 4)
			continue;
		/* waits for a program, which echoes a line and ends at control-D */
		says(master, "echo be''gin; cat\n", "begin");
		nanosleep(&(struct timespec){ 0, 5 * MS }, NULL);
		says(master, "lin\n", "lin");
		write_all(master, "\x04", 1);
		says(master, "echo en''d\n", "end");
	}
}
WORK(shell, run_shell, "/dev/ptmx");

/* ---- a tracer ---- */

static volatile long traced_sum;

__attribute__((noinline)) static void step_here(long n)
{
	__asm__ volatile("" ::"r"(n) : "memory");
	traced_sum += n;
}

static void traced(void *arg)
{
	MUST(!ptrace(PTRACE_TRACEME, 0, 0, 0));
	raise(SIGSTOP);
	for (long n = 1;; n++) {
		step_here(n);
		if (n % 16 == 0)
			getppid();
	}
}

static void wait_stop(pid_t pid, int sig)
{
	int status;

	MUST(waitpid(pid, &status, 0) == pid);
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != sig)
		BAD("the traced program: %#x, not a stop by %d", status, sig);
}

static struct user_regs_struct regs_of(pid_t pid)
{
	struct user_regs_struct r;

	MUST(!ptrace(PTRACE_GETREGS, pid, 0, &r));
	return r;
}

static void put_breakpoint(pid_t pid, unsigned char byte)
{
	long at = (long)step_here, word;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, pid, at, 0);
	MUST(!errno);
	word = (word & ~0xffL) | byte;
	MUST(!ptrace(PTRACE_POKETEXT, pid, at, word));
}

/*
 * Like a debugger: sets a breakpoint at a function, reads its argument, steps over it, stops at
 * both ends of a system call in between, and compares a vector register.
 */
static void run_tracer(void)
{
	unsigned char first = *(volatile unsigned char *)step_here;
	pid_t pid = helper(traced, NULL);
	long sum = 0;

	wait_stop(pid, SIGSTOP);
	for (long n = 1;; n++, done()) {
		struct user_regs_struct r;
		struct user_fpregs_struct f;

		put_breakpoint(pid, 0xcc);
		MUST(!ptrace(PTRACE_CONT, pid, 0, 0));
		wait_stop(pid, SIGTRAP);
		r = regs_of(pid);
		if (r.rip != (unsigned long)step_here + 1 || r.rdi != (unsigned long)n)
			BAD("breakpoint %ld: at %llx, with %lld", n, r.rip, r.rdi);
		errno = 0;
		if (ptrace(PTRACE_PEEKDATA, pid, &traced_sum, 0) != sum || errno)
			BAD("the traced sum is not %ld", sum);
		sum += n;
		MUST(!ptrace(PTRACE_GETFPREGS, pid, 0, &f));
		f.xmm_space[28 * 2] = n;
		MUST(!ptrace(PTRACE_SETFPREGS, pid, 0, &f));
		put_breakpoint(pid, first);
		r.rip--;
		MUST(!ptrace(PTRACE_SETREGS, pid, 0, &r));
		if (n % 4 == 0)
			nanosleep(&(struct timespec){ 0, 2 * MS }, NULL);
		MUST(!ptrace(PTRACE_SINGLESTEP, pid, 0, 0));
		wait_stop(pid, SIGTRAP);
		MUST(!ptrace(PTRACE_GETFPREGS, pid, 0, &f));
		if (f.xmm_space[28 * 2] != (unsigned)n)
			BAD("a vector register is %x, not %lx", f.xmm_space[28 * 2], n);
		if (regs_of(pid).rip == (unsigned long)step_here)
			BAD("a single step stays where it is");
		if (n % 16)
			continue;
		for (int i = 0; i < 2; i++) {
			MUST(!ptrace(PTRACE_SYSCALL, pid, 0, 0));
			wait_stop(pid, SIGTRAP);
			r = regs_of(pid);
			if (r.orig_rax != 110 || (i && r.rax != (unsigned long)getpid()))
				BAD("call %lld, which returns %lld", r.orig_rax, r.rax);
		}
	}
}
WORK(tracer, run_tracer, NULL);

/* ---- a watch ---- */

static void expect(int fd, uint32_t mask, const char *name, uint32_t *cookie)
{
	static char buf[4096] __attribute__((aligned(8)));
	static size_t at, n;
	struct inotify_event *e;

	if (at == n) {
		ssize_t r = read(fd, buf, sizeof(buf));

		MUST(r > 0);
		at = 0;
		n = r;
	}
	e = (void *)(buf + at);
	at += sizeof(*e) + e->len;
	if (e->mask != mask || strcmp(e->name, name))
		BAD("event %x of %s, not %x of %s", e->mask, e->len ? e->name : "-", mask, name);
	if (cookie && *cookie && *cookie != e->cookie)
		BAD("the cookies of a rename differ");
	if (cookie)
		*cookie = e->cookie;
}

static void run_watch(void)
{
	char dir[60], from[80], to[80];
	int fd = inotify_init1(0);

	snprintf(dir, sizeof(dir), "watch-%d", getpid());
	snprintf(from, sizeof(from), "%s/from", dir);
	snprintf(to, sizeof(to), "%s/to", dir);
	MUST(!mkdir(dir, 0700));
	MUST(inotify_add_watch(
		     fd, dir, IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVE | IN_DELETE) > 0);
	for (;; done()) {
		int f = open(from, O_WRONLY | O_CREAT | O_EXCL, 0600);
		uint32_t cookie = 0;

		MUST(f >= 0 && write(f, "x", 1) == 1 && !close(f));
		expect(fd, IN_CREATE, "from", NULL);
		expect(fd, IN_MODIFY, "from", NULL);
		MUST(!rename(from, to) && !unlink(to));
		expect(fd, IN_CLOSE_WRITE, "from", NULL);
		expect(fd, IN_MOVED_FROM, "from", &cookie);
		expect(fd, IN_MOVED_TO, "to", &cookie);
		expect(fd, IN_DELETE, "to", NULL);
	}
}
WORK(watch, run_watch, NULL);
