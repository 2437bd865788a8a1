/* SPDX-License-Identifier: MIT */
/*
 * main.c: escape CANARY-DIR CANARY-PID EFFORT DAY DAYS [ATTACK...]: plays a hostile guest program.
 * tests/escape/run starts it as root in a guest, and looks at the host afterwards. It becomes an
 * ordinary user before the attacks. Never run it on a host.
 *
 *	escape victim		another user's process with a secret
 *
 * Each attack prints one line: "ok ATTACK: N tries, N died, N overdue, N ms" or "NOT OK ATTACK:
 * what it found". A try is a child process. It may be killed by the kernel, die of its own faults
 * or end. A try that is overdue gets a SIGKILL, and must be gone within UNKILLABLE_MS.
 */
#include "escape.h"
#include <setjmp.h>

#define UNKILLABLE_MS 120000

int victim(void);

char canary_dir[200];
int canary_pid, effort = 1, day, days = 1;

static const struct {
	const char *name;
	void (*fn)(void);
} attacks[] = {
	{ "syscalls", attack_syscalls },
	{ "middle", attack_middle },
	{ "doors", attack_doors },
	{ "compat", attack_compat },
	{ "stack", attack_stack },
	{ "control", attack_control },
	{ "frames", attack_frames },
	{ "orders", attack_orders },
	{ "window", attack_window },
	{ "stubborn", attack_stubborn },
	{ "lull", attack_lull },
	{ "liar", attack_liar },
	{ "thunks", attack_thunks },
	{ "sigreturn", attack_sigreturn },
	{ "mapper", attack_mapper },
	{ "secret", attack_secret },
};

static uint64_t seed = 0x2545f4914f6cdd1d;
static long tries, died, overdue;
static char found[256];
static jmp_buf out;

uint64_t random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1d;
}

long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void finding(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(found, sizeof(found), fmt, ap);
	va_end(ap);
	longjmp(out, 1);
}

/* Waits at most @ms for @pid. Returns 0 with its wait status, or -1 if it has not ended. */
static int ended(pid_t pid, long ms, int *status)
{
	struct timespec t = { 0, 200000 };
	long end = now_ms() + ms;

	for (;;) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return 0;
		if (now_ms() > end)
			return -1;
		nanosleep(&t, NULL);
	}
}

bool attempt(void (*fn)(void *), void *arg, long ms)
{
	pid_t pid;
	int status;

	random64(); /* each child has numbers of its own */
	pid = fork();
	if (!pid) {
		/* a group of its own, so that its children end, too */
		setpgid(0, 0);
		fn(arg);
		_exit(0);
	}
	if (pid < 0)
		finding("fork: %s", strerror(errno));
	tries++;
	if (ended(pid, ms, &status)) {
		overdue++;
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		if (ended(pid, UNKILLABLE_MS, &status))
			finding("try %ld cannot be killed", tries);
	}
	kill(-pid, SIGKILL);
	died += !WIFEXITED(status);
	return !(WIFEXITED(status) && WEXITSTATUS(status) == STATUS_ESCAPED);
}

/* True if the kernel still works: a call, a file, a process. */
static bool works(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int fd = open("/proc/self/stat", O_RDONLY);
		char c;

		_exit(read(fd, &c, 1) == 1 ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

static int run(size_t i)
{
	long start = now_ms();

	tries = died = overdue = 0;
	found[0] = 0;
	if (!setjmp(out))
		attacks[i].fn();
	if (!found[0] && !works())
		strcpy(found, "the kernel does not go on");
	if (found[0])
		printf("NOT OK %s: %s (try %ld)\n", attacks[i].name, found, tries);
	else
		printf("ok %s: %ld tries, %ld died, %ld overdue, %ld ms\n", attacks[i].name, tries,
			died, overdue, now_ms() - start);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return found[0] != 0;
}

static bool chosen(const char *name, int argc, char **argv)
{
	int i;

	for (i = 6; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc <= 6;
}

int main(int argc, char **argv)
{
	int bad = 0;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "victim"))
		return victim();
	if (argc < 6 || atoi(argv[5]) < 1 || access("/proc/nestling", F_OK)) {
		fprintf(stderr, "escape: runs in a guest only, by tests/escape/run\n");
		return 2;
	}
	snprintf(canary_dir, sizeof(canary_dir), "%s", argv[1]);
	canary_pid = atoi(argv[2]);
	effort = atoi(argv[3]);
	day = atoi(argv[4]);
	days = atoi(argv[5]);
	seed ^= (uint64_t)getpid() << 32 ^ now_ms();
	if (setgid(65534) || setuid(65534)) {
		perror("escape: setuid");
		return 2;
	}
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (!window_find()) {
		puts("NOT OK window: not found");
		return 1;
	}
	for (i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
		if (chosen(attacks[i].name, argc, argv))
			bad |= run(i);
	return bad;
}
