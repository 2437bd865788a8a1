/* SPDX-License-Identifier: MIT */
/* proc_timers: /proc/PID/timers: the settings of timer_create(), the youngest timer first. */
#include "t.h"

static void show(void)
{
	char text[4096], *line, *save;
	int fd = open("/proc/self/timers", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n < 0 ? 0 : n] = 0;
	say("%d bytes, errno %d", n > 0, n < 0 ? errno : 0);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *dot = strncmp(line, "notify: ", 8) ? NULL : strchr(line, '.');

		if (dot) {
			*dot = 0;
			say("%s of %s", line, atoi(dot + 1) == getpid() ? "this" : "another");
		} else {
			say("%s", line);
		}
	}
}

static timer_t create(int clock, int how, int sig, void *value)
{
	struct sigevent e = { .sigev_notify = how, .sigev_signo = sig };
	int id = -1;

	e.sigev_value.sival_ptr = value;
	if (how & SIGEV_THREAD_ID)
		e._sigev_un._tid = (int)syscall(SYS_gettid);
	T(syscall(SYS_timer_create, clock, &e, &id));
	return (timer_t)(long)id;
}

TEST(proc_timers)
{
	char path[64];
	int id;

	show();
	create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGUSR1, (void *)42);
	create(CLOCK_MONOTONIC, SIGEV_NONE, 0, (void *)0x123456789);
	create(CLOCK_MONOTONIC, SIGEV_NONE, SIGUSR2, NULL);
	create(CLOCK_PROCESS_CPUTIME_ID, SIGEV_THREAD_ID, SIGRTMIN, NULL);
	create(CLOCK_THREAD_CPUTIME_ID, SIGEV_THREAD, SIGRTMAX, NULL);
	T(syscall(SYS_timer_create, CLOCK_BOOTTIME, NULL, &id));
	show();
	T(syscall(SYS_timer_delete, 2));
	show();
	CHILD(show()); /* timers are not inherited */
	snprintf(path, sizeof(path), "/proc/self/task/%d/timers", getpid());
	T(open(path, O_RDONLY));
	T(open("/proc/self/timers", O_WRONLY));
}
