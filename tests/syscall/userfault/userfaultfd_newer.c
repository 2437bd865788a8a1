/* SPDX-License-Identifier: MIT */
/* userfaultfd_newer: features of userfaultfd(2) after Linux 6.1: UFFDIO_POISON and UFFDIO_MOVE. */
#include "recorded.h"
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <sys/ioctl.h>

#define N 8
/* Pages: a kernel may copy the little that a small program has when it forks, and share nothing. */
#define BALLAST 2048
#define FEATURE_POISON (1 << 14)
#define FEATURE_MOVE (1 << 16)
#define HOLES 2
#define DONTWAKE 1

struct poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};
struct move {
	__u64 dst, src, len, mode;
	__s64 move;
};
#define POISON _IOWR(UFFDIO, 8, struct poison)
#define MOVE _IOWR(UFFDIO, 5, struct move)

static int fd = -1;
static sigjmp_buf out;
static int sig;
static bool poisoned;

static void caught(int s, siginfo_t *info, void *context)
{
	sig = s;
	poisoned =
		s == SIGBUS && (info->si_code == BUS_ADRERR || /* without CONFIG_MEMORY_FAILURE */
				       (info->si_code == BUS_MCEERR_AR && info->si_addr_lsb == 12));
	siglongjmp(out, 1);
}

static void touch(const char *what, volatile char *p, bool write)
{
	if (sigsetjmp(out, 1)) {
		say("%s: signal %d%s", what, sig, poisoned ? ", poisoned" : "");
		return;
	}
	if (write)
		*p = 9;
	say("%s: %d", what, *p);
}

static long watch(void *p, size_t n, int mode)
{
	struct uffdio_register r = { .range = { (uintptr_t)p, n }, .mode = mode };

	return ioctl(fd, UFFDIO_REGISTER, &r) == -1 ? -1 : (long)(r.ioctls & (1 << 5 | 1 << 8));
}

/* Prints the call's result and the value that it left in the field. */
static void poison(const char *what, void *p, size_t n, int mode)
{
	struct poison a = { { (uintptr_t)p, n }, mode, 77 };
	long r = ioctl(fd, POISON, &a);

	say("poison %s: %ld %s, %lld", what, r, r ? t_errno(errno) : "", (long long)a.updated);
}

static void move(const char *what, void *to, void *from, size_t n, int mode)
{
	struct move a = { (uintptr_t)to, (uintptr_t)from, n, mode, 77 };
	long r = ioctl(fd, MOVE, &a);

	say("move %s: %ld %s, %lld", what, r, r ? t_errno(errno) : "", (long long)a.move);
}

