/* SPDX-License-Identifier: MIT */
/*
 * target.c: a program and its inputs. There are two kinds:
 *
 *	instrumented	afl-cc has put a fork server into the program (../protocol.h). The server
 *			forks before the machine is marked, and ptrace(2) stops the child at its
 *			first instruction. So runs do not repeat the program's start.
 *	plain		each run needs an exec, which is made before the machine is marked:
 *			ptrace(2) stops the program at its first instruction.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/afl-nestling/agent/agent.h"
#include "tools/afl-nestling/protocol.h"

#ifndef INPUT_PATH
#define INPUT_PATH "/dev/shm/afl-input" /* tests set another */
#endif
#define HELLO_MS 30000
#define SLEEP_MS 1000

/* Returns the path that execvp(3) would use, or NULL. */
static const char *find(const char *name)
{
	static char path[4096];
	const char *dir = getenv("PATH") ?: "/usr/bin:/bin";

	if (strchr(name, '/'))
		return name;
	for (; *dir; dir += !!*dir) {
		int n = (int)strcspn(dir, ":");

		snprintf(path, sizeof(path), "%.*s/%s", n, dir, name);
		if (!access(path, X_OK))
			return path;
		dir += n;
	}
	return NULL;
}

/*
 * True if the program contains AFL's fork server: it then contains the name of the map's variable.
 */
static bool is_instrumented(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p = MAP_FAILED;
	bool is;

	if (fd >= 0 && !fstat(fd, &st) && st.st_size > 0)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd < 0 || (p == MAP_FAILED && st.st_size))
		fail("%s: %s", path, strerror(errno));
	close(fd);
	if (p == MAP_FAILED)
		return false;
	is = memmem(p, (size_t)st.st_size, AFL_MAP_ENV, sizeof(AFL_MAP_ENV));
	munmap(p, (size_t)st.st_size);
	return is;
}

/* Replaces @@ in arguments by the input's path. */
static void replace(struct target *t)
{
	for (char **arg = t->argv + 1; *arg; arg++)
		for (char *at; (at = strstr(*arg, "@@"));) {
			char *text = NULL;

			if (asprintf(&text, "%.*s%s%s", (int)(at - *arg), *arg, INPUT_PATH,
				    at + 2) < 0)
				fail("out of memory");
			*arg = text;
			t->by_name = true;
		}
}

