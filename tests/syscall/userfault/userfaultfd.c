/* SPDX-License-Identifier: MIT */
/*
 * userfaultfd(2): missing, write-protected and minor pages, faults of the program and of the kernel
 * on its behalf, all errors. A host that forbids the call is not asked: each check knows its
 * answer.
 */
#include "asked.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#define PAGES 8

static int fd = -1;
static char *area, *source;

/* ---- the ioctls ---- */

static long api(int on, unsigned long long version, unsigned long long features)
{
	struct uffdio_api a = { .api = version, .features = features };

	return ioctl(on, UFFDIO_API, &a);
}

/* Returns the ioctls that the range allows, without those of later kernels, or -1. */
static long watch(void *p, size_t n, int mode)
{
	struct uffdio_register r = { .range = { (uintptr_t)p, n }, .mode = mode };

	return ioctl(fd, UFFDIO_REGISTER, &r) == -1 ? -1 : (long)(r.ioctls & 0xdf);
}

static long unwatch(void *p, size_t n)
{
	struct uffdio_range r = { (uintptr_t)p, n };

	return ioctl(fd, UFFDIO_UNREGISTER, &r);
}

static long wake(void *p, size_t n)
{
	struct uffdio_range r = { (uintptr_t)p, n };

	return ioctl(fd, UFFDIO_WAKE, &r);
}

/* Returns how much was copied, or -1. */
static long copy(void *to, void *from, size_t n, int mode)
{
	struct uffdio_copy c = { (uintptr_t)to, (uintptr_t)from, n, mode, 0 };
	long r = ioctl(fd, UFFDIO_COPY, &c);

	return r == -1 && (errno != EAGAIN || c.copy <= 0) ? -1 : c.copy;
}

static long zero(void *to, size_t n, int mode)
{
	struct uffdio_zeropage z = { { (uintptr_t)to, n }, mode, 0 };
	long r = ioctl(fd, UFFDIO_ZEROPAGE, &z);

	return r == -1 && (errno != EAGAIN || z.zeropage <= 0) ? -1 : z.zeropage;
}

static long cont(void *to, size_t n, int mode)
{
	struct uffdio_continue c = { { (uintptr_t)to, n }, mode, 0 };
	long r = ioctl(fd, UFFDIO_CONTINUE, &c);

	return r == -1 && (errno != EAGAIN || c.mapped <= 0) ? -1 : c.mapped;
}

static long protect(void *p, size_t n, int mode)
{
	struct uffdio_writeprotect w = { { (uintptr_t)p, n }, mode };

	return ioctl(fd, UFFDIO_WRITEPROTECT, &w);
}

/* ---- a thread that faults ---- */

static char *volatile touch;
/* 0: read, 1: write, 2: read(2) into it, 3: write(2) from it */
static volatile int how;
static volatile long got;
static int pipes[2];

static void *toucher(void *arg)
{
	switch (how) {
	case 0: got = *(volatile char *)touch; break;
	case 1: *(volatile char *)touch = 'w', got = 'w'; break;
	case 2: got = read(pipes[0], touch, 1); break;
	default: got = write(pipes[1], touch, 1); break;
	}
	return NULL;
}

static struct uffd_msg msg;

/* Starts a thread that faults at @p. Returns the flags of the message, or 100 and more. */
static long fault(pthread_t *t, char *p, int kind)
{
	struct pollfd pfd = { fd, POLLIN, 0 };

	touch = p;
	how = kind;
	got = -99;
	NEED0(pthread_create(t, NULL, toucher, NULL));
	if (poll(&pfd, 1, 100000) != 1 || pfd.revents != POLLIN)
		return 100 + pfd.revents;
	if (read(fd, &msg, sizeof(msg)) != sizeof(msg) || msg.event != UFFD_EVENT_PAGEFAULT)
		return 1000 + msg.event;
	if (msg.arg.pagefault.address != ((uintptr_t)p & ~4095UL))
		return 10000;
	return msg.arg.pagefault.flags;
}

static long done(pthread_t *t)
{
	pthread_join(*t, NULL);
	return got;
}

/* ---- the checks ---- */

