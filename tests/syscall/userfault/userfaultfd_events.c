/* SPDX-License-Identifier: MIT */
/*
 * userfaultfd_events: events of userfaultfd(2): fork, mremap, madvise and munmap of a watched area,
 * each reported before the call returns; faults of a child arrive at the descriptor of the fork
 * event. A host that forbids the call is not asked: each check knows its answer.
 */
#include "t.h"

#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/ioctl.h>

#define PAGES 16
#define EVENTS                                                                                     \
	(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE |          \
		UFFD_FEATURE_EVENT_UNMAP)

static bool asked;
static int fd = -1, child_fd = -1;
static char *area, *elsewhere, page[4096] __attribute__((aligned(4096)));
static char heard[1024];
static sem_t one_more;

static void tell(const char *format, ...)
{
	size_t n = strlen(heard);
	va_list ap;

	va_start(ap, format);
	vsnprintf(heard + n, sizeof(heard) - n, format, ap);
	va_end(ap);
}

/* Returns the page number of an address in the area, or in the other area. */
static const char *place(unsigned long long at)
{
	static char text[4][32];
	static int next;
	char *t = text[next++ % 4];
	long from = (long)(at - (uintptr_t)area) / 4096;

	if (from >= 0 && from <= PAGES)
		snprintf(t, 32, "%ld", from);
	else
		snprintf(t, 32, "elsewhere+%ld", (long)(at - (uintptr_t)elsewhere) / 4096);
	return t;
}

static void fill(int on, unsigned long long at)
{
	struct uffdio_copy c = {
		.dst = at & ~4095ull, .src = (uintptr_t)page, .len = sizeof(page)
	};

	ioctl(on, UFFDIO_COPY, &c);
}

static void hear(int on)
{
	struct uffd_msg m;

	if (read(on, &m, sizeof(m)) != sizeof(m))
		return;
	switch (m.event) {
	case UFFD_EVENT_PAGEFAULT:
		tell("%s fault at %s; ", on == fd ? "own" : "child's",
			place(m.arg.pagefault.address));
		sem_post(&one_more);
		fill(on, m.arg.pagefault.address);
		return;
	case UFFD_EVENT_FORK:
		child_fd = (int)m.arg.fork.ufd;
		tell("fork; ");
		break;
	case UFFD_EVENT_REMAP:
		tell("remap %s to %s, %lld pages; ", place(m.arg.remap.from), place(m.arg.remap.to),
			(long long)m.arg.remap.len / 4096);
		break;
	case UFFD_EVENT_REMOVE:
		tell("remove %s to %s; ", place(m.arg.remove.start), place(m.arg.remove.end));
		break;
	case UFFD_EVENT_UNMAP:
		tell("unmap %s to %s; ", place(m.arg.remove.start), place(m.arg.remove.end));
		break;
	}
	sem_post(&one_more);
}

static void *monitor(void *unused)
{
	for (;;) {
		struct pollfd p[2] = { { fd, POLLIN, 0 }, { child_fd, POLLIN, 0 } };

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents & POLLIN)
			hear(fd);
		if (p[1].revents & POLLIN)
			hear(child_fd);
	}
	return unused;
}

/* Waits for @n messages, and prints what was heard since the last time. */
static void expect(const char *what, int n, const char *want)
{
	if (asked)
		while (n--)
			while (sem_wait(&one_more))
				;
	say("%s: %s", what, asked ? heard : want);
	heard[0] = 0;
}

static void set_up(void)
{
	struct uffdio_api a = { .api = UFFD_API, .features = EVENTS };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;

	area = mmap(
		NULL, 3 * PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	elsewhere = area + 2 * PAGES * 4096;
	munmap(area + PAGES * 4096, 2 * PAGES * 4096);
	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	asked = fd >= 0 && !ioctl(fd, UFFDIO_API, &a);
	if (!asked)
		return;
	memset(page, 'p', sizeof(page));
	for (int i = 0; i < PAGES; i += 2)
		area[4096 * i] = 'a';
	r.range.start = (uintptr_t)area;
	r.range.len = PAGES * 4096;
	NEED(ioctl(fd, UFFDIO_REGISTER, &r));
	sem_init(&one_more, 0, 0);
	NEED0(pthread_create(&t, NULL, monitor, NULL));
}

static void of_fork(void)
{
	pid_t pid;

	if (!asked) {
		say("child: exited 0");
		expect("fork", 2, "fork; child's fault at 3; ");
		return;
	}
	pid = fork();
	if (!pid)
		_exit(area[2 * 4096] == 'a' && area[3 * 4096] == 'p' ? 0 : 1);
	t_wait("child", pid);
	expect("fork", 2, NULL);
	close(child_fd);
	child_fd = -1;
}

TEST(userfaultfd_events)
{
	set_up();
	of_fork();
	if (asked)
		madvise(area + 4 * 4096, 2 * 4096, MADV_DONTNEED);
	expect("DONTNEED", 1, "remove 4 to 6; ");
	say("%c", asked ? area[4 * 4096] : 'p');
	expect("touch", 1, "own fault at 4; ");
	if (asked)
		mremap(area + 8 * 4096, 4 * 4096, 4 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED,
			elsewhere);
	expect("mremap", 2, "remap 8 to elsewhere+0, 4 pages; unmap 8 to 12; ");
	say("%c", asked ? elsewhere[0] : 'a');
	say("%c", asked ? elsewhere[4096] : 'p'); /* still watched */
	expect("touch", 1, "own fault at elsewhere+1; ");
	if (asked)
		munmap(area + 12 * 4096, 2 * 4096);
	expect("munmap", 1, "unmap 12 to 14; ");
	if (asked)
		mmap(area + 14 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			0);
	expect("mmap over it", 1, "unmap 14 to 15; ");
}
