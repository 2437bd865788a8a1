/* SPDX-License-Identifier: MIT */
/* restart_syscall(2): by itself it has nothing to restart; a stopped sleep goes on with what is left. */
#include "t.h"

TEST(restart_syscall)
{
	struct timespec ts = { 0, 100000000 };
	long start;
	pid_t pid;

	T(syscall(SYS_restart_syscall));
	start = now_ms();
	pid = SPAWN({
		struct pollfd none = { -1, 0, 0 };

		_exit(poll(&none, 1, 100) == 0 && nanosleep(&ts, NULL) == 0 ? 0 : 1);
	});
	t_until(pid, 'S');
	kill(pid, SIGSTOP);
	t_until(pid, 'T');
	kill(pid, SIGCONT);
	sleep_ms(130);
	kill(pid, SIGSTOP);
	t_until(pid, 'T');
	kill(pid, SIGCONT);
	t_wait("sleeper", pid);
	start = now_ms() - start;
	say("took its time, once: %d", start >= 199 && start < 2000);
}
