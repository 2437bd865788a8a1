/* SPDX-License-Identifier: MIT */
/*
 * inherit.c: corrects the state that the process has inherited. Called first by os_process_setup().
 *
 * A parent may leave closed standard descriptors, ignored signals, a umask that takes the owner's
 * rights, low soft limits, a personality or timers of its own. State that would change how the
 * kernel or its guests run is reset here, and children inherit the result. State that is meant for
 * the instance stays: hard limits, an ignored SIGHUP (nohup), an alarm clock, the nice value, the
 * CPUs.
 *
 * Descriptors and environment variables of the caller are removed, because a kernel that a guest
 * has taken over could use them. Descriptors that the command line names stay open. Variables that
 * this program or its xterm reads (kept_variables) stay; the contents of the others are wiped.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "os-linux/host.h"
#include "os-linux/internal.h"

#define STACK_WANTED (8UL << 20)
/* The main thread is a vCPU: its stack is at least as large as theirs. */
#define STACK_LEAST (256UL << 10)
/* prctl(2): whether memory that was written may not be executed; since Linux 6.3 */
#define GET_MDWE 66

/*
 * Opens closed standard descriptors, so that no later file becomes standard output. Returns 0 or
 * -1.
 */
static int open_standard_files(void)
{
	for (int fd = 0; fd < 3; fd++) {
		int unused[2];

		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		if (open("/dev/null", O_RDWR) == fd)
			continue;
		/* without /dev/null: the ends of a pipe, unused */
		if (pipe(unused))
			return -1;
	}
	return 0;
}

/* ---- descriptors ---- */

/*
 * limit of descriptors that a command line names; consoles and queues of cards and disks need fewer
 */
#define NAMED_MAX 512

static int named[NAMED_MAX], nr_named;

/* Records the numbers in @s, "5:6:7". Parsing stops at any other character. */
static void note_numbers(const char *s)
{
	while (*s >= '0' && *s <= '9' && nr_named < NAMED_MAX) {
		char *end;
		unsigned long fd = strtoul(s, &end, 10);

		if (fd < INT_MAX)
			named[nr_named++] = (int)fd;
		s = *end == ':' ? end + 1 : end;
	}
}

/*
 * Records the descriptors that a parameter names: fd:5 of consoles, fd,5:6 of cards, tty_log_fd=5,
 * /proc/self/fd/5 and /dev/fd/5 of files; and those of a restore (restore.c).
 */
static void note_named(const char *param)
{
	static const char *const restores[] = { "hold=", "fresh=", "ready=", "old=" };

	for (size_t i = 0; i < sizeof(restores) / sizeof(restores[0]); i++)
		if (!strncmp(param, restores[i], strlen(restores[i])))
			note_numbers(param + strlen(restores[i]));
	for (const char *s = param; (s = strstr(s, "fd")); s += 2)
		if (s[2] && strchr(":,=/", s[2]))
			note_numbers(s + 3);
}

int os_named_fd(int fd)
{
	int least = -1;

	for (int i = 0; i < nr_named; i++)
		if (named[i] > fd && (least < 0 || named[i] < least))
			least = named[i];
	return least;
}

