/* SPDX-License-Identifier: MIT */
/*
 * log.c: jail=log. A separate process, the logger, is notified of each call of the kernel process
 * that the table does not admit, writes one line for each pair of call and address of its
 * instruction (SEEN_MAX at most), and lets the call pass. It serves to find calls that the table
 * lacks. It protects nothing, since the arguments may change between the check of a call and its
 * execution.
 *
 * Children of the kernel process inherit the filter; their calls pass without a line. After the
 * kernel process has executed itself again, nothing more is written. The logger ends when no
 * process has the filter any more.
 */
#include "os-linux/jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEEN_MAX 4096
#define NOTIF_CONTINUE 1

static struct {
	int nr;
	uint64_t ip;
} seen[SEEN_MAX];
static int nr_seen;
/* true: the kernel process has executed itself again */
static bool silent;

static bool is_new(const struct seccomp_data *d)
{
	for (int i = 0; i < nr_seen; i++)
		if (seen[i].nr == d->nr && seen[i].ip == d->instruction_pointer)
			return false;
	if (nr_seen == SEEN_MAX)
		return false;
	seen[nr_seen].nr = d->nr;
	seen[nr_seen++].ip = d->instruction_pointer;
	return true;
}

/* True if @tid is a thread of process @pid. Children inherit the filter, but are not logged. */
static bool is_thread_of(pid_t tid, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid, (int)tid);
	return !access(path, F_OK);
}

/*
 * Writes the words of the caller's stack that point into the program's text, which are mostly the
 * return addresses: addr2line names them.
 */
static void write_callers(int out, pid_t tid)
{
	char path[64], text[4096];
	unsigned long sp = 0, word[512];
	int fd, n = 0;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (got <= 0)
		return;
	text[got] = 0;
	if (sscanf(text, "%*s %*s %*s %*s %*s %*s %*s %lx", &sp) != 1)
		return;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : pread(fd, word, sizeof(word), (off_t)sp);
	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < got / (ssize_t)sizeof(word[0]) && n < 12; i++)
		if (word[i] >= 0x60000000 && word[i] < 0x60800000 && ++n)
			dprintf(out, " %lx", word[i]);
}

static void hear(int out, const struct seccomp_notif *n, pid_t kernel)
{
	const struct seccomp_data *d = &n->data;

	if (d->nr == SYS_execve && (pid_t)n->pid == kernel)
		silent = true;
	if (silent || !is_thread_of((pid_t)n->pid, kernel) || !is_new(d))
		return;
	dprintf(out, "nestling: jail: call %d(%llx, %llx, %llx) from %llx:", d->nr,
		(unsigned long long)d->args[0], (unsigned long long)d->args[1],
		(unsigned long long)d->args[2], (unsigned long long)d->instruction_pointer);
	write_callers(out, (pid_t)n->pid);
	dprintf(out, "\n");
}

static void __attribute__((noreturn)) serve(int listener, int out, pid_t kernel)
{
	union {
		struct seccomp_notif n;
		char room[512]; /* a later host may write more */
	} u;
	struct pollfd p = { .fd = listener, .events = POLLIN };

	for (;;) {
		struct seccomp_notif_resp r = { .flags = NOTIF_CONTINUE };

		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			_exit(1);
		if (p.revents & POLLHUP)
			_exit(0);
		memset(&u, 0, sizeof(u));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &u.n)) {
			/* the caller was killed meanwhile, or the host refuses the call */
			if (errno != ENOENT && errno != EINTR)
				_exit(1);
			continue;
		}
		hear(out, &u.n, kernel);
		r.id = u.n.id;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
	}
}

/* Returns a word, initially 0, that the kernel process and the logger share; or NULL. */
static int *shared_word(void)
{
	int *word = mmap(
		NULL, sizeof(*word), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return word == MAP_FAILED ? NULL : word;
}

/*
 * Waits for the listener's number, copies all descriptors of the kernel process, and keeps two of
 * them.
 */
static void __attribute__((noreturn)) log_calls(int *number, pid_t kernel)
{
	const char *path = getenv("NESTLING_JAIL_LOG");
	int listener, out;

	setsid();
	prctl(PR_SET_NAME, "nestling-log");
	while (!(listener = __atomic_load_n(number, __ATOMIC_ACQUIRE)))
		if (getppid() != kernel)
			_exit(1);
	if (syscall(SYS_unshare, CLONE_FILES) || listener < 0)
		_exit(1);
	__atomic_store_n(number, 0, __ATOMIC_RELEASE);
	out = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : 2;
	/* the guest's files must be closed when the kernel process closes them */
	for (int fd = 0; fd < 1024; fd++)
		if (fd != listener && fd != out)
			close(fd);
	serve(listener, out, kernel);
}

int *jail_log_start(void)
{
	pid_t kernel = getpid();
	int *number = shared_word();
	long pid = number ? syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0) : -1;

	if (!pid)
		log_calls(number, kernel);
	return pid < 0 ? NULL : number;
}
