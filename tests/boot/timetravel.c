/* SPDX-License-Identifier: MIT */
/*
 * timetravel.c: a day of a guest in a few seconds: a thousand timers, threads that sleep and
 * compete, a child at the end of a pipe, a file that is synced. A checksum covers every event with
 * its time. Prints how often each event happened, the checksum, and the days that passed. With an
 * argument: only so many hours.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NR_FD 500
#define NR_POSIX 500
#define NR_THREADS 8

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t sum = 14695981039346656037ULL;
static unsigned long fd_events, signals, naps, answers;
static volatile sig_atomic_t over;

static uint64_t now(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void note(uint64_t what)
{
	uint64_t words[3] = { what, now(CLOCK_MONOTONIC), now(CLOCK_REALTIME) };

	for (size_t i = 0; i < sizeof(words); i++)
		sum = (sum ^ ((unsigned char *)words)[i]) * 1099511628211ULL;
}

static uint64_t chance(uint64_t below)
{
	uint64_t r;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		exit(9);
	return r % below;
}

static void pause_ns(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };

	nanosleep(&ts, NULL);
}

static void *napper(void *arg)
{
	while (!over) {
		pause_ns(1000000 + chance(200000000000));
		pthread_mutex_lock(&lock);
		naps++;
		note((uint64_t)(uintptr_t)arg);
		for (volatile int i = 0; i < 1000; i++)
			;
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void make_timers(int set)
{
	for (int i = 0; i < NR_FD; i++) {
		int fd = timerfd_create(i % 2 ? CLOCK_REALTIME : CLOCK_MONOTONIC, TFD_NONBLOCK);
		struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };
		struct itimerspec t = { { (time_t)(60 + chance(3600)), (long)chance(1000000000) },
			{ (time_t)chance(600), 1 } };

		if (fd < 0 || timerfd_settime(fd, 0, &t, NULL) ||
			epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev))
			exit(8);
	}
	for (int i = 0; i < NR_POSIX; i++) {
		struct sigevent se = { .sigev_notify = SIGEV_SIGNAL,
			.sigev_signo = SIGRTMIN,
			.sigev_value.sival_int = i };
		struct itimerspec t = { { (time_t)(60 + chance(7200)), 7 },
			{ (time_t)chance(600), 1 } };
		timer_t id;

		if (timer_create(CLOCK_MONOTONIC, &se, &id) || timer_settime(id, 0, &t, NULL))
			exit(7);
	}
}

/* Answers each byte after a while, and writes its answers to the disk. */
static void child(int in, int out)
{
	int file = open("log", O_CREAT | O_WRONLY | O_APPEND, 0644);
	char c;

	while (read(in, &c, 1) == 1) {
		pause_ns(chance(1000000));
		c ^= (char)chance(256);
		if (write(file, &c, 1) != 1 || fsync(file) || write(out, &c, 1) != 1)
			_exit(6);
	}
	_exit(0);
}

static void take_signals(void)
{
	struct timespec none = { 0, 0 };
	sigset_t set;
	siginfo_t si;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	while (sigtimedwait(&set, &si, &none) > 0) {
		signals++;
		pthread_mutex_lock(&lock);
		note((uint64_t)si.si_value.sival_int);
		pthread_mutex_unlock(&lock);
	}
}

static void ask(int to, int from)
{
	char c = (char)fd_events;

	if (write(to, &c, 1) != 1 || read(from, &c, 1) != 1)
		exit(5);
	answers++;
	pthread_mutex_lock(&lock);
	note((unsigned char)c);
	pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv)
{
	uint64_t end =
		now(CLOCK_MONOTONIC) + (argc > 1 ? (uint64_t)atoi(argv[1]) : 24) * 3600000000000ULL;
	int set = epoll_create1(0), there[2], back[2];
	pthread_t threads[NR_THREADS];
	sigset_t mask;

	setbuf(stdout, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	if (pipe(there) || pipe(back))
		return 4;
	if (!fork()) {
		close(there[1]);
		close(back[0]);
		child(there[0], back[1]);
	}
	close(there[0]);
	close(back[1]);
	make_timers(set);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, napper, (void *)(uintptr_t)(1000 + i));
	while (now(CLOCK_MONOTONIC) < end) {
		struct epoll_event ev;
		uint64_t n;

		if (epoll_wait(set, &ev, 1, 60000) == 1 && read(ev.data.fd, &n, 8) == 8) {
			fd_events++;
			pthread_mutex_lock(&lock);
			note((uint64_t)ev.data.fd << 32 | n);
			pthread_mutex_unlock(&lock);
			if (fd_events % 16 == 0)
				ask(there[1], back[0]);
		}
		take_signals();
	}
	over = 1;
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	close(there[1]);
	wait(NULL);
	printf("%lu timers %lu signals %lu naps %lu answers %016llx\n", fd_events, signals, naps,
		answers, (unsigned long long)sum);
	return 0;
}
