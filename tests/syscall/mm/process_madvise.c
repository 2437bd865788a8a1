/* SPDX-License-Identifier: MIT */
/*
 * process_madvise(2), process_mrelease(2), remap_file_pages(2), and protection keys without keys.
 */
#include "t.h"
#include <pthread.h>
#include <sys/ptrace.h>

static long advise(int fd, const struct iovec *v, size_t n, int advice, int flags)
{
	return syscall(SYS_process_madvise, fd, v, n, advice, flags);
}

static void advising(char *p)
{
	struct iovec v[3] = { { p, PAGE }, { p + 2 * PAGE, PAGE }, { p + 1, PAGE } };
	pid_t child = SPAWN(pause());
	int self = NEED(syscall(SYS_pidfd_open, getpid(), 0)),
	    other = NEED(syscall(SYS_pidfd_open, child, 0));

	T(advise(self, v, 2, MADV_COLD, 0));
	T(advise(self, v, 2, 999, 0));
	T(advise(self, v + 1, 1, MADV_DONTNEED, 0)); /* of one's own (Linux 6.13) */
	T(advise(other, v, 2, MADV_PAGEOUT, 0));
	T(advise(other, v, 2, MADV_WILLNEED, 0));
	T(advise(other, v, 2, MADV_DONTNEED, 0));
	T(advise(other, v, 2, 999, 0));
	T(advise(other, v, 3, MADV_COLD, 0)); /* as far as it gets */
	T(advise(other, v + 2, 1, MADV_COLD, 0));
	T(advise(other, v, 2, MADV_COLD, 1));
	T(advise(other, BAD, 2, MADV_COLD, 0));
	T(advise(other, v, 1025, MADV_COLD, 0));
	T(advise(-1, v, 2, MADV_COLD, 0));
	T(advise(1, v, 2, MADV_COLD, 0));
	say("still %c", p[0]);
	T(syscall(SYS_process_mrelease, other, 0));
	T(syscall(SYS_process_mrelease, other, 1));
	T(syscall(SYS_process_mrelease, -1, 0));
	T(syscall(SYS_process_mrelease, 1, 0));
	kill(child, SIGKILL);
	t_wait("child", child);
	T(syscall(SYS_process_mrelease, other, 0));
	T(advise(other, v, 2, MADV_COLD, 0));
	close(self);
	close(other);
}

/* A killed process's memory may go at once, unless it has gone. */
static void releasing(void)
{
	int i, wrong = 0;

	for (i = 0; i < 20; i++) {
		pid_t child = SPAWN(pause());
		int fd = NEED(syscall(SYS_pidfd_open, child, 0));
		long r;

		kill(child, SIGKILL);
		r = syscall(SYS_process_mrelease, fd, 0);
		wrong += r && errno != ESRCH && errno != EAGAIN;
		waitpid(child, NULL, 0);
		close(fd);
	}
	say("a killed child's: %s", wrong ? "refused" : "released, or gone");
}

/*
 * Another process reads the memory of a dying process: it gets a fault, not zeros. Shared memory
 * stays.
 */
static void looking_at_released(char *p)
{
	char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
	     buf[8] = "";
	struct iovec to = { buf, 6 }, from = { p, 6 };
	pid_t child = SPAWN({
		strcpy(p, "child");
		strcpy(shared, "of all");
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		pause();
	});
	int status, fd;

	NEED(waitpid(child, &status, 0));
	NEED(ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL));
	NEED(ptrace(PTRACE_CONT, child, 0, 0));
	kill(child, SIGKILL);
	NEED(waitpid(child, &status, 0));
	say("on its way out: %d", status >> 16 == PTRACE_EVENT_EXIT);
	T(process_vm_readv(child, &to, 1, &from, 1, 0));
	say("it has %.6s", buf);
	fd = NEED(syscall(SYS_pidfd_open, child, 0));
	T(syscall(SYS_process_mrelease, fd, 0));
	T(process_vm_readv(child, &to, 1, &from, 1, 0));
	from.iov_base = shared;
	T(process_vm_readv(child, &to, 1, &from, 1, 0));
	say("it has %.6s", buf);
	NEED(ptrace(PTRACE_CONT, child, 0, 0));
	NEED(waitpid(child, &status, 0));
	say("killed: %d", WIFSIGNALED(status));
	close(fd);
}

