/* SPDX-License-Identifier: MIT */
/*
 * inherit.c: starts a program in an unusual inherited state: `inherit STATE PROGRAM [ARGUMENT...]`.
 * The table at the end lists the states. The status is 126 where the host refuses the state.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static int chld_ignored(void)
{
	return signal(SIGCHLD, SIG_IGN) == SIG_ERR;
}

static int all_ignored(void)
{
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_IGN);
	return 0;
}

static int all_blocked(void)
{
	sigset_t all;

	sigfillset(&all);
	return sigprocmask(SIG_SETMASK, &all, NULL);
}

static int none_open(void)
{
	return close(0) | close(1) | close(2);
}

static int thousand_open(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl))
		return -1;
	if (rl.rlim_max > 4096)
		rl.rlim_max = 4096;
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	for (int i = 0; i < 1000; i++)
		if (open("/", O_RDONLY) < 0)
			return -1;
	return 0;
}

static int umask_all(void)
{
	umask(0777);
	return 0;
}

/* Lowers the soft limit alone; the hard limit bounds it. */
static int soft(int resource, rlim_t value)
{
	struct rlimit rl;

	if (getrlimit(resource, &rl))
		return -1;
	rl.rlim_cur = value < rl.rlim_max ? value : rl.rlim_max;
	return setrlimit(resource, &rl);
}

static int soft_files(void)
{
	return soft(RLIMIT_NOFILE, 12);
}
static int soft_file_size(void)
{
	return soft(RLIMIT_FSIZE, 4096);
}
static int soft_addresses(void)
{
	return soft(RLIMIT_AS, 256UL << 20);
}
static int soft_data(void)
{
	return soft(RLIMIT_DATA, 256UL << 20);
}
static int soft_stack(void)
{
	return soft(RLIMIT_STACK, 128UL << 10);
}
static int soft_signals(void)
{
	return soft(RLIMIT_SIGPENDING, 0);
}
static int soft_locked(void)
{
	return soft(RLIMIT_MEMLOCK, 0);
}
static int core_unlimited(void)
{
	return soft(RLIMIT_CORE, RLIM_INFINITY);
}
static int no_core(void)
{
	struct rlimit none = { 0, 0 };

	return setrlimit(RLIMIT_CORE, &none);
}

static int not_random(void)
{
	return personality(ADDR_NO_RANDOMIZE) < 0;
}
static int read_is_exec(void)
{
	return personality(READ_IMPLIES_EXEC) < 0;
}
static int old_layout(void)
{
	return personality(ADDR_COMPAT_LAYOUT | MMAP_PAGE_ZERO | UNAME26 | STICKY_TIMEOUTS) < 0;
}

/* Blocks the timers' signals, so that they do not end the program before it can react. */
static int timers_run(void)
{
	struct itimerval fast = { { 0, 1000 }, { 0, 1000 } };
	sigset_t both;

	sigemptyset(&both);
	sigaddset(&both, SIGPROF);
	sigaddset(&both, SIGVTALRM);
	return sigprocmask(SIG_BLOCK, &both, NULL) | setitimer(ITIMER_PROF, &fast, NULL) |
	       setitimer(ITIMER_VIRTUAL, &fast, NULL);
}

static int no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

#define STATE(name)                                                                                \
	{                                                                                          \
#name, name                                                                        \
	}
static const struct {
	const char *name;
	int (*enter)(void);
} states[] = {
	STATE(chld_ignored),
	STATE(all_ignored),
	STATE(all_blocked),
	STATE(none_open),
	STATE(thousand_open),
	STATE(umask_all),
	STATE(soft_files),
	STATE(soft_file_size),
	STATE(soft_addresses),
	STATE(soft_data),
	STATE(soft_stack),
	STATE(soft_signals),
	STATE(soft_locked),
	STATE(core_unlimited),
	STATE(no_core),
	STATE(not_random),
	STATE(read_is_exec),
	STATE(old_layout),
	STATE(timers_run),
	STATE(no_new_privs),
};

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
			puts(states[i].name);
		return 0;
	}
	for (size_t i = 0; argc > 2 && i < sizeof(states) / sizeof(states[0]); i++)
		if (!strcmp(argv[1], states[i].name)) {
			if (states[i].enter())
				return 126;
			execv(argv[2], argv + 2);
			return 127;
		}
	fprintf(stderr, "usage: inherit STATE PROGRAM [ARGUMENT...]\n");
	return 2;
}