static void open_input(struct target *t)
{
	t->input = open(INPUT_PATH, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (t->input < 0)
		fail("%s: %s", INPUT_PATH, strerror(errno));
}

static void make_case(struct target *t)
{
	void *at = shmat(make_memory(AFL_CASE_ENV, AFL_CASE_MAX + sizeof(uint32_t)), NULL, 0);

	if (at == (void *)-1)
		fail("shared memory for inputs: %s", strerror(errno));
	t->case_map = at;
}

static void set_environment(void)
{
	setenv("LD_BIND_NOW", "1", 0);
	/* Errors that sanitizers find must end in a signal; leaks are not errors. */
	setenv("ASAN_OPTIONS",
		"abort_on_error=1:detect_leaks=0:symbolize=0:allocator_may_return_null=1", 0);
	setenv("UBSAN_OPTIONS", "halt_on_error=1:abort_on_error=1:symbolize=0", 0);
	setenv("MSAN_OPTIONS", "abort_on_error=1:exit_code=86:symbolize=0", 0);
}

/* Executes the program in the child. If that fails, writes the errno to the pipe @err. */
static void __attribute__((noreturn)) execute(const struct target *t, const char *path, int err)
{
	int null = open("/dev/null", O_RDWR), out = null, why;

	if (t->loud)
		out = open("/dev/tty0", O_WRONLY | O_NOCTTY);
	setsid();
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	signal(SIGPIPE, SIG_DFL);
	if (dup2(t->by_name ? null : t->input, 0) >= 0 && dup2(out < 0 ? null : out, 1) >= 0 &&
		dup2(1, 2) >= 0)
		execv(path, t->argv);
	why = errno;
	_exit(write(err, &why, sizeof(why)) == sizeof(why) ? 127 : 126);
}

/* Makes a pipe whose descriptors are above those of the fork server. */
static void make_pipe(int fds[2])
{
	int low[2];

	if (pipe2(low, O_CLOEXEC))
		fail("pipe: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		fds[i] = fcntl(low[i], F_DUPFD_CLOEXEC, AFL_STATUS_FD + 1);
		if (fds[i] < 0)
			fail("pipe: %s", strerror(errno));
		close(low[i]);
	}
}

/* Reads a word within @ms (-1: no limit). False with errno: ETIMEDOUT, or EPIPE at end-of-file. */
static bool get_word(int fd, uint32_t *word, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int ready = 1;
	ssize_t n;

	do {
		if (ms >= 0)
			ready = poll(&p, 1, ms);
	} while (ready < 0 && errno == EINTR);
	errno = ETIMEDOUT;
	if (ready <= 0)
		return false;
	do {
		n = read(fd, word, sizeof(*word));
	} while (n < 0 && errno == EINTR);
	errno = EPIPE;
	return n == sizeof(*word);
}

/* Writes a word. False if the server has ended. */
static bool put_word(int fd, uint32_t word)
{
	return write(fd, &word, sizeof(word)) == sizeof(word);
}

/* Fails with the reason why a program has ended that should be waiting for an input. */
static void __attribute__((noreturn)) ended_early(struct target *t)
{
	int status = 0;

	if (errno == ETIMEDOUT)
		fail("%s: its fork server has not answered for %d s", t->argv[0], HELLO_MS / 1000);
	waitpid(t->pid, &status, 0);
	if (WIFSIGNALED(status))
		fail("%s: signal %d before the first input", t->argv[0], WTERMSIG(status));
	fail("%s: exit with %d before the first input", t->argv[0], WEXITSTATUS(status));
}

/* Reads the options of the program's fork server and answers them. */
static void hear_hello(struct target *t)
{
	uint32_t options, answer = AFL_OPTIONS;

	if (!get_word(t->status, &options, HELLO_MS))
		ended_early(t);
	if ((options & AFL_OPTION_ERROR) == AFL_OPTION_ERROR)
		fail("%s: its fork server reports error %#x", t->argv[0], options);
	t->map_len = AFL_MAP_SIZE;
	if ((options & AFL_OPTIONS) != AFL_OPTIONS)
		return;
	if (options & AFL_OPTION_MAP_SIZE)
		t->map_len = afl_get_map_size(options);
	t->uses_case = options & AFL_OPTION_CASE;
	if (t->uses_case)
		answer |= AFL_OPTION_CASE;
	if (options & (AFL_OPTION_CASE | AFL_OPTION_DICTIONARY) && !put_word(t->control, answer))
		ended_early(t);
}

/* ---- the child of the first run ---- */

/*
 * Continues a process that ptrace(2) has stopped, and delivers the signal that stopped it, if any.
 */
static void pass_on(pid_t pid, int status)
{
	ptrace(PTRACE_CONT, pid, 0, status >> 16 ? 0 : WSTOPSIG(status));
}

/*
 * Waits until the server has forked; server and child are then stopped. Returns the child's pid, or
 * 0 with errno set.
 */
static pid_t await_fork(const struct target *t)
{
	const int forked = SIGTRAP | PTRACE_EVENT_FORK << 8;
	unsigned long child;
	int status;

	for (int ms = 0; ms < HELLO_MS;) {
		if (waitpid(t->pid, &status, WNOHANG | __WALL) != t->pid) {
			usleep(1000);
			ms++;
			continue;
		}
		errno = EPIPE;
		if (!WIFSTOPPED(status))
			return 0;
		if (status >> 8 != forked) {
			pass_on(t->pid, status);
			continue;
		}
		if (ptrace(PTRACE_GETEVENTMSG, t->pid, 0, &child) ||
			waitpid((pid_t)child, &status, __WALL) != (pid_t)child)
			return 0;
		return (pid_t)child;
	}
	errno = ETIMEDOUT;
	return 0;
}

/* Waits until a process sleeps: code that it still has to execute would be repeated in each run. */
static void await_sleep(pid_t pid)
{
	char path[40], text[200];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	for (int ms = 0; ms < SLEEP_MS; ms++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
		char *end;

		close(fd);
		text[n > 0 ? n : 0] = '\0';
		end = strrchr(text, ')');
		if (!end || !strncmp(end, ") S", 3))
			return;
		usleep(1000);
	}
}

/*
 * Makes the server fork before the machine is marked, so that runs begin after the fork: the child
 * waits at its first instruction, and each run continues it. If ptrace(2) is refused, each run
 * forks.
 */
static void fork_ahead(struct target *t)
{
	uint32_t pid;

	if (ptrace(PTRACE_SEIZE, t->pid, 0, PTRACE_O_TRACEFORK))
		return;
	if (!put_word(t->control, 0))
		ended_early(t);
	t->child = await_fork(t);
	if (!t->child || ptrace(PTRACE_DETACH, t->pid, 0, 0) ||
		!get_word(t->status, &pid, HELLO_MS))
		ended_early(t);
	if (pid != (uint32_t)t->child)
		fail("%s: its fork server names another child than the one it has forked",
			t->argv[0]);
	await_sleep(t->pid);
}

/* Starts an instrumented program, up to its fork server. */
static void start_server(struct target *t, const char *path)
{
	int control[2], status[2], err[2], why;

	make_pipe(control);
	make_pipe(status);
	make_pipe(err);
	t->pid = fork();
	if (t->pid < 0)
		fail("fork: %s", strerror(errno));
	if (!t->pid) {
		if (dup2(control[0], AFL_CONTROL_FD) < 0 || dup2(status[1], AFL_STATUS_FD) < 0)
			_exit(1);
		execute(t, path, err[1]);
	}
	close(control[0]);
	close(status[1]);
	close(err[1]);
	if (read(err[0], &why, sizeof(why)) == sizeof(why))
		fail("%s: %s", path, strerror(why));
	close(err[0]);
	t->control = control[1];
	t->status = status[0];
	hear_hello(t);
	/* With -f the server's reaction to its first word is unknown, so do not fork ahead. */
	if (!t->forked)
		fork_ahead(t);
}

static void start_plain(struct target *t, const char *path)
{
	int err[2], why, status;

	make_pipe(err);
	t->pid = fork();
	if (t->pid < 0)
		fail("fork: %s", strerror(errno));
	if (!t->pid) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execute(t, path, err[1]);
	}
	close(err[1]);
	if (read(err[0], &why, sizeof(why)) == sizeof(why))
		fail("%s: %s", path, strerror(why));
	close(err[0]);
	if (waitpid(t->pid, &status, 0) != t->pid || !WIFSTOPPED(status))
		ended_early(t);
}

