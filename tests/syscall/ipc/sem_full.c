/* SPDX-License-Identifier: MIT */
/* sem_full: semaphores of a set that finds no place in the table are not counted. */
#include "put.h"
#include "t.h"
#include <sched.h>
#include <sys/sem.h>

static int count_all(void)
{
	struct seminfo info;

	NEED(semctl(0, 0, SEM_INFO, &info));
	return info.semaem;
}

TEST(sem_full)
{
	int id;

	NEED(unshare(CLONE_NEWIPC));
	put("/proc/sys/kernel/sem", "1000 32000 32 1");
	id = NEED(semget(IPC_PRIVATE, 10, 0600));
	T(semget(IPC_PRIVATE, 1000, 0600));
	for (int i = 0; i < 50; i++)
		semget(IPC_PRIVATE, 1000, 0600);
	say("%d in all", count_all());
	T(semctl(id, 0, IPC_RMID));
	say("%d in all", count_all());
}
