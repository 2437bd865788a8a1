/* SPDX-License-Identifier: MIT */
/*
 * newopts: options of old calls that came after Linux 6.1: fcntl's queries, memfds that are never
 * programs, memory that never becomes executable, pidfds of threads and of the caller,
 * RWF_NOAPPEND, unique ids of mounts; and file_getattr, file_setattr, open_tree_attr.
 */
#include "newer.h"

#include <sys/prctl.h>

#define DUPFD_QUERY 1027
#define CREATED_QUERY 1028
#define NOEXEC_SEAL 8
#define SET_MDWE 65
#define GET_MDWE 66
#define GETATTR 468
#define SETATTR 469

static void queries(void)
{
	int a = NEED(open("new", O_RDWR | O_CREAT, 0600)), b = dup(a);
	int c = NEED(open("new", O_RDWR | O_CREAT, 0600));

	have = fcntl(a, DUPFD_QUERY, a) == 1;
	CHECK(fcntl(a, DUPFD_QUERY, b), 1);
	CHECK(fcntl(a, DUPFD_QUERY, c), 0);
	CHECK(fcntl(a, DUPFD_QUERY, 999), -EBADF);
	have = fcntl(a, CREATED_QUERY) == 1;
	CHECK(fcntl(b, CREATED_QUERY), 1);
	CHECK(fcntl(c, CREATED_QUERY), 0);
	close(a);
	close(b);
	close(c);
}

static void no_programs(void)
{
	int fd = (int)syscall(SYS_memfd_create, "x", NOEXEC_SEAL);

	have = fd >= 0;
	CHECK(fcntl(fd, F_GET_SEALS), 0x20);
	CHECK(fchmod(fd, 0777), -EPERM);
	CHECK(fchmod(fd, 0600), 0);
	CHECK(syscall(SYS_memfd_create, "x", NOEXEC_SEAL | 16), -EINVAL);
	close(fd);
	fd = (int)syscall(SYS_memfd_create, "x", 16 | 2);
	CHECK(fcntl(fd, F_ADD_SEALS, 0x20), 0);
	CHECK(fcntl(fd, F_GET_SEALS), 0x20 | 2 | 4 | 8 | 0x10);
	CHECK(fchmod(fd, 0666), -EPERM);
	close(fd);
}

static int in_child(int (*fn)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(fn());
	waitpid(pid, &status, 0);
	return status;
}

static int ask(void)
{
	return prctl(GET_MDWE, 0, 0, 0, 0);
}

static int refuse(void)
{
	char *p = mmap(NULL, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *x = mmap(NULL, 4096, 5, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(prctl(SET_MDWE, 1, 0, 0, 0), 0);
	CHECK(prctl(SET_MDWE, 1, 0, 0, 0), 0);
	CHECK(prctl(SET_MDWE, 0, 0, 0, 0), -EPERM);
	CHECK(prctl(SET_MDWE, 3, 0, 0, 0), -EPERM);
	CHECK(ask(), 1);
	CHECK((long)mmap(NULL, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), -EACCES);
	CHECK(mprotect(p, 4096, 5), -EACCES);
	CHECK(mprotect(p, 4096, 1), 0);
	CHECK(mprotect(x, 4096, 7), -EACCES);
	CHECK(mprotect(x, 4096, 4), 0);
	CHECK(in_child(ask), 1 << 8);
	return 0;
}

static int not_inherited(void)
{
	CHECK(prctl(SET_MDWE, 3, 0, 0, 0), 0);
	CHECK(ask(), 3);
	CHECK(in_child(ask), 0);
	return 0;
}

static void mdwe(void)
{
	have = ask() == 0;
	CHECK(prctl(SET_MDWE, 2, 0, 0, 0), -EINVAL);
	CHECK(prctl(SET_MDWE, 4, 0, 0, 0), -EINVAL);
	CHECK(prctl(SET_MDWE, 1, 1, 0, 0), -EINVAL);
	CHECK(prctl(GET_MDWE, 1, 0, 0, 0), -EINVAL);
	if (!have) /* what follows would not be refused */
		_exit(77);
	in_child(refuse);
	in_child(not_inherited);
}

static int thread_tid, thread_pipe[2];

static void *a_thread(void *arg)
{
	char c;

	__atomic_store_n(&thread_tid, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
	read(thread_pipe[0], &c, 1);
	return NULL;
}

static void threads(void)
{
	int self = (int)syscall(SYS_pidfd_open, getpid(), O_EXCL), fd;
	struct pollfd p = { .events = POLLIN };
	pthread_t t;

	have = self >= 0;
	NEED(pipe(thread_pipe));
	NEED0(pthread_create(&t, NULL, a_thread, NULL));
	while (!__atomic_load_n(&thread_tid, __ATOMIC_ACQUIRE))
		sched_yield();
	CHECK(syscall(SYS_pidfd_open, thread_tid, 0), -ENOENT);
	fd = (int)syscall(SYS_pidfd_open, thread_tid, O_EXCL);
	HOLDS(fcntl(fd, F_GETFL) & O_EXCL);
	p.fd = fd;
	CHECK(poll(&p, 1, 0), 0);
	CHECK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), 0);
	CHECK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 1), 0);
	CHECK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 3), -EINVAL);
	CHECK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 8), -EINVAL);
	write(thread_pipe[1], "x", 1);
	CHECK(poll(&p, 1, have ? 100000 : 0), 1);
	pthread_join(t, NULL);
	CHECK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), -ESRCH);
	have = syscall(SYS_pidfd_send_signal, -10000, 0, NULL, 0) == 0;
	CHECK(syscall(SYS_pidfd_send_signal, -10001, 0, NULL, 0), 0);
	CHECK(syscall(SYS_pidfd_send_signal, -10002, 0, NULL, 0), -EBADF);
}