void target_start(struct target *t)
{
	const char *path = find(t->argv[0]);
	sigset_t set;

	if (!path)
		fail("%s: %s", t->argv[0], strerror(ENOENT));
	t->plain = !t->forked && (t->plain || !is_instrumented(path));
	replace(t);
	open_input(t);
	set_environment();
	signal(SIGPIPE, SIG_IGN);
	if (!t->plain) {
		make_case(t);
		start_server(t, path);
		t->used = lseek(t->input, 0, SEEK_CUR) || lseek(t->input, 0, SEEK_END);
		return;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	start_plain(t, path);
}

/* Waits for the end of the process, and kills it after its time limit. */
static void await_plain(struct target *t, struct agent_record *r)
{
	struct timespec left = { t->timeout / 1000, t->timeout % 1000 * 1000000L };
	sigset_t set;
	int status = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (!waitpid(t->pid, &status, WNOHANG)) {
		/* A signal that does not end the process restarts its time limit; that is rare. */
		if (sigtimedwait(&set, NULL, t->timeout ? &left : NULL) < 0 && errno == EAGAIN) {
			r->flags |= AGENT_HANG;
			kill(t->pid, SIGKILL);
			waitpid(t->pid, &status, 0);
			break;
		}
	}
	r->status = status;
}

/* Makes a run by the fork server, and sets the record. */
static void run_server(struct target *t, struct agent_record *r)
{
	uint32_t pid = (uint32_t)t->child, status;

	/* If a server does not answer, afl-fuzz's shorter time limit makes it a hang. */
	if (t->child && ptrace(PTRACE_DETACH, t->child, 0, 0))
		goto lost;
	if (!t->child && (!put_word(t->control, 0) ||
				 !get_word(t->status, &pid, t->timeout ? HELLO_MS : -1)))
		goto lost;
	if (!get_word(t->status, &status, t->timeout ?: -1)) {
		if (errno != ETIMEDOUT)
			goto lost;
		r->flags |= AGENT_HANG;
		kill((pid_t)pid, SIGKILL);
		if (!get_word(t->status, &status, HELLO_MS))
			goto lost;
	}
	/* A persistent program stops after a good run. */
	r->status = WIFSTOPPED(status) ? 0 : (int)status;
	return;
lost:
	r->flags |= AGENT_LOST;
	r->status = SIGABRT;
}

void target_run(struct target *t, const void *input, size_t size, struct agent_record *r)
{
	if (t->uses_case) {
		uint32_t len = size > AFL_CASE_MAX ? AFL_CASE_MAX : (uint32_t)size;

		memcpy(t->case_map, &len, sizeof(len));
		memcpy(t->case_map + sizeof(len), input, len);
	} else {
		if (t->used && (ftruncate(t->input, 0) || lseek(t->input, 0, SEEK_SET)))
			fail("the input's file: %s", strerror(errno));
		write_input(t->input, input, size);
	}
	if (!t->plain) {
		run_server(t, r);
		return;
	}
	if (ptrace(PTRACE_DETACH, t->pid, 0, 0))
		kill(t->pid, SIGKILL);
	await_plain(t, r);
}
