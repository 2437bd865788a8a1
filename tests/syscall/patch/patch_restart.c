/* SPDX-License-Identifier: MIT */
/*
 * Calls that are interrupted and made again, at hot sites: the kernel goes back to the `syscall`
 * itself.
 */
#include "site.h"

SITE(restart_read, 0);
SITE(restart_nanosleep, 35);
SITE(restart_poll, 7);
SITE(restart_futex, 202);

static int p[2];

static void heat(void)
{
	struct timespec none = { 0, 0 };
	char c;
	int i, zero = NEED(open("/dev/zero", O_RDONLY)), word = 1;
	long bad = 0;

	for (i = 0; i < HOT; i++) {
		bad += restart_read(zero, (long)&c, 1, 0, 0, 0) != 1;
		bad += restart_poll(0, 0, 0, 0, 0, 0) != 0;
		bad += restart_futex((long)&word, 0, 0, 0, 0, 0) != -EAGAIN;
		if (i < 300)
			bad += restart_nanosleep((long)&none, 0, 0, 0, 0, 0) != 0;
	}
	say("heating: %ld wrong", bad);
	close(zero);
}

/* Forks a child that signals the sleeping parent three times, then writes a byte. */
static pid_t poker(int byte)
{
	pid_t parent = getpid();

	return SPAWN({
		int i;

		for (i = 0; i < 3; i++) {
			t_until(parent, 'S');
			sleep_ms(20);
			kill(parent, SIGUSR1);
			sleep_ms(20);
		}
		if (byte)
			NEED(write(p[1], "x", 1));
	});
}

static void one(const char *what, int flags, long (*call)(void), int byte)
{
	pid_t pid;
	long r;

	t_handle(SIGUSR1, flags);
	t_signals = 0;
	pid = poker(byte);
	r = call();
	while (waitpid(pid, NULL, 0) == -1)
		;
	say("%s: %ld %s", what, r < 0 ? -1 : r, r < 0 ? t_errno(-r) : "");
	if (flags & SA_RESTART)
		say("signals: %d", t_signals);
	if (byte && r < 0)
		NEED(read(p[0], &(char){ 0 }, 1));
}

static long do_read(void)
{
	char c = 0;

	return restart_read(p[0], (long)&c, 1, 0, 0, 0) == 1 ? c : -errno;
}

static long do_read_raw(void)
{
	char c = 0;

	return restart_read(p[0], (long)&c, 1, 0, 0, 0);
}

static long do_sleep(void)
{
	struct timespec t = { 1000, 0 }, left = { 0, 0 };

	return restart_nanosleep((long)&t, (long)&left, 0, 0, 0, 0);
}

static long do_futex(void)
{
	struct timespec t = { 1000, 0 };
	int word = 1;

	return restart_futex((long)&word, 0, 1, (long)&t, 0, 0);
}

/*
 * Stops and continues a child during its sleep, which uses restart_syscall(). Tries a longer sleep
 * if the sleep ended before the stop.
 */
static void stopped(void)
{
	for (long ms = 400;; ms *= 2) {
		pid_t pid = SPAWN({
			struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
			long start = now_ms();

			_exit(restart_nanosleep((long)&t, 0, 0, 0, 0, 0) ? 1 :
				now_ms() - start < ms - 10               ? 2 :
									   0);
		});
		int status;

		T_WAIT(strchr("SZ", t_state(pid)));
		kill(pid, SIGSTOP);
		NEED(waitpid(pid, &status, WUNTRACED));
		if (WIFSTOPPED(status)) {
			kill(pid, SIGCONT);
			t_wait("stopped in its sleep", pid);
			return;
		}
		if (status || ms > 20000) {
			t_status("never stopped", status);
			return;
		}
	}
}

TEST(patch_restart)
{
	NEED(pipe(p));
	heat();
	one("read goes on", SA_RESTART, do_read, 1);
	one("read ends", 0, do_read_raw, 1);
	one("nanosleep ends", SA_RESTART, do_sleep, 0);
	one("futex ends in its time", SA_RESTART, do_futex, 0);
	stopped();
}
