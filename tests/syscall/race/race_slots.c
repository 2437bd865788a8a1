/* SPDX-License-Identifier: MIT */
/*
 * race_slots: threads share pages, and each has a slot in every page, which no other thread writes
 * to. It writes there by a store, read(), readv(), /proc/self/mem and process_vm_writev(), and
 * always finds in its slots what it has written last. Meanwhile the main thread forks, changes
 * rights, moves pages and has them written to the swap area.
 */
#include "t.h"

#include <pthread.h>

#define THREADS 4
#define PAGES 96
#define SECONDS 3
#define SLOT 1024 /* bytes */

static struct {
	char *area;
	pthread_rwlock_t lock; /* for writing: pages cannot be used */
	int mem;
	volatile bool done;
	volatile int lost;
	const char *volatile how;
} r;

static uint64_t pattern(int thread, int page, uint64_t n)
{
	return (uint64_t)thread << 56 ^ (uint64_t)page << 40 ^ n * 0x9e3779b97f4a7c15;
}

static const char *const ways[] = {
	"store",
	"read",
	"proc mem",
	"process_vm_writev",
	"readv",
};
enum { STORE, READ, PROC_MEM, VM_WRITEV, READV, WAYS };

static ssize_t put(int way, int *pipe, volatile uint64_t *to, uint64_t value)
{
	struct iovec here = { &value, 8 }, there = { (void *)to, 8 };
	struct iovec two[2] = { { (void *)to, 4 }, { (char *)to + 4, 4 } };

	switch (way) {
	case STORE: *to = value; return 8;
	case PROC_MEM: return pwrite(r.mem, &value, 8, (off_t)(uintptr_t)to);
	case VM_WRITEV: return process_vm_writev(getpid(), &here, 1, &there, 1, 0);
	case READV:
		if (write(pipe[1], &value, 8) != 8)
			return -1;
		return readv(pipe[0], two, 2);
	default:
		if (write(pipe[1], &value, 8) != 8)
			return -1;
		return read(pipe[0], (void *)to, 8);
	}
}

static void *worker(void *arg)
{
	int me = (int)(intptr_t)arg, fds[2];
	uint64_t n = 0, seed = (uint64_t)me + 1, want[PAGES] = { 0 };

	if (pipe(fds))
		return NULL;
	while (!r.done && !r.lost) {
		int page = (int)(seed % PAGES), way = (int)(seed / PAGES % WAYS);
		volatile uint64_t *slot = (void *)(r.area + page * 4096L + me * SLOT);

		pthread_rwlock_rdlock(&r.lock);
		if (*slot != want[page]) {
			r.how = "found later";
			r.lost = 1;
		}
		want[page] = pattern(me, page, ++n);
		if (put(way, fds, slot, want[page]) != 8) {
			r.how = "failed";
			r.lost = 1;
		} else if (*slot != want[page]) {
			r.how = ways[way];
			r.lost = 1;
		}
		pthread_rwlock_unlock(&r.lock);
		seed = seed * 6364136223846793005 + 1442695040888963407;
		seed ^= seed >> 29;
	}
	close(fds[0]);
	close(fds[1]);
	return arg;
}

/* A child that holds the frames for a moment, and checks that no slot of its copy changes. */
static void fork_once(unsigned int n)
{
	pid_t pid = fork();

	if (!pid) {
		static uint64_t seen[PAGES * THREADS];
		int bad = 0;

		for (int i = 0; i < PAGES * THREADS; i++)
			seen[i] = *(volatile uint64_t *)(r.area + i * SLOT);
		usleep(n % 7 * 300);
		for (int i = 0; i < PAGES * THREADS; i++)
			bad |= seen[i] != *(volatile uint64_t *)(r.area + i * SLOT);
		_exit(bad);
	}
	if (n % 3) {
		int status = -1;

		waitpid(pid, &status, 0);
		if (status) {
			r.how = "a child's copy changed";
			r.lost = 1;
		}
	}
}

/* Changes the memory below the threads as a memory manager would: forks, protects, moves. */
static void disturb(unsigned int n)
{
	int first = (int)(n * 7 % PAGES), pages = (int)(n % 23) + 1;
	char *at = r.area + first * 4096L;
	size_t len;

	if (first + pages > PAGES)
		pages = PAGES - first;
	len = (size_t)pages * 4096;
	switch (n % 5) {
	case 0:
	case 1: fork_once(n); break;
	case 2:
		pthread_rwlock_wrlock(&r.lock);
		mprotect(at, len, PROT_READ);
		mprotect(at, len, PROT_READ | PROT_WRITE);
		pthread_rwlock_unlock(&r.lock);
		break;
	case 3: {
		/* away and back */
		char *away = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		pthread_rwlock_wrlock(&r.lock);
		if (mremap(at, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, away) != away ||
			mremap(away, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, at) != at) {
			r.how = "mremap";
			r.lost = 1;
		}
		pthread_rwlock_unlock(&r.lock);
		break;
	}
	default:
		madvise(at, len, n & 8 ? MADV_WILLNEED : MADV_COLD);
		madvise(at, len, MADV_PAGEOUT);
	}
	while (waitpid(-1, NULL, n % 16 ? WNOHANG : 0) > 0)
		;
}

static void run(int flags, int fd, const char *name)
{
	time_t end = time(NULL) + SECONDS;
	pthread_t threads[THREADS];

	r.done = false;
	r.area = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, flags, fd, 0);
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, worker, (void *)i);
	for (unsigned int n = 0; time(NULL) < end && !r.lost; n++)
		disturb(n);
	r.done = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	munmap(r.area, PAGES * 4096);
	say("%s: %s", name, r.lost ? r.how : "nothing lost");
}

TEST(race_slots)
{
	int fd = NEED(open("data", O_RDWR | O_CREAT, 0600));
	pthread_rwlockattr_t attr;

	NEED(ftruncate(fd, PAGES * 4096));
	r.mem = NEED(open("/proc/self/mem", O_RDWR));
	pthread_rwlockattr_init(&attr);
	/* else threads that never all let go keep the writer out for ever */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&r.lock, &attr);
	run(MAP_PRIVATE | MAP_ANONYMOUS, -1, "anonymous memory");
	run(MAP_PRIVATE, fd, "a private file");
}
