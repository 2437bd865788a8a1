/* SPDX-License-Identifier: MIT */
/*
 * core_memory: a core dump shows the memory as it was when the signal came. The words that the
 * other threads would clear at their ends are not cleared before it. A test may not change the
 * host's core pattern, so the host's side prints what is expected.
 */
#include "guest.h"
#include <elf.h>
#include <linux/futex.h>
#include <pthread.h>

#define THREADS 8

static volatile pid_t tids[THREADS]; /* cleared at the end of each thread */
static pthread_mutex_t robust;
static pthread_barrier_t locked;

static int waits(void *arg)
{
	for (;;)
		pause();
}

/* The owner of a robust mutex: at its end the host's bit for an owner that died is set. */
static void *owns(void *arg)
{
	pthread_mutex_lock(&robust);
	pthread_barrier_wait(&locked);
	for (;;)
		pause();
}

static void crash(void)
{
	static char stacks[THREADS][16384] __attribute__((aligned(16)));
	struct rlimit lim = { RLIM_INFINITY, RLIM_INFINITY };
	pthread_mutexattr_t attr;
	pthread_t owner;

	setrlimit(RLIMIT_CORE, &lim);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	pthread_barrier_init(&locked, NULL, 2);
	pthread_create(&owner, NULL, owns, NULL);
	for (int i = 0; i < THREADS; i++)
		NEED(clone(waits, stacks[i] + sizeof(stacks[i]),
			CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
				CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
			NULL, (void *)&tids[i], NULL, (void *)&tids[i]));
	pthread_barrier_wait(&locked);
	abort();
}

/* Returns the place of an address of the crashed process in its core, or NULL. */
static const void *in_core(const char *core, const volatile void *addr)
{
	const Elf64_Ehdr *h = (const void *)core;
	const Elf64_Phdr *ph = (const void *)(core + h->e_phoff);

	for (int i = 0; i < h->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && (uintptr_t)addr - ph[i].p_vaddr < ph[i].p_filesz)
			return core + ph[i].p_offset + ((uintptr_t)addr - ph[i].p_vaddr);
	return NULL;
}

static void look(void)
{
	int fd, status, kept = 0;
	const pid_t *was;
	struct stat st;
	char *core;

	waitpid(SPAWN(crash()), &status, 0);
	fd = NEED(open("core", O_RDONLY));
	NEED(fstat(fd, &st));
	core = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	was = in_core(core, tids);
	for (int i = 0; was && i < THREADS; i++)
		kept += was[i] > 0;
	was = in_core(core, &robust);
	say("dumped %d, numbers of threads %d, owner died %d", !!WCOREDUMP(status), kept,
		!was || *was & FUTEX_OWNER_DIED ? 1 : 0);
}

TEST(core_memory)
{
	int fd;

	if (!in_guest()) {
		say("dumped 1, numbers of threads %d, owner died 0", THREADS);
		return;
	}
	fd = NEED(open("/proc/sys/kernel/core_pattern", O_WRONLY));
	NEED(write(fd, "core", 4));
	close(fd);
	look();
}
