/* SPDX-License-Identifier: MIT */
/*
 * ipc_orders: System V and POSIX queues, semaphores: which error comes first, and what a POSIX
 * queue's file keeps of its open flags.
 */
#include "t.h"
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

static void semaphores(void)
{
	struct sembuf ops[2] = { { 0, 1, IPC_NOWAIT }, { 0, 1, IPC_NOWAIT } };
	int id = NEED(semget(IPC_PRIVATE, 2, 0600));

	T(syscall(SYS_semop, -1, BAD, 1));
	T(syscall(SYS_semop, -1, ops, 1));
	T(syscall(SYS_semop, -1, ops, 0));
	T(syscall(SYS_semop, -1, ops, 1000000));
	CHILD({
		NEED(setuid(1000));
		T(semctl(id, -1, GETVAL));
		T(semctl(id, 9, GETNCNT));
		T(semctl(id, 9, SETVAL, 1));
		T(semctl(id, 0, SETVAL, 1));
	});
	T(semctl(id, -1, GETVAL));
	T(semctl(id, 0, IPC_RMID));
}

/* A copy is looked for when there is a place for it. */
static void copies(void)
{
	int id = NEED(msgget(IPC_PRIVATE, 0600));

	T(msgrcv(id, BAD, 10, 0, MSG_COPY | IPC_NOWAIT));
	T(msgrcv(id, BAD, 10, 0, IPC_NOWAIT));
	T(msgctl(id, IPC_RMID, NULL));
	T(msgrcv(id, BAD, 10, 0, MSG_COPY | IPC_NOWAIT));
	T(msgrcv(id, BAD, 10, 0, IPC_NOWAIT));
}

static long open_queue(int flags)
{
	return syscall(SYS_mq_open, "q", flags, 0600, NULL);
}

static void flags_of(int fd)
{
	int flags = NEED(fcntl(fd, F_GETFL));

	say("append %d, directory %d, exclusive %d", !!(flags & O_APPEND), !!(flags & O_DIRECTORY),
		!!(flags & O_EXCL));
}

static void queue_files(void)
{
	struct stat st;
	int fd;

	T(open_queue(O_RDWR | O_CREAT | O_DIRECT));
	fd = NEED(open_queue(O_RDWR | O_APPEND | O_NONBLOCK | O_DIRECTORY | O_EXCL));
	flags_of(fd);
	T(syscall(SYS_mq_timedsend, fd, "x", 1, 0, NULL));
	T(ftruncate(fd, 7));
	NEED(fstat(fd, &st));
	say("size %ld", (long)st.st_size);
	close(fd);
	fd = NEED(open_queue(O_RDWR | O_PATH | O_EXCL));
	flags_of(fd);
	T(syscall(SYS_mq_timedsend, fd, "x", 1, 0, NULL));
	T(syscall(SYS_mq_getsetattr, fd, NULL, NULL));
	T(read(fd, &st, 1));
	close(fd);
	t_text("/proc/sys/fs/mqueue/queues_max", "1");
	CHILD({
		struct mq_attr none = { .mq_maxmsg = 1 };

		NEED(setuid(1000));
		T(syscall(SYS_mq_open, "other", O_RDWR | O_CREAT, 0600, &none));
	});
	T(syscall(SYS_mq_unlink, "q"));
}

TEST(ipc_orders)
{
	NEED(unshare(CLONE_NEWIPC));
	semaphores();
	copies();
	queue_files();
}