static void open_fd(long long features)
{
	struct uffdio_api a = { .api = UFFD_API, .features = features };

	fd = NEED(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
	T(ioctl(fd, UFFDIO_API, &a));
	say("features %d %d", !!(a.features & FEATURE_POISON), !!(a.features & FEATURE_MOVE));
}

/* ---- poison ---- */

static void *toucher(void *p)
{
	if (sigsetjmp(out, 1) == 0)
		(void)*(volatile char *)p;
	return NULL;
}

static void test_poison(void)
{
	char *p = t_pages(N), *q, buf[8] = "";
	struct pollfd pfd;
	unsigned char vec[N];
	pthread_t t;
	int ends[2], m, status;

	open_fd(FEATURE_POISON);
	poison("nobody watches", p, PAGE, 0);
	T(watch(p, N * PAGE, UFFDIO_REGISTER_MODE_MISSING));
	poison("odd", p + 1, PAGE, 0);
	poison("nothing", p, 0, 0);
	poison("mode", p, PAGE, 2);
	poison("beyond", p + (N - 1) * PAGE, 2 * PAGE, 0);
	poison("2", p + PAGE, 2 * PAGE, 0);
	poison("again", p + PAGE, PAGE, 0);
	poison("one and more", p, 3 * PAGE, 0);
	touch("read", p + PAGE, false);
	touch("write", p + 2 * PAGE + 100, true);
	T(mincore(p, N * PAGE, vec));
	say("core %d %d %d", vec[0] & 1, vec[1] & 1, vec[3] & 1);
	NEED(pipe(ends));
	T(write(ends[1], p + PAGE, 8));
	m = NEED(open("/proc/self/mem", O_RDWR));
	T(pread(m, buf, 8, (off_t)(uintptr_t)p + PAGE));
	close(m);
	T(madvise(p + PAGE, PAGE, MADV_POPULATE_READ));
	T(mlock(p + PAGE, PAGE));
	T(munlock(p + PAGE, PAGE));
	T(mprotect(p + PAGE, PAGE, PROT_READ));
	T(mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE));
	if (!fork()) {
		touch("a child", p + PAGE, true);
		_exit(0);
	}
	wait(&status);
	touch("still", p + PAGE, true);
	sig = 0;
	NEED0(pthread_create(&t, NULL, toucher, p + 5 * PAGE));
	pfd = (struct pollfd){ fd, POLLIN, 0 };
	T(poll(&pfd, 1, -1));
	poison("what is waited for", p + 5 * PAGE, PAGE, 0);
	pthread_join(t, NULL);
	say("a thread: signal %d%s", sig, poisoned ? ", poisoned" : "");
	T(madvise(p, N * PAGE, MADV_DONTNEED));
	poison("after dontneed", p + PAGE, PAGE, 0);
	close(fd);
	touch("nobody watches", p + PAGE, true);
	touch("nobody watches", p + 3 * PAGE, true);
	munmap(p, N * PAGE);

	open_fd(0);
	m = NEED(memfd_create("m", 0));
	NEED(ftruncate(m, 4 * PAGE));
	p = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
	q = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
	q[PAGE] = 3;
	T(watch(p, 5 * PAGE, UFFDIO_REGISTER_MODE_MISSING));
	poison("shared", p, PAGE, 0);
	poison("in the cache", p + PAGE, PAGE, 0);
	poison("beyond the end", p + 4 * PAGE, PAGE, 0);
	touch("shared", p, true);
	touch("in the cache", p + PAGE, false);
	touch("the other mapping", q, true);
	T(ftruncate(m, 0));
	T(ftruncate(m, 4 * PAGE));
	close(fd);
	touch("cut and longer", p, true);
	close(m);
	munmap(p, 5 * PAGE);
	munmap(q, 4 * PAGE);
}

/* ---- move ---- */

static void fill(char *p)
{
	for (int i = 0; i < N; i++)
		p[i * PAGE + 7] = (char)(i + 1);
}

static void show(const char *what, char *p)
{
	char line[2 * N + 1] = "";
	unsigned char vec[N] = { 0 };

	NEED(mincore(p, N * PAGE, vec));
	for (int i = 0; i < N; i++)
		line[i] = vec[i] & 1 ? (char)('0' + p[i * PAGE + 7]) : '.';
	say("%s: %s", what, line);
}