static void in_place(void)
{
	struct iovec iv = { "B", 1 };
	int fd = NEED(open("log", O_RDWR | O_CREAT | O_APPEND, 0600));
	char buf[4] = { 0 };

	write(fd, "abc", 3);
	have = syscall(SYS_pwritev2, fd, &iv, 1, 1L, 0L, 0x20) == 1;
	HOLDS(pread(fd, buf, 4, 0) == 3 && !memcmp(buf, "aBc", 3));
	CHECK(syscall(SYS_pwritev2, fd, &iv, 1, 1L, 0L, 0x20 | 0x10), -EINVAL);
	close(fd);
}

static void mounts(void)
{
	uint64_t x[32] = { 0 }, unique;

	have = !syscall(SYS_statx, AT_FDCWD, "/", 0, 0x4000, x) && (uint32_t)x[0] & 0x4000;
	HOLDS(!((uint32_t)x[0] & 0x1000));
	unique = x[0x90 / 8];
	HOLDS(unique > 0x7fffffff);
	CHECK(syscall(SYS_statx, AT_FDCWD, "/", 0, 0x1000, x), 0);
	HOLDS((uint32_t)x[0] & 0x1000 && x[0x90 / 8] != unique);
}

static void attributes(void)
{
	uint32_t a[8];
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600));

	memset(a, 0xff, sizeof(a));
	have = known(GETATTR);
	CHECK(syscall(GETATTR, AT_FDCWD, "f", a, 23, 0), -EINVAL);
	CHECK(syscall(GETATTR, AT_FDCWD, "f", a, 5000, 0), -E2BIG);
	CHECK(syscall(GETATTR, AT_FDCWD, "f", a, 24, 1), -EINVAL);
	CHECK(syscall(GETATTR, AT_FDCWD, "none", a, 24, 0), -ENOENT);
	CHECK(syscall(GETATTR, AT_FDCWD, "/proc/self", a, 24, 0), -EOPNOTSUPP);
	CHECK(syscall(GETATTR, fd, "", a, 28, AT_EMPTY_PATH), 0);
	HOLDS(a[6] == 0);
	memset(a, 0, sizeof(a));
	CHECK(syscall(SETATTR, AT_FDCWD, "f", a, 23, 0), -EINVAL);
	CHECK(syscall(SETATTR, AT_FDCWD, "f", a, 24, 1), -EINVAL);
	a[6] = 1;
	CHECK(syscall(SETATTR, AT_FDCWD, "f", a, 28, 0), -E2BIG);
	a[0] = 0x40000000;
	CHECK(syscall(SETATTR, AT_FDCWD, "f", a, 24, 0), -EINVAL);
	a[0] = 0x80; /* nodump */
	CHECK(syscall(SETATTR, AT_FDCWD, "f", a, 24, 0), 0);
	a[0] = 0;
	CHECK(syscall(GETATTR, AT_FDCWD, "f", a, 24, 0), 0);
	HOLDS(a[0] & 0x80);
	close(fd);
}

static void trees(void)
{
	uint64_t a[4] = { 0 };

	have = syscall(467, AT_FDCWD, "/", 0, NULL, 0) >= 0;
	CHECK(syscall(467, AT_FDCWD, "/", 0, NULL, 32), -EINVAL);
	CHECK(syscall(467, AT_FDCWD, "/", 0, a, 0), -EINVAL);
	CHECK(syscall(467, AT_FDCWD, "/", 0, a, 8), -EINVAL);
	CHECK(syscall(467, AT_FDCWD, "/", 0, a, 5000), -E2BIG);
	CHECK(syscall(467, AT_FDCWD, "/", 0x40000000, NULL, 0), -EINVAL);
}

TEST(newopts)
{
	queries();
	no_programs();
	mdwe();
	threads();
	in_place();
	mounts();
	attributes();
	trees();
}