static int by_number(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * Closes the descriptors that the command line does not name. Closes none if it names NAMED_MAX or
 * more.
 */
static void close_unnamed(char **argv)
{
	const char *launcher = getenv("NESTLING_LAUNCHER");
	int from = 3;

	for (int i = 0; argv[i]; i++)
		note_named(argv[i]);
	if (launcher)
		/* descriptors of a jailed kernel process that ran before this one (jail/again.c) */
		note_numbers(launcher);
	if (nr_named == NAMED_MAX)
		return;
	qsort(named, (size_t)nr_named, sizeof(named[0]), by_number);
	for (int i = 0; i < nr_named; i++) {
		os_close_range(from, named[i] - 1);
		if (named[i] >= from)
			from = named[i] + 1;
	}
	os_close_from(from);
}

/* ---- the environment ---- */

/* docs/security.md gives the purpose of each. */
static const char *const kept_variables[] = { "HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "TMPDIR",
	"LANG", "LC_ALL", "LC_CTYPE", "TZ", "PATH", "TERM", "DISPLAY", "XAUTHORITY",
	"WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "SHELL", "USER", "NESTLING_GDB",
	"NESTLING_JAIL_LOG", "NESTLING_LAUNCHER", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
	"GCOV_PREFIX", "GCOV_PREFIX_STRIP", "LLVM_PROFILE_FILE" };

static int is_kept(const char *variable)
{
	for (size_t i = 0; i < sizeof(kept_variables) / sizeof(kept_variables[0]); i++) {
		size_t n = strlen(kept_variables[i]);

		if (!strncmp(variable, kept_variables[i], n) && variable[n] == '=')
			return 1;
	}
	return 0;
}

/*
 * Removes the variables that are not in kept_variables, and wipes them, since their text would stay
 * in this process's memory.
 */
static void drop_environment(void)
{
	extern char **environ;
	char **to = environ;

	for (char **from = environ; from && *from; from++) {
		if (is_kept(*from))
			*to++ = *from;
		else
			memset(*from, 0, strlen(*from));
	}
	if (to)
		*to = NULL;
}

/* ---- limits and the like ---- */

/* Raises the soft limit to the hard one. */
static void raise_limit(int resource)
{
	struct rlimit rl;

	if (getrlimit(resource, &rl) || rl.rlim_cur == rl.rlim_max)
		return;
	if (resource == RLIMIT_STACK && rl.rlim_cur >= STACK_WANTED)
		return;
	rl.rlim_cur = rl.rlim_max;
	if (resource == RLIMIT_STACK && rl.rlim_max > STACK_WANTED)
		rl.rlim_cur = STACK_WANTED;
	setrlimit(resource, &rl);
}

static void raise_limits(void)
{
	static const int needed[] = { RLIMIT_NOFILE, RLIMIT_AS, RLIMIT_DATA, RLIMIT_FSIZE,
		RLIMIT_STACK, RLIMIT_SIGPENDING };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		raise_limit(needed[i]);
}

/* Returns an error line if the hard limit leaves too small a stack, or NULL. */
static const char *stack_refusal(void)
{
	static char text[100];
	struct rlimit rl;

	if (getrlimit(RLIMIT_STACK, &rl) || rl.rlim_cur >= STACK_LEAST)
		return NULL;
	snprintf(text, sizeof(text), "ulimit -s is %lu KiB: the main thread needs %lu",
		(unsigned long)rl.rlim_cur >> 10, STACK_LEAST >> 10);
	return text;
}

/* Resets the personality: it could make data executable (READ_IMPLIES_EXEC) or move addresses. */
static void plain_personality(void)
{
	int now = personality(0xffffffff);

	if (now > 0)
		personality(PER_LINUX);
}

/* Stops the timers of CPU time, which survive exec: the profiler uses their signals. */
static void stop_cpu_timers(void)
{
	struct itimerval off = { 0 };

	setitimer(ITIMER_VIRTUAL, &off, NULL);
	setitimer(ITIMER_PROF, &off, NULL);
}

/* Lets the umask take no rights from the owner of new files. */
static void keep_owner_rights(void)
{
	mode_t mask = umask(0);

	umask(mask & ~(mode_t)0700);
}

void os_child_signals(void)
{
	struct sigaction dfl = { 0 };
	sigset_t none;

	dfl.sa_handler = SIG_DFL;
	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

const char *os_inherit_setup(void)
{
	if (os_argv) {
		close_unnamed(os_argv);
		drop_environment();
	}
	if (open_standard_files())
		return "cannot open standard input, output or error: they are closed";
	keep_owner_rights();
	raise_limits();
	plain_personality();
	stop_cpu_timers();
	prctl(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
	if (personality(0xffffffff) > 0 && personality(0xffffffff) & READ_IMPLIES_EXEC)
		return "the host keeps the personality READ_IMPLIES_EXEC: guests' data would be "
		       "executable";
	if (prctl(GET_MDWE, 0, 0, 0, 0) > 0)
		return "the host forbids memory that is written and then executed (PR_SET_MDWE, "
		       "MemoryDenyWriteExecute=): guests need it";
	return stack_refusal();
}