static void test_move(void)
{
	char *src = t_pages(N), *dst = t_pages(N), *other, *ballast = t_pages(BALLAST);
	int status, go[2], m;
	char c;

	open_fd(FEATURE_MOVE);
	fill(src);
	move("not watched", dst, src, PAGE, 0);
	T(watch(dst, N * PAGE, UFFDIO_REGISTER_MODE_MISSING));
	move("odd", dst + 1, src, PAGE, 0);
	move("odd source", dst, src + 1, PAGE, 0);
	move("nothing", dst, src, 0, 0);
	move("mode", dst, src, PAGE, 4);
	move("beyond the source", dst, src + (N - 1) * PAGE, 2 * PAGE, 0);
	move("beyond the target", dst + (N - 1) * PAGE, src, 2 * PAGE, 0);
	move("3", dst + PAGE, src + 2 * PAGE, 3 * PAGE, 0);
	show("source", src);
	show("target", dst);
	move("again", dst + PAGE, src + 5 * PAGE, PAGE, 0);
	move("a hole", dst, src + 2 * PAGE, PAGE, 0);
	move("a hole that may be", dst, src + 2 * PAGE, PAGE, HOLES);
	move("up to a hole", dst + 4 * PAGE, src + PAGE, 3 * PAGE, 0);
	move("over holes", dst + 5 * PAGE, src + 3 * PAGE, 3 * PAGE, HOLES);
	show("source", src);
	show("target", dst);
	move("up to a page", dst, src + 6 * PAGE, 2 * PAGE, 0);
	show("source", src);
	show("target", dst);
	src[PAGE + 7] = 5;
	say("writable: %d", src[PAGE + 7]);
	dst[PAGE + 7]++;
	show("target", dst);
	madvise(dst, N * PAGE, MADV_DONTNEED);
	fill(src);
	NEED(pipe(go));
	memset(ballast, 1, BALLAST * PAGE);
	if (!fork()) {
		close(go[1]);
		if (read(go[0], &c, 1) != 0)
			say("?");
		show("the child's", src);
		_exit(0);
	}
	move("shared with a child", dst, src, PAGE, 0);
	src[PAGE + 7] = 8;
	move("written to since", dst, src + PAGE, PAGE, 0);
	close(go[1]);
	close(go[0]);
	wait(&status);
	munmap(ballast, BALLAST * PAGE);
	show("source", src);
	show("target", dst);
	T(mprotect(src, PAGE, PROT_READ));
	move("read-only", dst + 3 * PAGE, src, PAGE, 0);
	T(mprotect(src, PAGE, PROT_READ | PROT_WRITE));
	T(mlock(src, PAGE));
	move("locked", dst + 3 * PAGE, src, PAGE, 0);
	munlock(src, PAGE);
	/* Linux requires that nothing shares the page any more */
	src[2 * PAGE] = 1;
	move("unlocked", dst + 3 * PAGE, src + 2 * PAGE, PAGE, 0);
	madvise(dst + 3 * PAGE, PAGE, MADV_DONTNEED);
	T(madvise(src, PAGE, 102));
	move("a guard", dst + 3 * PAGE, src, PAGE, 0);
	move("onto itself", dst + 3 * PAGE, dst + 3 * PAGE, PAGE, 0);
	move("along", dst + 4 * PAGE, dst + 3 * PAGE, 2 * PAGE, HOLES);
	show("target", dst);
	m = NEED(memfd_create("m", 0));
	NEED(ftruncate(m, 4 * PAGE));
	other = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
	other[0] = 1;
	move("of a file", dst + 6 * PAGE, other, PAGE, 0);
	munmap(other, 4 * PAGE);
	move("of nothing", dst + 6 * PAGE, other, PAGE, 0);
	move("to nothing", other, src, PAGE, 0);
	close(m);
	if (!fork()) {
		move("another's descriptor", dst + 6 * PAGE, src + 3 * PAGE, PAGE, 0);
		_exit(0);
	}
	wait(&status);
	close(fd);
	munmap(src, N * PAGE);
	munmap(dst, N * PAGE);
}

static void *mover(void *arg)
{
	char **p = arg;
	struct uffd_msg msg;
	struct pollfd pfd = { fd, POLLIN, 0 };

	for (int i = 0; i < N; i++) {
		poll(&pfd, 1, -1);
		if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
			return NULL;
		struct move a = { msg.arg.pagefault.address,
			msg.arg.pagefault.address - (uintptr_t)p[0] + (uintptr_t)p[1], PAGE, 0, 0 };
		if (ioctl(fd, MOVE, &a))
			say("move: %s", t_errno(errno));
	}
	return NULL;
}

/* A heap that is moved page by page while the program reads it. */
static void test_handler(void)
{
	char *p[2] = { t_pages(N), t_pages(N) };
	pthread_t t;
	int sum = 0;

	open_fd(FEATURE_MOVE);
	fill(p[1]);
	T(watch(p[0], N * PAGE, UFFDIO_REGISTER_MODE_MISSING));
	NEED0(pthread_create(&t, NULL, mover, p));
	for (int i = 0; i < N; i++)
		sum += p[0][i * PAGE + 7];
	pthread_join(t, NULL);
	say("sum %d", sum);
	show("source", p[1]);
	close(fd);
}

static const char expected[] =
#include "userfaultfd_newer.inc"
	;

TEST(userfaultfd_newer)
{
	struct sigaction sa = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO };

	if (older_than(6, 15) ||
		(older_than(1000, 0) && close((int)syscall(SYS_userfaultfd, O_CLOEXEC))))
		RECORDED(expected);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	test_poison();
	test_move();
	test_handler();
}
