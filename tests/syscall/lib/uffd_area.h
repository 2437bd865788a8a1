/* SPDX-License-Identifier: MIT */
/*
 * uffd_area.h: an area of N pages of any size that a userfaultfd watches: its ioctls, which print
 * what they return and leave in their last field, and threads that fault.
 *
 *	open_fd(0); area = map_private();
 *	watch(area, N * size, MISSING);
 *	begin(&t, area, -1);			a thread reads, and its message is printed
 *	zero(area, size); end(&t);
 */
#ifndef TESTS_SYSCALL_UFFD_AREA_H
#define TESTS_SYSCALL_UFFD_AREA_H

#include "t.h"

#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <sys/ioctl.h>

#define N 4 /* pages of an area */
#define RW (PROT_READ | PROT_WRITE)
#define DONTWAKE 1
#ifndef UFFDIO_CONTINUE_MODE_WP
#define UFFDIO_CONTINUE_MODE_WP 2
#endif
#define MISSING UFFDIO_REGISTER_MODE_MISSING
#define MINOR UFFDIO_REGISTER_MODE_MINOR
#define WP UFFDIO_REGISTER_MODE_WP

struct poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};
#define GUARD_INSTALL 102
/* ioctls that are compared; later kernels have more */
#define KNOWN 0x1ff
#define POISON _IOWR(UFFDIO, 8, struct poison)

static size_t size = PAGE; /* of a page */
static int fd = -1;
static char *area, *source, *other_view;

/* Ends the test with the errno unless @yes. */
static void need(int yes, const char *what)
{
	if (!yes) {
		say("%s: %s", what, t_errno(errno));
		exit(1);
	}
}

static bool huge(void)
{
	return size != PAGE;
}

/* Returns HugePages_@which of /proc/meminfo. */
static long pool(const char *which)
{
	char line[128], format[64];
	long n = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	snprintf(format, sizeof(format), "HugePages_%s: %%ld", which);
	while (f && n < 0 && fgets(line, sizeof(line), f))
		sscanf(line, format, &n);
	if (f)
		fclose(f);
	return n;
}

/* Prints the pool of huge pages, if the area consists of them. */
static void show_pool(const char *when)
{
	if (!huge())
		return;
	say("%s: %ld of %ld free, %ld promised", when, pool("Free"), pool("Total"), pool("Rsvd"));
}

/* ---- the ioctls: each prints its result, and the last field of its argument ---- */

static void result(const char *what, char *p, long r, long long field)
{
	say("%s at %g: %s, %lld", what, (double)(p - area) / size, r ? t_errno(errno) : "ok",
		field);
}

/* Registers @n bytes. @mode: MISSING, MINOR, WP. */
static void watch(char *p, size_t n, int mode)
{
	struct uffdio_register r = { { (uintptr_t)p, n }, mode, 0 };
	long e = ioctl(fd, UFFDIO_REGISTER, &r);

	result("watch", p, e, (long long)r.ioctls & KNOWN);
}

static void unwatch(char *p, size_t n)
{
	struct uffdio_range r = { (uintptr_t)p, n };

	result("unwatch", p, ioctl(fd, UFFDIO_UNREGISTER, &r), 0);
}

static void wake(char *p, size_t n)
{
	struct uffdio_range r = { (uintptr_t)p, n };

	result("wake", p, ioctl(fd, UFFDIO_WAKE, &r), 0);
}

static void copy(char *p, void *from, size_t n, int mode)
{
	struct uffdio_copy c = { (uintptr_t)p, (uintptr_t)from, n, mode, 77 };
	long e = ioctl(fd, UFFDIO_COPY, &c);

	result("copy", p, e, c.copy);
}

static void zero(char *p, size_t n)
{
	struct uffdio_zeropage z = { { (uintptr_t)p, n }, 0, 77 };
	long e = ioctl(fd, UFFDIO_ZEROPAGE, &z);

	result("zero", p, e, z.zeropage);
}

static void go_on(char *p, size_t n, int mode)
{
	struct uffdio_continue c = { { (uintptr_t)p, n }, mode, 77 };
	long e = ioctl(fd, UFFDIO_CONTINUE, &c);

	result("continue", p, e, c.mapped);
}

static void poison(char *p, size_t n)
{
	struct poison a = { { (uintptr_t)p, n }, 0, 77 };
	long e = ioctl(fd, POISON, &a);

	result("poison", p, e, a.updated);
}

