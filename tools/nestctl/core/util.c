/* SPDX-License-Identifier: MIT */
/* util.c: messages, memory, folders and child processes, for all commands of nestctl. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os-linux/why.h"
#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/core/screen.h"

#define SAID_MAX 65536

const char *program_name = "nestctl";

/*
 * Prints one line without terminal control characters and invalid UTF-8, since names of files and
 * messages of guests are untrusted. It is one write, so that lines of two processes stay apart.
 */
static void message(const char *fmt, va_list args)
{
	char *text, *line;
	size_t n;
	FILE *out;

	fflush(stdout);
	progress_end();
	if (vasprintf(&text, fmt, args) < 0)
		return;
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	out = open_memstream(&line, &n);
	if (out) {
		fprintf(out, "%s: ", program_name);
		put_plain(out, text);
		fputc('\n', out);
		if (!fclose(out))
			fwrite(line, 1, n, stderr);
		free(line);
	}
	free(text);
}

/* within attempt(): where die() jumps to, and the message that it leaves there */
static jmp_buf *attempted;
static char *died_with;

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (attempted) {
		if (vasprintf(&died_with, fmt, args) < 0)
			died_with = strdup("out of memory");
		longjmp(*attempted, 1);
	}
	screen_leave();
	message(fmt, args);
	va_end(args);
	exit(1);
}

/* In a child that was forked in an attempt, die() ends the child. */
static void forget_attempt(void)
{
	attempted = NULL;
}

const char *attempt(void (*f)(void *arg), void *arg)
{
	static bool registered;
	jmp_buf here, *outer = attempted;
	const char *why = NULL;

	if (!registered)
		registered = !pthread_atfork(NULL, NULL, forget_attempt);
	attempted = &here;
	if (!setjmp(here))
		f(arg);
	else
		/* set by die() in @f itself, not within an inner attempt() */
		why = died_with;
	attempted = outer;
	return why;
}

void warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	message(fmt, args);
	va_end(args);
}

struct named_call {
	void (*f)(const char *name, void *arg);
	const char *name;
	void *arg;
};

static void call_named(void *arg)
{
	const struct named_call *c = arg;

	c->f(c->name, c->arg);
}

int each_name(char **names, void (*f)(const char *name, void *arg), void *arg)
{
	int status = 0;

	for (; *names; names++) {
		struct named_call c = { f, *names, arg };
		const char *why = attempt(call_named, &c);

		if (why)
			warn("%s", why);
		status |= why != NULL;
	}
	return status;
}

char *format(const char *fmt, ...)
{
	va_list args;
	char *out;

	va_start(args, fmt);
	if (vasprintf(&out, fmt, args) < 0)
		die("out of memory");
	va_end(args);
	return out;
}

const char *task_error(int err)
{
	char group[256];
	uint64_t max;

	if (err == EAGAIN && os_cgroup_pids_full(group, sizeof(group), &max))
		return format("pids.max of the control group %s is %lu", group, max);
	return strerror(err);
}

static void *thread_run(void *thread)
{
	struct thread *t = thread;

	t->f(t->arg);
	__atomic_store_n(&t->ended, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &t->ended, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	return NULL;
}

void thread_start(struct thread *t, void *(*f)(void *), void *arg)
{
	int err;

	*t = (struct thread){ .f = f, .arg = arg };
	err = pthread_create(&t->id, NULL, thread_run, t);
	if (err)
		die("cannot start a thread: %s", task_error(err));
}

bool thread_join(struct thread *t, int ms)
{
	const struct timespec limit = { ms / 1000, ms % 1000 * 1000000L };

	/* a signal may end the wait early, which a caller that repeats it does not mind */
	if (ms >= 0 && !__atomic_load_n(&t->ended, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &t->ended, FUTEX_WAIT_PRIVATE, 0, &limit, NULL, 0);
	if (ms >= 0 && !__atomic_load_n(&t->ended, __ATOMIC_ACQUIRE))
		return false;
	pthread_join(t->id, NULL);
	return true;
}

const char *signal_abbreviation(int sig)
{
	static const char *const names[] = { "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS",
		"FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD",
		"CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
		"WINCH", "POLL", "PWR", "SYS" };

	return sig >= 1 && sig <= 31 ? names[sig - 1] : NULL;
}

int finish_output(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	if (errno != EPIPE)
		warn("standard output: %s", strerror(errno));
	return status ? status : 1;
}

void *xalloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		die("out of memory");
	return p;
}

void write_all(int fd, const void *data, size_t size, const char *what)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die("%s: cannot write: %s", what, strerror(errno));
		p += n;
		size -= n;
	}
}

/* Fills descriptor @fd if it is closed, with a file on which each use fails as on a closed one. */
static void fill_standard_stream(int fd)
{
	int flags = fd ? O_RDONLY : O_WRONLY;

	if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
		return;
	if (open("/dev/null", flags) != fd && open("/", O_PATH) != fd)
		_exit(1);
}

void open_standard_streams(void)
{
	for (int fd = 0; fd < 3; fd++) {
		int wrong = fd ? O_RDONLY : O_WRONLY, null;
		int mode = fcntl(fd, F_GETFL);

		if (mode >= 0 && (mode & O_ACCMODE) != wrong && !(mode & O_PATH))
			continue;
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0 || dup2(null, fd) < 0)
			die("/dev/null: %s", strerror(errno));
		close(null);
	}
}

