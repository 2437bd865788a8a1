/* SPDX-License-Identifier: MIT */
/* memory.c: memory of all kinds: private, shared and swapped out. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <linux/futex.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "works.h"

#define PAGE 4096

/* Forks. Parent and child share the pages, both write to them, and each must see its own words. */
static void cow_round(char *at, size_t pages, size_t step, uint64_t key)
{
	pid_t pid;
	int status;

	for (size_t i = 0; i < pages; i++)
		*(uint64_t *)(at + i * step) = key + i;
	pid = fork();
	MUST(pid >= 0);
	for (size_t i = 0; i < pages; i++) {
		uint64_t *word = (uint64_t *)(at + i * step);

		if (*word != key + i && !pid)
			_exit(3);
		if (*word != key + i)
			BAD("page %zu after fork is %lx, not %lx", i, *word, key + i);
		*word = key - i - !pid;
	}
	for (size_t i = 0; i < pages; i++)
		if (*(uint64_t *)(at + i * step) != key - i - !pid)
			pid ? BAD("a page that was copied") : _exit(4);
	if (!pid)
		_exit(42);
	MUST(waitpid(pid, &status, 0) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 42)
		BAD("the child saw other memory: %#x", status);
}

static void run_fork(void)
{
	for (uint64_t key = 1 << 20;; key += 997, done()) {
		size_t size = 64 * PAGE;
		char *at = mmap(
			NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		MUST(at != MAP_FAILED);
		cow_round(at, 64, PAGE, key);
		at = mremap(at, size, 2 * size, MREMAP_MAYMOVE);
		MUST(at != MAP_FAILED && !madvise(at, 8 * PAGE, MADV_DONTNEED));
		if (*(uint64_t *)at || *(uint64_t *)(at + 100 * PAGE))
			BAD("memory that was given back, or is new, is not zero");
		if (*(uint64_t *)(at + 9 * PAGE) != key - 9)
			BAD("memory that was moved");
		MUST(!munmap(at, 2 * size));
	}
}
WORK(fork, run_fork, NULL);

static void run_huge(void)
{
	size_t size = 2 << 20;

	for (uint64_t key = 1;; key += 1001, done()) {
		char *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

		if (at == MAP_FAILED)
			BAD("a huge page: %m");
		cow_round(at, 512, PAGE, key);
		MUST(!munmap(at, size));
	}
}
WORK(huge, run_huge, "/disk");

/* ---- shared ---- */

struct table {
	uint32_t turn, pad;
	unsigned char bytes[3 * PAGE];
};

static void futex(uint32_t *word, int op, uint32_t value)
{
	syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

/* One side fills the table, the other checks it and fills it again. */
static void play(struct table *t, unsigned side)
{
	for (uint64_t key = 0;; key++) {
		while (__atomic_load_n(&t->turn, __ATOMIC_SEQ_CST) % 2 != side)
			futex(&t->turn, FUTEX_WAIT, !side);
		if (t->turn)
			check("shared memory", t->bytes, sizeof(t->bytes), t->turn - 1);
		fill(t->bytes, sizeof(t->bytes), t->turn);
		__atomic_fetch_add(&t->turn, 1, __ATOMIC_SEQ_CST);
		futex(&t->turn, FUTEX_WAKE, 1);
		if (side)
			done();
	}
}

static void other_player(void *t)
{
	play(t, 1);
}

static void play_over(void *at)
{
	MUST(at != MAP_FAILED);
	helper(other_player, at);
	play(at, 0);
}

static void run_shared(void)
{
	play_over(mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}
WORK(shared, run_shared, NULL);

/* Plays in a mapping of its own. The memfd is sealed against a change of its size. */
static void memfd_player(void *arg)
{
	struct table *t =
		mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED, *(int *)arg, 0);

	MUST(t != MAP_FAILED);
	play(t, 1);
}

static void run_memfd(void)
{
	int fd = memfd_create("table", MFD_ALLOW_SEALING);
	struct table *t;

	MUST(fd >= 0 && !ftruncate(fd, sizeof(*t)));
	MUST(!fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
	helper(memfd_player, &fd);
	t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(t != MAP_FAILED && ftruncate(fd, 100) < 0 && errno == EPERM);
	play(t, 0);
}
WORK(memfd, run_memfd, NULL);

static void file_player(void *arg)
{
	struct table *t =
		mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED, *(int *)arg, 0);

	MUST(t != MAP_FAILED);
	for (uint32_t n = 0;; n++) {
		if (n % 64 == 0)
			MUST(!msync(t, sizeof(*t), MS_SYNC));
		nanosleep(&(struct timespec){ 0, MS }, NULL);
	}
}

static void run_mapped(void)
{
	int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);

	MUST(fd >= 0 && !ftruncate(fd, sizeof(struct table)));
	helper(file_player, &fd);
	play_over(mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
}
WORK(mapped, run_mapped, NULL);

/* ---- System V ---- */

struct sysv {
	int shm, sem, msg;
};
struct letter {
	long type;
	char text[120];
};

static void turn(int sem, int which, int by)
{
	struct sembuf op = { which, by, 0 };

	while (semop(sem, &op, 1))
		MUST(errno == EINTR);
}

static void answer(void *arg)
{
	struct sysv *v = arg;
	unsigned char *at = shmat(v->shm, NULL, 0);

	MUST(at != (void *)-1);
	for (uint64_t key = 0;; key++) {
		struct letter m;

		turn(v->sem, 0, -1);
		check("shm", at, 2 * PAGE, key);
		MUST(msgrcv(v->msg, &m, sizeof(m.text), 1, 0) == sizeof(m.text));
		check("msg", m.text, sizeof(m.text), key);
		fill(at, 2 * PAGE, ~key);
		m.type = 2;
		MUST(!msgsnd(v->msg, &m, sizeof(m.text), 0));
		turn(v->sem, 1, 1);
	}
}

static void run_sysv(void)
{
	struct sysv v = { shmget(IPC_PRIVATE, 2 * PAGE, 0600), semget(IPC_PRIVATE, 2, 0600),
		msgget(IPC_PRIVATE, 0600) };
	unsigned char *at = shmat(v.shm, NULL, 0);

	MUST(v.sem >= 0 && v.msg >= 0 && at != (void *)-1 && !shmctl(v.shm, IPC_RMID, NULL));
	helper(answer, &v);
	for (uint64_t key = 0;; key++, done()) {
		struct letter m = { 1, "" };

		fill(at, 2 * PAGE, key);
		fill(m.text, sizeof(m.text), key);
		MUST(!msgsnd(v.msg, &m, sizeof(m.text), 0));
		turn(v.sem, 0, 1);
		turn(v.sem, 1, -1);
		MUST(msgrcv(v.msg, &m, sizeof(m.text), 2, 0) == sizeof(m.text));
		check("msg", m.text, sizeof(m.text), key);
		check("shm", at, 2 * PAGE, ~key);
	}
}
WORK(sysv, run_sysv, NULL);

/* ---- swap ---- */

static void run_swap(void)
{
	size_t size = 2 << 20;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(at != MAP_FAILED);
	for (uint64_t key = 0;; key += size, done()) {
		fill(at, size, key);
		MUST(!madvise(at, size, MADV_PAGEOUT));
		nanosleep(&(struct timespec){ 0, 5 * MS }, NULL);
		check("swapped memory", at, size, key);
	}
}
WORK(swap, run_swap, "/disk/swap");
