/* SPDX-License-Identifier: MIT */
/*
 * splice_refused: sendfile of no bytes, and splices to and from a message queue, which is no file.
 */
#include "t.h"
#include <mqueue.h>
#include <sys/sendfile.h>

TEST(splice_refused)
{
	struct mq_attr a = { .mq_maxmsg = 4, .mq_msgsize = 16 };
	int file, append, dir, status, null, p[2], q;
	char name[40];

	t_text("f", "text");
	file = NEED(open("f", O_RDWR));
	append = NEED(open("f", O_RDWR | O_APPEND));
	dir = NEED(open(".", O_RDONLY));
	status = NEED(open("/proc/self/status", O_RDONLY));
	null = NEED(open("/dev/null", O_RDWR));
	NEED(pipe(p));
	T(sendfile(p[1], dir, NULL, 0));
	T(sendfile(p[1], status, NULL, 0));
	T(sendfile(p[1], status, NULL, 1));
	T(sendfile(p[1], null, NULL, 0));
	T(sendfile(p[1], null, NULL, 1));
	T(sendfile(status, file, NULL, 0));
	T(sendfile(append, file, NULL, 0));
	T(sendfile(append, file, NULL, 1));
	T(sendfile(p[0], file, NULL, 0));
	snprintf(name, sizeof(name), "/splice_refused.%d", (int)getpid());
	q = (int)NEED(mq_open(name, O_RDWR | O_CREAT, 0600, &a));
	NEED(mq_unlink(name));
	NEED(write(p[1], "abc", 3));
	T(splice(q, NULL, p[1], NULL, 10, SPLICE_F_NONBLOCK));
	T(splice(p[0], NULL, q, NULL, 10, SPLICE_F_NONBLOCK));
	T(sendfile(p[1], q, NULL, 10));
	T(sendfile(q, file, NULL, 10));
	T(sendfile(p[1], q, NULL, 0));
}