static struct {
	pid_t child;
	int end;
	long released;
} vforked;

static void *kill_and_release(void *arg)
{
	while (!__atomic_load_n(&vforked.end, __ATOMIC_ACQUIRE)) {
		pid_t child = __atomic_exchange_n(&vforked.child, 0, __ATOMIC_ACQ_REL);
		int fd = child > 0 ? (int)syscall(SYS_pidfd_open, child, 0) : -1;
		long r = 0;

		if (fd < 0) {
			sched_yield();
			continue;
		}
		kill(child, SIGKILL);
		do {
			r = syscall(SYS_process_mrelease, fd, 0);
			vforked.released += !r;
		} while (!r || errno != ESRCH);
		close(fd);
	}
	return arg;
}

/* A child of vfork() dies that shares its parent's memory: none of it is reaped. */
static void releasing_vforked(char *p)
{
	pthread_t t;
	int i;

	pthread_create(&t, NULL, kill_and_release, NULL);
	for (i = 0; i < 300; i++) {
		pid_t pid = vfork();

		if (!pid) {
			__atomic_store_n(&vforked.child, syscall(SYS_getpid), __ATOMIC_RELEASE);
			for (;;)
				syscall(SYS_pause);
		}
		waitpid(pid, NULL, 0);
	}
	__atomic_store_n(&vforked.end, 1, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
	say("of a vforked child's: %ld times, still %c", vforked.released, p[0]);
}

static void show(const char *what, const char *p, int pages)
{
	char text[16] = "";
	int i;

	for (i = 0; i < pages; i++)
		text[i] = p[i * PAGE];
	say("%s: %s", what, text);
}

static void remapping(void)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT | O_TRUNC, 0600)), i;
	char *p, *q;

	NEED(ftruncate(fd, 8 * PAGE));
	for (i = 0; i < 8; i++)
		NEED(pwrite(fd, &"abcdefgh"[i], 1, i * PAGE));
	p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	T(remap_file_pages(p, 2 * PAGE, 0, 4, 0));
	show("remapped", p, 8);
	T(remap_file_pages(p + 6 * PAGE, PAGE, 0, 0, MAP_NONBLOCK));
	p[6 * PAGE] = 'A';
	show("once more", p, 8);
	T(remap_file_pages(p, PAGE, PROT_READ, 0, 0));
	T(remap_file_pages(p, 0, 0, 0, 0));
	T(remap_file_pages(p + 5 * PAGE, 9 * PAGE, 0, 0, 0));
	T(remap_file_pages(q, PAGE, 0, 1, 0));
	T(remap_file_pages(t_unmapped(), PAGE, 0, 1, 0));
	T(remap_file_pages(p, PAGE, 0, ~0UL, 0));
	T(munmap(p, 8 * PAGE));
	T(munmap(q, 8 * PAGE));
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < 4; i++)
		p[i * PAGE] = '0' + i;
	T(remap_file_pages(p, PAGE, 0, 3, 0));
	show("anonymous", p, 4);
	close(fd);
}

TEST(process_madvise)
{
	char *p = t_pages(4);

	memset(p, 'x', 4 * PAGE);
	advising(p);
	releasing();
	releasing_vforked(p);
	looking_at_released(p);
	remapping();
	T(syscall(SYS_pkey_mprotect, p, (size_t)PAGE, PROT_READ, -1));
	T(syscall(SYS_pkey_mprotect, p, (size_t)PAGE, PROT_READ, 15));
	T(syscall(SYS_pkey_alloc, 1, 0));
	T(syscall(SYS_pkey_alloc, 0, 4));
	T(syscall(SYS_pkey_free, 15));
}
