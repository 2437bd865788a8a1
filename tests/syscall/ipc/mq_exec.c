/* SPDX-License-Identifier: MIT */
/*
 * mq_exec: a program asks for a signal of a queue, then another program replaces it by exec: that
 * one gets no signal.
 */
#include "t.h"
#include <mqueue.h>

/* Runs as the new program, which still has the queue open. Another process sends a message. */
static void second(void)
{
	mqd_t q = atoi(t_argv[1]);
	struct sigevent none = { .sigev_notify = SIGEV_NONE };
	char buf[8];

	t_wait("sender", SPAWN(NEED(mq_send(q, "x", 1, 0))));
	T(mq_receive(q, buf, sizeof(buf), NULL));
	T(mq_notify(q, &none)); /* the wish has been used up */
}

static void first(void)
{
	struct mq_attr a = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	mqd_t q = NEED(mq_open("/nestling-mq-exec", O_RDWR | O_CREAT | O_EXCL, 0600, &a));
	char fd[12];

	NEED(mq_unlink("/nestling-mq-exec"));
	NEED(fcntl(q, F_SETFD, 0));
	NEED(mq_notify(q, &e));
	snprintf(fd, sizeof(fd), "%d", q);
	execl("/proc/self/exe", "mq_exec", fd, NULL);
}

TEST(mq_exec)
{
	if (t_argc > 1)
		second();
	else
		first();
}