static void beginnings(void)
{
	struct pollfd pfd = { fd, POLLIN, 0 };
	char buf[64];

	WANT(-EINVAL, syscall(SYS_userfaultfd, 0x100));
	WANT(-EINVAL, read(fd, buf, sizeof(buf)));
	WANT(-EINVAL, watch(area, PAGE, 1));
	WANT(1, poll(&pfd, 1, 0));
	WANT(POLLERR, pfd.revents);
	WANT(-EINVAL, api(fd, 0xab, 0));
	WANT(-EFAULT, ioctl(fd, UFFDIO_API, NULL));
	WANT(0, api(fd, UFFD_API, UFFD_FEATURE_PAGEFAULT_FLAG_WP));
	WANT(-EINVAL, ioctl(fd, 0x1234));
	WANT(-EAGAIN, read(fd, buf, sizeof(buf)));
	WANT(-EINVAL, read(fd, buf, 31));
	WANT(0, poll(&pfd, 1, 0));
}

static void registering(void)
{
	int file = NEED(open("f", O_RDWR | O_CREAT, 0600));
	char *m, *ro;

	NEED(ftruncate(file, PAGE));
	m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ro = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	WANT(-EINVAL, watch(area, PAGE, 0));
	WANT(-EINVAL, watch(area, PAGE, 8));
	WANT(-EINVAL, watch(area + 1, PAGE, 1));
	WANT(-EINVAL, watch(area, 1, 1));
	WANT(-EINVAL, watch(area, 0, 1));
	WANT(-EINVAL, watch(area, -PAGE, 1));
	WANT(-EINVAL, watch(NULL, PAGE, 1));
	WANT(-EINVAL, watch(t_unmapped(), PAGE, 1));
	WANT(-EINVAL, watch(area, PAGE, UFFDIO_REGISTER_MODE_MINOR));
	if (getenv("T_DISK"))
		WANT(-EINVAL, watch(m, PAGE, 1));
	WANT(0x1c, watch(ro, PAGE, 1));
	WANT(0x9c, watch(ro, PAGE, UFFDIO_REGISTER_MODE_MINOR));
	WANT(0, unwatch(ro, PAGE));
	WANT(-EINVAL, unwatch(t_unmapped(), PAGE));
	WANT(0, unwatch(area, PAGE));
	munmap(m, PAGE);
	munmap(ro, PAGE);
	close(file);
}

static void missing(void)
{
	pthread_t t;

	area[0] = 'a';
	WANT(0x1c, watch(area, PAGES * PAGE, UFFDIO_REGISTER_MODE_MISSING));
	WANT('a', area[0]); /* was there already */
	WANT(0, fault(&t, area + PAGE + 5, 0));
	WANT(-EEXIST, copy(area, source, PAGE, 0));
	WANT(PAGE, copy(area + PAGE, source, PAGE, 0));
	WANT('s', done(&t));
	WANT(1, fault(&t, area + 2 * PAGE, 1));
	WANT(PAGE, zero(area + 2 * PAGE, PAGE, UFFDIO_ZEROPAGE_MODE_DONTWAKE));
	WANT(-99, got);
	WANT(0, wake(area + 2 * PAGE, PAGE));
	WANT('w', done(&t));
	NEED(write(pipes[1], "xy", 2));
	WANT(1, fault(&t, area + 3 * PAGE, 2)); /* by the kernel */
	WANT(PAGE, copy(area + 3 * PAGE, source, PAGE, 0));
	WANT(1, done(&t));
	WANT('x', area[3 * PAGE]);
	WANT(0, fault(&t, area + 4 * PAGE, 3));
	WANT(PAGE, copy(area + 4 * PAGE, source, PAGE, 0));
	WANT(1, done(&t));
	WANT(0, madvise(area + PAGE, PAGE, MADV_DONTNEED));
	WANT(0, fault(&t, area + PAGE, 0));
	WANT(2 * PAGE, asked ? copy(area + 5 * PAGE, source, 2 * PAGE, 0) : 0);
	WANT(PAGE, zero(area + PAGE, 2 * PAGE, 0)); /* the second page exists */
	WANT(0, done(&t));
	CHILD(WANT(0, area[7 * PAGE])); /* a child is not watched */
}

