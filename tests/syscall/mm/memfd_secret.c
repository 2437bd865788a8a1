/* SPDX-License-Identifier: MIT */
/*
 * memfd_secret: memory that is accessible only through a mapping: what the file can do, that its
 * pages are locked, and every other way, which must fail.
 */
#include "recorded.h"
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/statfs.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#define secret(flags) ((int)syscall(SYS_memfd_secret, flags))

static int map_secret(char **p, size_t size)
{
	int fd = NEED(secret(0));

	NEED(ftruncate(fd, (off_t)size));
	*p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(*p == MAP_FAILED ? -1 : 0);
	return fd;
}

static void the_file(void)
{
	char buf[16] = "x", name[64], to[64] = "";
	struct statfs sf;
	struct stat st;
	int fd, out = NEED(open("out", O_RDWR | O_CREAT, 0600)), ends[2];

	T(secret(1));
	T(secret(O_NONBLOCK));
	fd = NEED(secret(O_CLOEXEC));
	T(fcntl(fd, F_GETFD));
	T(fcntl(fd, F_GETFL) & ~O_LARGEFILE);
	NEED(fstat(fd, &st));
	NEED(fstatfs(fd, &sf));
	say("mode %o links %d size %d type %lx", st.st_mode, (int)st.st_nlink, (int)st.st_size,
		(long)sf.f_type);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	NEED(readlink(name, to, sizeof(to) - 1));
	say("%s", to);
	T(read(fd, buf, 1));
	T(write(fd, buf, 1));
	T(pread(fd, buf, 1, 0));
	T(lseek(fd, 0, SEEK_SET));
	T(fallocate(fd, 0, 0, PAGE));
	T(ftruncate(fd, 2 * PAGE + 5));
	T(ftruncate(fd, PAGE));
	T(ftruncate(fd, 3 * PAGE));
	NEED(fstat(fd, &st));
	say("size %d", (int)st.st_size);
	T(fchmod(fd, 0640));
	NEED(pipe(ends));
	T(syscall(SYS_copy_file_range, fd, NULL, out, NULL, 1, 0));
	T(syscall(SYS_sendfile, out, fd, NULL, 1));
	T(splice(fd, NULL, ends[1], NULL, 1, 0));
	T(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
	T(fcntl(fd, F_GET_SEALS));
	close(fd);
}

static void the_area(void)
{
	struct rlimit r = { 4 * PAGE, 4 * PAGE };
	char *p, *q;
	int fd = map_secret(&p, 2 * PAGE + 5), status;

	say("zero %d %d", p[0], p[2 * PAGE + 4]);
	p[0] = 1;
	q = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	say("the same: %d", q[0]);
	T(munlock(p, PAGE));
	T(madvise(p, PAGE, MADV_DONTNEED));
	T(madvise(p, PAGE, MADV_REMOVE));
	T(madvise(p, PAGE, MADV_DODUMP));
	T(mlock(p, PAGE));
	T(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	T(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	T(mprotect(p, PAGE, PROT_READ));
	say("still %d", q[0]);
	T(madvise(p, PAGE, MADV_POPULATE_READ));
	T(mremap(q, 3 * PAGE, 2 * PAGE, 0) == q ? 0 : -1);
	if (!fork()) {
		say("a child sees %d", q[0]);
		q[0] = 2;
		_exit(0);
	}
	wait(&status);
	say("and changes it: %d", q[0]);
	if (!fork()) {
		q[2 * PAGE] = 1;
		_exit(0);
	}
	wait(&status);
	say("beyond: signal %d", WTERMSIG(status));
	if (!fork()) {
		p = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
		_exit(p[3 * PAGE]);
	}
	wait(&status);
	say("beyond the end: signal %d", WTERMSIG(status));
	munmap(q, 2 * PAGE);
	munmap(p, 3 * PAGE);
	if (!fork()) {
		NEED(setrlimit(RLIMIT_MEMLOCK, &r));
		NEED(setresuid(1000, 1000, 1000));
		p = mmap(NULL, 3 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
		T(p == MAP_FAILED ? -1 : 0);
		T(mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
		munmap(p, 3 * PAGE);
		T(mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
		_exit(0);
	}
	wait(&status);
	close(fd);
}

/* Prints what the owner may do with secret memory. */
static void the_owner(void)
{
	char *p, buf[8] = "";
	int ends[2], fd = map_secret(&p, PAGE), out;

	NEED(pipe(ends));
	strcpy(p, "secret");
	T(vmsplice(ends[1], &(struct iovec){ p, 7 }, 1, 0));
	T(write(ends[1], p, 7));
	memset(p, 0, 7);
	T(read(ends[0], p, 7));
	say("%s", p);
	out = NEED(open(p, O_RDWR | O_CREAT, 0600));
	T(pwrite(out, p, 7, 0));
	T(pread(out, p + 100, 7, 0));
	say("%s", p + 100);
	close(out);
	T(syscall(SYS_futex, p, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	T(syscall(SYS_futex, p, FUTEX_WAKE, 1, NULL, NULL, 0));
	memcpy(buf, p, 7);
	say("%s", buf);
	close(fd);
}

static void nobody_else(void)
{
	struct iovec local, remote, mine;
	char *p, buf[8] = "", name[64];
	int status, mem, fd = map_secret(&p, 2 * PAGE);
	pid_t child;
	long word;

	strcpy(p, "secret"); /* the second page is never touched */
	local = (struct iovec){ buf, 7 };
	mine = (struct iovec){ p, 7 };
	mem = NEED(open("/proc/self/mem", O_RDWR));
	T(pread(mem, buf, 7, (off_t)(uintptr_t)p));
	T(pwrite(mem, buf, 7, (off_t)(uintptr_t)p));
	T(pread(mem, buf, 7, (off_t)(uintptr_t)p + PAGE));
	close(mem);
	remote = mine;
	T(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	child = NEED(fork());
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(p[0] == 's' ? 3 : 4);
	}
	waitpid(child, &status, 0);
	T(process_vm_readv(child, &local, 1, &remote, 1, 0));
	T(process_vm_writev(child, &local, 1, &remote, 1, 0));
	errno = 0;
	word = ptrace(PTRACE_PEEKDATA, child, p, NULL);
	say("peek %ld %s", word, t_errno(errno));
	T(ptrace(PTRACE_POKEDATA, child, p, NULL));
	snprintf(name, sizeof(name), "/proc/%d/mem", (int)child);
	mem = NEED(open(name, O_RDWR));
	T(pread(mem, buf, 7, (off_t)(uintptr_t)p));
	T(pwrite(mem, buf, 7, (off_t)(uintptr_t)p));
	T(pread(mem, buf, 7, (off_t)(uintptr_t)p + PAGE));
	close(mem);
	snprintf(name, sizeof(name), "/proc/%d/fd/%d", (int)child, fd);
	T(open(name, O_RDWR));
	ptrace(PTRACE_CONT, child, NULL, NULL);
	waitpid(child, &status, 0);
	say("untouched: %d, %s", WEXITSTATUS(status), p);
	say("what they read: '%s'", buf);
	close(fd);
}

/* No device either, and no handler of faults. */
static void no_device(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *p;
	int fd = map_secret(&p, PAGE), u = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	r.range.start = (uintptr_t)p;
	r.range.len = PAGE;
	if (u < 0)
		say("no userfaultfd");
	else if (ioctl(u, UFFDIO_API, &api))
		say("no UFFDIO_API");
	T(ioctl(u, UFFDIO_REGISTER, &r));
	close(u);
	close(fd);
}

static const char expected[] =
#include "memfd_secret.inc"
	;

/* A host may have it switched off. */
TEST(memfd_secret)
{
	int fd = older_than(6, 10) ? -1 : secret(0);

	if (older_than(6, 10) || (fd < 0 && errno == ENOSYS && older_than(1000, 0)))
		RECORDED(expected);
	close(fd);
	the_file();
	the_area();
	the_owner();
	nobody_else();
	no_device();
}