static void protect(char *p, size_t n, int mode)
{
	struct uffdio_writeprotect w = { { (uintptr_t)p, n }, mode };

	result(mode ? "protect" : "let go", p, ioctl(fd, UFFDIO_WRITEPROTECT, &w), 0);
}

/* Opens @fd anew with these UFFD_FEATURE_*. */
static void open_fd(unsigned long long features)
{
	struct uffdio_api a = { .api = UFFD_API, .features = features };

	close(fd);
	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	need(fd >= 0 && !ioctl(fd, UFFDIO_API, &a), "userfaultfd");
	say("features: missing %d, minor %d", !!(a.features & UFFD_FEATURE_MISSING_HUGETLBFS),
		!!(a.features & UFFD_FEATURE_MINOR_HUGETLBFS));
}

/* ---- threads that fault ---- */

static __thread sigjmp_buf out;
static __thread siginfo_t signalled;

static void caught(int sig, siginfo_t *info, void *context)
{
	signalled = *info;
	siglongjmp(out, sig);
}

/*
 * Reads the byte at @p, after writing @value unless it is negative. Returns in @text the byte, or
 * the signal.
 */
static const char *outcome(char text[32], volatile char *p, int value)
{
	int sig = sigsetjmp(out, 1);

	if (!sig) {
		if (value >= 0)
			*p = (char)value;
		snprintf(text, 32, "%d", *p);
		return text;
	}
	/* BUS_ADRERR: beyond the end, or poison without CONFIG_MEMORY_FAILURE */
	snprintf(text, 32, "%s%s", sigabbrev_np(sig),
		signalled.si_code == BUS_ADRERR || (signalled.si_code == BUS_MCEERR_AR &&
							   1ul << signalled.si_addr_lsb == size) ?
			", no page" :
			"");
	return text;
}

static void touch(const char *what, volatile char *p, int value)
{
	char text[32];

	say("%s: %s", what, outcome(text, p, value));
}

struct touching {
	pthread_t thread;
	volatile char *p;
	int value;
	char outcome[32];
};

static void *toucher(void *arg)
{
	struct touching *t = arg;

	outcome(t->outcome, t->p, t->value);
	return NULL;
}

/* Waits for a message and prints it. */
static void next_message(const char *what)
{
	struct pollfd pfd = { fd, POLLIN, 0 };
	struct uffd_msg m = { 0 };

	need(poll(&pfd, 1, 100000) == 1 && read(fd, &m, sizeof(m)) == sizeof(m), "message");
	say("%s: event %x, flags %lld, at %g", what, m.event, (long long)m.arg.pagefault.flags,
		(double)((char *)m.arg.pagefault.address - area) / size);
}

/*
 * Starts a thread that reads at @p or writes @value (see outcome()), and prints the message of its
 * fault.
 */
static void begin(struct touching *t, char *p, int value)
{
	*t = (struct touching){ .p = p, .value = value };
	need(!pthread_create(&t->thread, NULL, toucher, t), "thread");
	next_message("fault");
}

/* Waits for the thread and prints its outcome. */
static void end(struct touching *t)
{
	pthread_join(t->thread, NULL);
	say("thread: %s", t->outcome);
}

/* Prints whether a message waits: "0 messages" or "1 messages". */
static void silent(const char *what)
{
	struct pollfd pfd = { fd, POLLIN, 0 };

	say("%s: %d messages", what, poll(&pfd, 1, 0));
}

/* ---- areas ---- */

/* Maps N anonymous pages for reading and writing. map_file() maps N pages of a file. */
static char *map_private(void)
{
	char *p = mmap(NULL, N * size, RW, MAP_PRIVATE | MAP_ANONYMOUS | (huge() ? MAP_HUGETLB : 0),
		-1, 0);

	need(p != MAP_FAILED, "mmap");
	return p;
}

static char *map_file(int m, int flags)
{
	char *p = mmap(NULL, N * size, RW, flags, m, 0);

	need(p != MAP_FAILED, "mmap");
	return p;
}

/* Returns a memory file of N pages. */
static int file(void)
{
	int m = memfd_create("m", huge() ? MFD_HUGETLB : 0);

	need(m >= 0 && !ftruncate(m, N * size), "memfd");
	return m;
}

#endif
