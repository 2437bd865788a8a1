/* SPDX-License-Identifier: MIT */
/*
 * restart_syscall(2): by itself it has nothing to restart; a stopped sleep goes on with what is
 * left.
 */
#include "t.h"

/*
 * Sleeps twice for @ms, and is stopped in each sleep. Returns false if a sleep ended before the
 * stop.
 */
static bool sleeps(long ms)
{
	long start = now_ms();
	int status;
	pid_t pid = SPAWN({
		struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };
		struct pollfd none = { -1, 0, 0 };

		_exit(poll(&none, 1, (int)ms) == 0 && nanosleep(&ts, NULL) == 0 ? 0 : 1);
	});

	for (int i = 0; i < 2; i++) {
		T_WAIT(strchr("SZ", t_state(pid)));
		kill(pid, SIGSTOP);
		NEED(waitpid(pid, &status, WUNTRACED));
		if (!WIFSTOPPED(status)) {
			if (status || ms > 10000)
				t_status("never stopped", status);
			return status || ms > 10000;
		}
		kill(pid, SIGCONT);
		if (!i)
			sleep_ms(ms + ms * 3 / 10);
	}
	t_wait("sleeper", pid);
	start = now_ms() - start;
	say("took its time, once: %d", start >= 2 * ms - 1 && start < 100000);
	return true;
}

TEST(restart_syscall)
{
	long ms = 100;

	T(syscall(SYS_restart_syscall));
	while (!sleeps(ms))
		ms *= 2;
}
