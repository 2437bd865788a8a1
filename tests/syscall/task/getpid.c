/* SPDX-License-Identifier: MIT */
/* getpid(2), getppid(2), gettid(2), set_tid_address(2): the identities of processes and threads. */
#include "t.h"

static void *thread(void *arg)
{
	say("thread: pid %d ppid %d tid differs %d", getpid() == ((pid_t *)arg)[0],
		getppid() == ((pid_t *)arg)[1], syscall(SYS_gettid) != getpid());
	return NULL;
}

TEST(getpid)
{
	pid_t ids[2] = { getpid(), getppid() };
	pthread_t t;
	int word;

	say("%d %d", getpid() > 0, syscall(SYS_gettid) == getpid());
	NEED0(pthread_create(&t, NULL, thread, ids));
	pthread_join(t, NULL);
	CHILD(say("child: parent %d", getppid() == ids[0]));
	CHILD(T(syscall(SYS_set_tid_address, &word) == syscall(SYS_gettid)));
	CHILD(T(syscall(SYS_set_tid_address, BAD) == getpid()));
}