static void copy_errors(void)
{
	char *other = t_pages(2);

	WANT(-EINVAL, copy(area + 1, source, PAGE, 0));
	WANT(-EINVAL, copy(area, source, 0, 0));
	WANT(-EINVAL, copy(area + 7 * PAGE, source, PAGE, 8));
	WANT(-EFAULT, copy(area + 7 * PAGE, t_unmapped(), PAGE, 0));
	WANT(-ENOENT, copy(other, source, PAGE, 0));
	WANT(-ENOENT, copy(area + 7 * PAGE, source, 2 * PAGE, 0));
	WANT(-EINVAL, copy(area + 7 * PAGE, source, PAGE, UFFDIO_COPY_MODE_WP));
	WANT(-EINVAL, zero(area + 7 * PAGE, PAGE, 2));
	WANT(-ENOENT, zero(other, PAGE, 0));
	WANT(-ENOENT, protect(area, PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
	WANT(-EINVAL, protect(area, PAGE, 3));
	WANT(-EINVAL, protect(area, PAGE, 4));
	WANT(-EINVAL, cont(area, PAGE, 2));
	WANT(-EINVAL, wake(area, 0));
}

/* A waiting fault goes on when its range is unregistered. */
static void ends(void)
{
	pthread_t t;

	WANT(0, madvise(area, PAGES * PAGE, MADV_DONTNEED));
	WANT(1, fault(&t, area + PAGE, 1));
	WANT(0, unwatch(area, PAGES * PAGE));
	WANT('w', done(&t));
	WANT(0, area[2 * PAGE]);
}

static void write_protection(void)
{
	pthread_t t;
	int mode = UFFDIO_REGISTER_MODE_WP | UFFDIO_REGISTER_MODE_MISSING;
	struct pollfd pfd = { fd, POLLIN, 0 };

	if (asked)
		memset(area, 'p', PAGES * PAGE);
	WANT(0x5c, watch(area, PAGES * PAGE, mode));
	WANT(0, protect(area, 4 * PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
	WANT('p', area[0]);
	WANT(3, fault(&t, area + PAGE, 1));
	WANT(0, protect(area + PAGE, PAGE, 0));
	WANT('w', done(&t));
	WANT(0, mprotect(area, 4 * PAGE, PROT_READ));
	WANT(0, mprotect(area, 4 * PAGE, PROT_READ | PROT_WRITE));
	NEED(write(pipes[1], "z", 1));
	WANT(3, fault(&t, area + 2 * PAGE, 2));
	WANT(0, protect(area + 2 * PAGE, PAGE, UFFDIO_WRITEPROTECT_MODE_DONTWAKE));
	WANT(0, wake(area + 2 * PAGE, PAGE));
	WANT(1, done(&t));
	CHILD({
		if (asked)
			area[0] = 'c'; /* a child is not watched */
		WANT('c', area[0]);
	});
	WANT('p', area[0]);
	WANT(3, fault(&t, area, 1));
	WANT(0, protect(area, PAGES * PAGE, 0));
	WANT('w', done(&t));
	WANT(0, madvise(area, PAGE, MADV_DONTNEED));
	WANT(1, fault(&t, area, 1));
	WANT(PAGE, copy(area, source, PAGE, UFFDIO_COPY_MODE_WP));
	WANT(1, poll(&pfd, 1, 100000));
	WANT(sizeof(msg), read(fd, &msg, sizeof(msg)));
	WANT(3, msg.arg.pagefault.flags);
	WANT(0, protect(area, PAGE, 0));
	WANT('w', done(&t));
	WANT(0, unwatch(area, PAGES * PAGE));
}

/* Zero pages, written or read, in a mapping of their own can be protected like other pages. */
static void zeros(void)
{
	char *p = t_pages(2);
	pthread_t t;

	if (asked) {
		memset(p, 0, PAGE);
		got = *(volatile char *)(p + PAGE);
	}
	WANT(0x5c, watch(p, 2 * PAGE, UFFDIO_REGISTER_MODE_WP));
	WANT(0, protect(p, 2 * PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
	for (int i = 0; i < 2; i++) {
		WANT(3, fault(&t, p + i * PAGE, 1));
		WANT(0, p[i * PAGE]);
		WANT(0, protect(p + i * PAGE, PAGE, 0));
		WANT('w', done(&t));
	}
	WANT(0, unwatch(p, 2 * PAGE));
	munmap(p, 2 * PAGE);
}

static void shared(void)
{
	int m = NEED(memfd_create("m", 0));
	char *p, *q;
	pthread_t t;

	NEED(ftruncate(m, 4 * PAGE));
	p = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
	q = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
	WANT(0x9c, watch(p, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR));
	WANT(1, fault(&t, p, 1));
	WANT(PAGE, copy(p, source, PAGE, 0));
	WANT('w', done(&t));
	WANT('w', q[0]);
	WANT('s', q[1]);
	if (asked)
		q[PAGE] = 'q';
	WANT(4, fault(&t, p + PAGE, 0));
	WANT(-EEXIST, copy(p + PAGE, source, PAGE, 0));
	WANT(PAGE, cont(p + PAGE, PAGE, 0));
	WANT('q', done(&t));
	WANT(-EEXIST, cont(p + PAGE, PAGE, 0));
	WANT(-EFAULT, cont(p + 2 * PAGE, PAGE, 0));
	WANT(0, fault(&t, p + 2 * PAGE, 0));
	WANT(PAGE, zero(p + 2 * PAGE, PAGE, 0));
	WANT(0, done(&t));
	WANT(0, unwatch(p, 4 * PAGE));
	close(m);
}

#define MANY 1024

static char *many;
static volatile long unfilled;

static void *reader(void *arg)
{
	for (long i = 0; i < MANY; i++)
		unfilled += *(volatile char *)(many + i * PAGE + PAGE - 1) != 's';
	return arg;
}

/* A thread that touches a page while it is being filled sees the new contents. */
static void filled_at_once(void)
{
	int m = NEED(memfd_create("m", 0));
	pthread_t t[2];
	long n = 0;

	NEED(ftruncate(m, MANY * PAGE));
	many = mmap(NULL, MANY * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
	WANT(0x1c, watch(many, MANY * PAGE, UFFDIO_REGISTER_MODE_MISSING));
	for (int i = 0; asked && i < 2; i++)
		NEED0(pthread_create(&t[i], NULL, reader, NULL));
	for (long i = 0; asked && i < MANY; i++)
		n += copy(many + i * PAGE, source, PAGE, 0) == PAGE;
	for (int i = 0; asked && i < 2; i++)
		pthread_join(t[i], NULL);
	WANT(MANY, n);
	WANT(0, unfilled);
	WANT(0, unwatch(many, MANY * PAGE));
	munmap(many, MANY * PAGE);
	close(m);
}

/* Uses a descriptor that answers faults with SIGBUS, and another without the kernel's faults. */
static void others(void)
{
	int bus = asked ? NEED(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)) : -1,
	    user = asked ? NEED(syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY)) : -1, keep = fd;
	char *p = t_pages(4);

	WANT(0, api(bus, UFFD_API, UFFD_FEATURE_SIGBUS));
	WANT(0, api(user, UFFD_API, 0));
	fd = bus;
	WANT(0x1c, watch(p, PAGE, 1));
	if (asked)
		CHILD({
			fd = NEED(syscall(SYS_userfaultfd, O_CLOEXEC));
			NEED(api(fd, UFFD_API, UFFD_FEATURE_SIGBUS));
			NEED(watch(p + 2 * PAGE, PAGE, 1));
			p[2 * PAGE] = 1;
		});
	else
		say("child: killed by SIGBUS");
	WANT(-EFAULT, pread(pipes[0], p, 1, 0) == -1 && errno == ESPIPE ?
			      read(open("f", O_RDONLY), p, 1) :
			      0);
	fd = user;
	WANT(-EBUSY, watch(p, PAGE, 1));
	/* by another descriptor than the one that watches */
	WANT(-EINVAL, unwatch(p, PAGE));
	WANT(-EINVAL, unwatch(p, 4 * PAGE));
	WANT(0x1c, watch(p + PAGE, PAGE, 1));
	WANT(-EFAULT, read(open("f", O_RDONLY), p + PAGE, 1));
	close(bus);
	close(user);
	fd = keep;
	WANT(0, p[0]);
	WANT(0, p[PAGE]);
}

/* A read of fork events makes descriptors in the reader, so EVENT_FORK needs CAP_SYS_PTRACE. */
static void forks_of_nobody(void)
{
	if (asked) {
		NEED(setresuid(65534, 65534, 65534));
		fd = NEED(syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY));
	}
	WANT(-EPERM, api(fd, UFFD_API, UFFD_FEATURE_EVENT_FORK));
	WANT(-EPERM, api(fd, UFFD_API, UFFD_FEATURE_EVENT_FORK | 1ull << 63));
	WANT(-EINVAL, api(fd, UFFD_API + 1, UFFD_FEATURE_EVENT_FORK));
	WANT(0, api(fd, UFFD_API, UFFD_FEATURE_EVENT_REMAP));
	WANT(-EPERM, api(fd, UFFD_API, UFFD_FEATURE_EVENT_FORK));
	WANT(-EINVAL, api(fd, UFFD_API, 0));
}

TEST(userfaultfd)
{
	source = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	area = t_pages(PAGES);
	memset(source, 's', 2 * PAGE);
	NEED(pipe(pipes));
	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	asked = fd != -1 || access("/proc/nestling/mode", F_OK) == 0;
	beginnings();
	registering();
	missing();
	copy_errors();
	ends();
	write_protection();
	zeros();
	shared();
	filled_at_once();
	others();
	CHILD(forks_of_nobody());
}
