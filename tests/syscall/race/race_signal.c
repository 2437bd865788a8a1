/* SPDX-License-Identifier: MIT */
/* Storms of signals: none is lost that must not be, registers and system calls survive them. */
#include "t.h"

static volatile sig_atomic_t usr1, rt;
static volatile int stop;

static void count(int sig)
{
	if (sig == SIGUSR1)
		usr1++;
	else
		rt++;
}

static void *compute(void *arg)
{
	unsigned long x, n = 0, first = 0;
	double d;

	while (!stop) {
		int i;

		x = 1;
		d = 1.0;
		for (i = 0; i < 1000; i++) {
			x = x * 6364136223846793005ul + 1442695040888963407ul;
			d = d * 1.000001 + 0.5;
		}
		if (!n++)
			first = x;
		if (x != first)
			return (void *)1;
		if (d < 500 || d > 502)
			return (void *)2;
	}
	return NULL;
}

TEST(race_signal)
{
	struct sigaction sa = { .sa_handler = count, .sa_flags = SA_RESTART };
	struct itimerval it = { { 0, 500 }, { 0, 500 } }, off = { 0 };
	pthread_t t[2];
	void *ret;
	char buf[4096];
	int i, p[2], n, bad = 0;
	pid_t pid, me = getpid();

	signal(SIGUSR1, count);
	signal(SIGRTMIN, count);
	for (i = 0; i < 2; i++)
		NEED0(pthread_create(&t[i], NULL, compute, NULL));
	for (i = 0; i < 3000; i++) {
		pthread_kill(t[i & 1], SIGUSR1);
		if (i % 100 == 0)
			usleep(100);
	}
	stop = 1;
	for (i = 0; i < 2; i++) {
		pthread_join(t[i], &ret);
		bad += ret != NULL;
	}
	say("computations disturbed: %d, some signals came: %d", bad, usr1 > 0);

	/* queued signals are not lost */
	pid = SPAWN({
		for (i = 0; i < 500; i++)
			while (sigqueue(me, SIGRTMIN, (union sigval){ .sival_int = i }) == -1)
				usleep(100);
	});
	while (rt < 500)
		usleep(1000);
	t_wait("sender", pid);
	say("queued: %d", (int)rt);

	/* a pipe under fire moves all its bytes */
	NEED(pipe(p));
	sigaction(SIGALRM, &sa, NULL);
	pid = SPAWN({
		long sum = 0;

		close(p[1]);
		setitimer(ITIMER_REAL, &it, NULL);
		while ((n = read(p[0], buf, sizeof(buf))) > 0)
			sum += n;
		setitimer(ITIMER_REAL, &off, NULL);
		_exit(sum == 4 << 20 ? 0 : 1);
	});
	close(p[0]);
	setitimer(ITIMER_REAL, &it, NULL);
	for (i = 0; i < 4 << 20; i += n) {
		n = (4 << 20) - i < (int)sizeof(buf) ? (4 << 20) - i : (int)sizeof(buf);
		n = write(p[1], buf, n);
		if (n < 0 && errno == EINTR)
			n = 0;
		NEED(n < 0 ? -1 : 0);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	close(p[1]);
	t_wait("reader", pid);
}
