/* SPDX-License-Identifier: MIT */
/* machine_host.c: the host's side of machine.c. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/host.h"
#include "tests/arch/machine_host.h"

static struct {
	int irq;
	uint32_t *word;
	uint64_t n;
} ping;

static void ping_thread(void *unused)
{
	(void)unused;
	for (uint32_t i = 0; i < ping.n; i++) {
		os_irq_raise(ping.irq);
		while (__atomic_load_n(ping.word, __ATOMIC_SEQ_CST) <= i)
			os_futex_wait(ping.word, i, os_clock_mono() + 1000000000);
	}
}

int ping_start(int irq, uint32_t *word, uint64_t n)
{
	ping.irq = irq;
	ping.word = word;
	ping.n = n;
	return os_worker_start("ping", ping_thread, NULL);
}

static int fds[2], pipe_irq, seen;

int pipe_start(int irq)
{
	pipe_irq = irq;
	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC))
		return -1;
	return os_event_add(fds[0], EPOLLIN, irq);
}

void pipe_write(void)
{
	if (write(fds[1], "x", 1) != 1)
		abort();
}

void pipe_drain(void *unused)
{
	char c;

	(void)unused;
	while (read(fds[0], &c, 1) == 1)
		seen++;
	os_event_rearm(fds[0], EPOLLIN, pipe_irq);
}

int pipe_seen(void)
{
	return seen;
}

uint64_t cpu_time_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void inner_fault(void)
{
	*(volatile int *)0x5678 = 1;
}

void host_fault(void)
{
	inner_fault();
}
