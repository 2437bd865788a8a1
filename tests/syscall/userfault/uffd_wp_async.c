/* SPDX-License-Identifier: MIT */
/*
 * uffd_wp_async: write protection by userfaultfd(2) since Linux 6.4: of pages that are not there,
 * of shared memory and files, resolved by the kernel itself (WP_ASYNC), and set by PAGEMAP_SCAN.
 */
#include "recorded.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t inverted, mask, anyof, ret;
};
struct region {
	uint64_t start, end, kinds;
};
#define SCAN _IOWR('f', 16, struct scan)
#define WP_MATCHING 1
#define CHECK_ASYNC 2
#define WPALLOWED 1
#define WRITTEN 2
#define PRESENT 8
#define SWAPPED 0x10
#define TOLD 0x1f
#define HUGETLBFS_SHMEM (1 << 12)
#define UNPOPULATED (1 << 13)
#define ASYNC (1 << 15)
#define N 16

static int fd = -1, pagemap;
static struct region r[64];

static void open_fd(long long features)
{
	struct uffdio_api a = { .api = UFFD_API, .features = features };
	long ret;

	fd = NEED(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
	ret = ioctl(fd, UFFDIO_API, &a);
	say("api %#llx: %ld, has %#llx", features, ret,
		a.features & (HUGETLBFS_SHMEM | UNPOPULATED | ASYNC));
}

static void watch(const char *what, void *p, size_t n, int mode)
{
	struct uffdio_register a = { .range = { (uintptr_t)p, n }, .mode = mode };
	long ret = ioctl(fd, UFFDIO_REGISTER, &a);

	say("watch %s: %ld %s", what, ret, ret ? t_errno(errno) : "");
}

static void protect(const char *what, void *p, size_t n, int mode)
{
	struct uffdio_writeprotect a = { { (uintptr_t)p, n }, mode };
	long ret = ioctl(fd, UFFDIO_WRITEPROTECT, &a);

	say("protect %s: %ld %s", what, ret, ret ? t_errno(errno) : "");
}

static void unwatch(void *p, size_t n)
{
	struct uffdio_range a = { (uintptr_t)p, n };

	T(ioctl(fd, UFFDIO_UNREGISTER, &a));
}

static void tell(const char *what, char *base, struct scan s, uint64_t len)
{
	char line[1024] = "";
	int at = 0;
	long n;

	s.size = sizeof(s);
	if (!s.start)
		s.start = (uintptr_t)base;
	if (!s.end)
		s.end = (uintptr_t)base + N * PAGE;
	s.vec = len ? (uintptr_t)r : 0;
	s.vec_len = len;
	s.walk_end = 77;
	n = ioctl(pagemap, SCAN, &s);
	if (n < 0) {
		say("%s: %s, end %ld", what, t_errno(errno),
			s.walk_end == 77 ? -1 : ((long)s.walk_end - (long)base) / PAGE);
		return;
	}
	for (long i = 0; i < n && at < 900; i++)
		at += sprintf(line + at, " %ld-%ld:%#lx", ((long)r[i].start - (long)base) / PAGE,
			((long)r[i].end - (long)base) / PAGE, (long)r[i].kinds);
	say("%s: %ld, end %ld:%s", what, n, ((long)s.walk_end - (long)base) / PAGE, line);
}

/* Prints what each page is by PAGEMAP_SCAN and by pagemap (present, swapped, protected). */
static void look(const char *what, char *base)
{
	uint64_t e[N];
	char line[N + 1];

	tell(what, base, (struct scan){ .ret = TOLD }, 64);
	NEED(pread(pagemap, e, sizeof(e), (uintptr_t)base / PAGE * 8));
	for (int i = 0; i < N; i++)
		line[i] = "0123456789abcdef"[e[i] >> 63 | (e[i] >> 62 & 1) << 1 |
					     (e[i] >> 57 & 1) << 2];
	line[N] = 0;
	say("pagemap %s", line);
}

/* Returns new pages in a page table that exists, without neighbours. */
static char *fresh(int flags, int file)
{
	static char *ground;
	static int taken;
	char *p;

	if (!ground) {
		p = mmap(NULL, 4 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		NEED(p == MAP_FAILED ? -1 : munmap(p, 4 << 20));
		p = ground = (char *)(((uintptr_t)p + (2 << 20) - 1) & -(2UL << 20));
		p = mmap(p, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			-1, 0);
		NEED(p == MAP_FAILED ? -1 : 0);
		*p = 1;
	}
	p = mmap(ground + ++taken * 2 * N * PAGE, N * PAGE, PROT_READ | PROT_WRITE,
		flags | MAP_FIXED, file, 0);
	NEED(p == MAP_FAILED ? -1 : 0);
	madvise(p, N * PAGE, MADV_NOHUGEPAGE);
	madvise(p, N * PAGE, MADV_DONTNEED); /* what a kernel has made ahead */
	return p;
}

/* Prints what PAGEMAP_SCAN with WP_MATCHING does to pages some of which are written. */
static void rounds(char *p)
{
	tell("reset", p, (struct scan){ .flags = 3, .mask = WRITTEN, .ret = WRITTEN }, 0);
	look("after reset", p);
	for (int i = 1; i < N; i += 3)
		p[i * PAGE] = (char)i;
	look("some written", p);
	tell("get some", p,
		(struct scan){ .flags = 3, .mask = WRITTEN, .ret = WRITTEN, .max_pages = 2 }, 8);
	tell("get into one", p, (struct scan){ .flags = 3, .mask = WRITTEN, .ret = WRITTEN }, 1);
	look("some are left", p);
	tell("get all", p, (struct scan){ .flags = 3, .mask = WRITTEN, .ret = WRITTEN | PRESENT },
		20);
	look("none are left", p);
	for (int i = 0; i < N; i += 2)
		(void)*(volatile char *)(p + i * PAGE);
	tell("read", p, (struct scan){ .mask = WRITTEN, .ret = WRITTEN }, 20);
	memset(p, 7, N * PAGE);
	tell("all written", p, (struct scan){ .mask = WRITTEN, .ret = TOLD }, 20);
	tell("all that is there", p,
		(struct scan){ .flags = 1, .mask = PRESENT, .ret = PRESENT | WRITTEN }, 20);
	tell("again", p, (struct scan){ .flags = 1, .mask = PRESENT, .ret = PRESENT | WRITTEN },
		20);
}

static void kinds_of_change(char *p)
{
	p[0] = 1;
	T(mprotect(p, N * PAGE, PROT_READ));
	T(mprotect(p, N * PAGE, PROT_READ | PROT_WRITE));
	look("after mprotect", p);
	T(madvise(p, 4 * PAGE, MADV_DONTNEED));
	look("dropped", p);
	p[PAGE] = 1;
	(void)*(volatile char *)(p + 2 * PAGE);
	look("touched again", p);
	NEED(pread(NEED(open("/dev/zero", O_RDONLY)), p + 5 * PAGE, PAGE, 0));
	look("written to by a call", p);
}

static void fork_of(char *p)
{
	int status;

	if (!fork()) {
		pagemap = NEED(open("/proc/self/pagemap", O_RDONLY));
		tell("the child's", p, (struct scan){ .mask = WPALLOWED }, 8);
		p[9 * PAGE] = 2;
		_exit(0);
	}
	wait(&status);
	look("after fork", p);
	p[10 * PAGE] = 2;
	look("written after fork", p);
}

static void each(const char *what, char *p)
{
	say("---- %s", what);
	watch(what, p, N * PAGE, UFFDIO_REGISTER_MODE_WP);
	look("watched", p);
	protect(what, p, N * PAGE, UFFDIO_WRITEPROTECT_MODE_WP);
	look("protected", p);
	rounds(p);
	kinds_of_change(p);
	fork_of(p);
	unwatch(p, N * PAGE);
	look("no longer watched", p);
	munmap(p, N * PAGE);
}

static void async(void)
{
	int m = NEED(memfd_create("m", 0)), f = NEED(open("file", O_RDWR | O_CREAT, 0600));
	char *p;

	NEED(ftruncate(m, N * PAGE));
	NEED(ftruncate(f, N * PAGE));
	open_fd(ASYNC | HUGETLBFS_SHMEM);
	each("anonymous", fresh(MAP_PRIVATE | MAP_ANONYMOUS, -1));
	each("shared", fresh(MAP_SHARED | MAP_ANONYMOUS, -1));
	each("memfd", fresh(MAP_SHARED, m));
	each("memfd, private", fresh(MAP_PRIVATE, m));
	each("file", fresh(MAP_SHARED, f));
	each("file, private", fresh(MAP_PRIVATE, f));
	say("---- a file that is cut");
	p = fresh(MAP_SHARED, f);
	memset(p, 3, N * PAGE);
	watch("cut", p, N * PAGE, UFFDIO_REGISTER_MODE_WP);
	protect("cut", p, N * PAGE, 1);
	T(ftruncate(f, 4 * PAGE));
	T(ftruncate(f, N * PAGE));
	tell("cut", p, (struct scan){ .mask = WRITTEN, .ret = WRITTEN }, 8);
	p[6 * PAGE] = 1;
	p[1 * PAGE] = 1;
	tell("written", p, (struct scan){ .mask = WRITTEN, .ret = WRITTEN }, 8);
	T(msync(p, N * PAGE, MS_SYNC));
	tell("written out", p, (struct scan){ .mask = WRITTEN, .ret = WRITTEN }, 8);
	munmap(p, N * PAGE);
	close(m);
	close(f);
	close(fd);
}

/* Areas of several kinds beside each other. */
static void mixed(void)
{
	char *p = fresh(MAP_PRIVATE | MAP_ANONYMOUS, -1);

	say("---- mixed");
	open_fd(ASYNC);
	watch("missing", p, N * PAGE, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
	unwatch(p, N * PAGE);
	for (int i = 0; i < N; i += 2)
		p[i * PAGE] = 1;
	watch("a part", p + 4 * PAGE, 8 * PAGE, UFFDIO_REGISTER_MODE_WP);
	tell("allowed", p, (struct scan){ .mask = WPALLOWED, .ret = TOLD }, 20);
	tell("written", p, (struct scan){ .mask = WRITTEN, .ret = TOLD }, 20);
	tell("must be", p, (struct scan){ .flags = 3, .mask = WRITTEN, .ret = WRITTEN }, 20);
	tell("need not be", p, (struct scan){ .flags = 1, .mask = WRITTEN, .ret = WRITTEN }, 20);
	look("what came of it", p);
	tell("no room", p, (struct scan){ .flags = 1, .mask = WRITTEN, .ret = WRITTEN }, 0);
	look("what came of that", p);
	tell("not written", p,
		(struct scan){ .flags = 1, .inverted = WRITTEN, .mask = WRITTEN, .ret = TOLD }, 20);
	look("nor of that", p);
	protect("all", p, N * PAGE, 1);
	protect("what is watched", p + 4 * PAGE, 8 * PAGE, 0);
	look("let go", p);
	tell("all that can be", p, (struct scan){ .flags = 1 }, 20);
	look("protected", p);
	close(fd);
	look("closed", p);
	munmap(p, N * PAGE);
}

/* ---- with a handler: no page, no event, unless WP_UNPOPULATED ---- */

static void *handler(void *arg)
{
	struct uffd_msg msg;
	struct pollfd pfd = { fd, POLLIN, 0 };
	char *p = arg;

	while (poll(&pfd, 1, 2000) == 1 && read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		say("event %d, page %ld, flags %#llx", msg.event,
			((long)msg.arg.pagefault.address - (long)p) / PAGE,
			(long long)msg.arg.pagefault.flags);
		protect("no more", (void *)(uintptr_t)(msg.arg.pagefault.address & -PAGE), PAGE, 0);
		if ((char *)(uintptr_t)msg.arg.pagefault.address >= p + (N - 1) * PAGE)
			break;
	}
	return NULL;
}

static void by_hand(const char *what, long long features, char *p)
{
	struct uffdio_copy c = { .len = PAGE, .mode = UFFDIO_COPY_MODE_WP };
	pthread_t t;

	say("---- %s", what);
	open_fd(features);
	p[2 * PAGE] = p[7 * PAGE] = p[(N - 1) * PAGE] = 1;
	for (int i = 0; i < N; i++)
		if (i != 2 && i != 7 && i != N - 1)
			madvise(p + i * PAGE, PAGE, MADV_DONTNEED); /* what was made ahead */
	watch(what, p, N * PAGE, UFFDIO_REGISTER_MODE_WP);
	protect(what, p, N * PAGE, 1);
	tell("may it be", p, (struct scan){ .mask = WPALLOWED, .ret = TOLD }, 8);
	look("protected", p);
	pthread_create(&t, NULL, handler, p);
	(void)*(volatile char *)(p + 4 * PAGE);
	look("read", p);
	for (int i = 1; i < N; i++)
		if (i != 5 && i != 9)
			p[i * PAGE] = 2;
	pthread_join(t, NULL);
	look("written", p);
	c.src = (uintptr_t)p + PAGE;
	c.dst = (uintptr_t)p + 5 * PAGE;
	T(ioctl(fd, UFFDIO_COPY, &c));
	look("copied", p);
	T(madvise(p + 5 * PAGE, PAGE, MADV_DONTNEED));
	look("dropped", p);
	p = mremap(p, N * PAGE, N * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		fresh(MAP_PRIVATE | MAP_ANONYMOUS, -1));
	NEED(p == MAP_FAILED ? -1 : 0);
	p[5 * PAGE] = p[9 * PAGE] = 1; /* nothing reports this */
	say("moved, %d %d", p[5 * PAGE], p[9 * PAGE]);
	close(fd);
	munmap(p, N * PAGE);
}

static void several_areas(void)
{
	char *p = fresh(MAP_PRIVATE | MAP_ANONYMOUS, -1);

	say("---- several areas");
	open_fd(UNPOPULATED);
	T(mprotect(p + 4 * PAGE, PAGE, PROT_READ));
	watch("all", p, N * PAGE, UFFDIO_REGISTER_MODE_WP);
	protect("all", p, N * PAGE, 1);
	look("protected", p);
	munmap(p + 8 * PAGE, PAGE);
	protect("a hole", p, N * PAGE, 0);
	look("let go", p);
	protect("from the hole", p + 8 * PAGE, PAGE, 0);
	close(fd);
	munmap(p, N * PAGE);
}

static const char expected[] =
#include "uffd_wp_async.inc"
	;

TEST(uffd_wp_async)
{
	if (older_than(6, 18) ||
		(older_than(1000, 0) && close((int)syscall(SYS_userfaultfd, O_CLOEXEC))))
		RECORDED(expected);
	pagemap = NEED(open("/proc/self/pagemap", O_RDONLY));
	async();
	mixed();
	by_hand("anonymous", 0, fresh(MAP_PRIVATE | MAP_ANONYMOUS, -1));
	by_hand("anonymous, unpopulated", UNPOPULATED, fresh(MAP_PRIVATE | MAP_ANONYMOUS, -1));
	by_hand("shared", HUGETLBFS_SHMEM, fresh(MAP_SHARED | MAP_ANONYMOUS, -1));
	several_areas();
}