void gain_no_rights(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void close_others(int *kept, size_t n)
{
	unsigned int from = 3;

	qsort(kept, n, sizeof(*kept), by_number);
	for (size_t i = 0; i < n; i++) {
		if (kept[i] < (int)from)
			continue;
		if (kept[i] > (int)from)
			close_range(from, (unsigned int)kept[i] - 1, 0);
		from = (unsigned int)kept[i] + 1;
	}
	close_range(from, ~0U, 0);
}

/*
 * Resets signals, but leaves SIGHUP, SIGINT and SIGQUIT ignored: nohup(1), and shells for
 * background jobs, ignore them.
 */
void prepare_process(void)
{
	static const int ours[] = { SIGCHLD, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2,
		SIGWINCH };
	sigset_t none;

	for (int fd = 0; fd < 3; fd++)
		fill_standard_stream(fd);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		signal(ours[i], SIG_DFL);
	signal(SIGXFSZ, SIG_IGN); /* report EFBIG as an error, as ENOSPC */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(umask(0) & 077); /* keep the owner's access to new files */
}

FILE *create_private(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd < 0 ? NULL : fdopen(fd, "w");
}

bool put_all(int fd, const char *buf, size_t n, const volatile sig_atomic_t *stop)
{
	for (size_t done = 0; done < n;) {
		ssize_t w = write(fd, buf + done, n - done);

		if (w > 0)
			done += (size_t)w;
		else if (w < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		else if (w < 0 && errno != EINTR)
			return false;
		if (done < n && stop && *stop) {
			errno = ECANCELED;
			return false;
		}
	}
	return true;
}

ssize_t get_some(int fd, char *buf, size_t size)
{
	for (;;) {
		ssize_t n = read(fd, buf, size);

		if (n >= 0 || (errno != EINTR && errno != EAGAIN))
			return n;
		if (errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
	}
}

void on_ending_signals(void (*handler)(int))
{
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction sa = { .sa_handler = handler };
	struct sigaction old;

	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		if (ending[i] != SIGHUP || sigaction(SIGHUP, NULL, &old) ||
			old.sa_handler != SIG_IGN)
			sigaction(ending[i], &sa, NULL);
}

void make_dirs(const char *path)
{
	char *copy = format("%s", path);

	for (char *p = copy + 1;; p++) {
		if (*p != '/' && *p)
			continue;
		char saved = *p;

		*p = '\0';
		if (mkdir(copy, 0700) && errno != EEXIST)
			die("%s: cannot make the folder: %s", copy, strerror(errno));
		if (!saved)
			break;
		*p = saved;
	}
	free(copy);
}

const char *size_word(const char *text)
{
	const size_t n = strspn(text, "0123456789");
	const char *rest = text + n + 1;

	if (n && text[n] && strchr("kKmMgGtT", text[n]) &&
		(!strcasecmp(rest, "b") || !strcasecmp(rest, "ib")))
		return format("%.*s", (int)(rest - text), text);
	return text;
}

uint64_t parse_size(const char *text, const char *what)
{
	static const char units[] = "kmgt";
	char *end;
	unsigned long long n;
	unsigned int shift = 0;
	const char *unit;

	errno = 0;
	text = size_word(text);
	n = strtoull(text, &end, 10);
	if (end != text && *end && (unit = strchr(units, *end | 0x20))) {
		shift = 10 * (unit - units + 1);
		end++;
	}
	if (end == text || *end || errno || *text < '0' || *text > '9' ||
		(n << shift) >> shift != n)
		die("%s: '%s' is not a size (512M, 2G, ...)", what, text);
	return n << shift;
}

const char *find_program(const char *name)
{
	const char *path = getenv("PATH");
	char *all = format("%s:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin", path ? path : "");

	for (char *save, *dir = strtok_r(all, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		char *file = format("%s/%s", dir, name);

		if (!access(file, X_OK))
			return file;
		free(file);
	}
	return NULL;
}

/* the child of spawn(), or 0 */
static volatile pid_t running;

pid_t spawn(const char *const argv[], const int fds[3])
{
	const char *file = strchr(argv[0], '/') ? argv[0] : find_program(argv[0]);
	pid_t pid;

	if (!file)
		die("%s: not found; `make deps` installs it", argv[0]);
	pid = fork();
	if (pid < 0)
		die("cannot start %s: %s", argv[0], task_error(errno));
	if (pid) {
		setpgid(pid, pid);
		return running = pid;
	}
	setpgid(0, 0);
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0 && dup2(fds[i], i) < 0)
			_exit(127);
	execv(file, (char *const *)argv);
	warn("cannot start %s: %s", file, task_error(errno));
	_exit(127);
}

int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("cannot wait for a child: %s", strerror(errno));
	running = 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

char *program_said(int fd)
{
	char *text = xalloc(SAID_MAX + 1);
	ssize_t n = pread(fd, text, SAID_MAX, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

void stop_child(void)
{
	if (!running)
		return;
	/* close pipes: the child must not wait for a reader of its output */
	close_range(3, ~0U, 0);
	kill(-running, SIGTERM);
	while (waitpid(running, NULL, 0) < 0 && errno == EINTR)
		;
	running = 0;
}

char *absolute_path(const char *path)
{
	char *cwd = *path == '/' ? NULL : getcwd(NULL, 0);
	char *all = cwd ? format("%s/%s", cwd, path) : format("%s", path);

	free(cwd);
	return all;
}
