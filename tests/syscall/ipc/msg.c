/* SPDX-License-Identifier: MIT */
/*
 * msgget(2), msgsnd(2), msgrcv(2), msgctl(2): types, MSG_COPY, full queues, waiting, removal,
 * signals, rights.
 */
#include "t.h"
#include <sys/ipc.h>
#include <sys/msg.h>

#define KEY 0x6e670000
#define NOBODY 65534
#ifndef MSG_COPY
#define MSG_COPY 040000
#endif

struct m {
	long type;
	char text[9000];
};

static int send(int id, long type, const char *text, int flags)
{
	struct m m = { .type = type };

	strcpy(m.text, text);
	return msgsnd(id, &m, strlen(text), flags);
}

static void recv(int id, size_t size, long type, int flags)
{
	struct m m;
	long n;

	memset(&m, 0, sizeof(m));
	errno = 0;
	n = msgrcv(id, &m, size, type, flags);
	if (n < 0)
		say("msgrcv %ld %#x: %s", type, flags, t_errno(errno));
	else
		say("msgrcv %ld %#x: type %ld \"%.*s\"", type, flags, m.type, (int)n, m.text);
}

static void ds_say(const char *what, int id)
{
	struct msqid_ds ds;

	if (msgctl(id, IPC_STAT, &ds)) {
		say("%s: %s", what, t_errno(errno));
		return;
	}
	say("%s: num %lu bytes %lu max %lu mode %o pids %d %d times %d%d%d", what,
		(long)ds.msg_qnum, (long)ds.__msg_cbytes, (long)ds.msg_qbytes, ds.msg_perm.mode,
		ds.msg_lspid == getpid(), ds.msg_lrpid == getpid(), !!ds.msg_stime, !!ds.msg_rtime,
		!!ds.msg_ctime);
}

static void test_get(void)
{
	key_t k = KEY ^ (getpid() << 4);
	int id = NEED(msgget(k, IPC_CREAT | IPC_EXCL | 0640));
	struct msqid_ds ds;

	ds_say("new", id);
	IS(msgget(k, 0) == id);
	T(msgget(k, IPC_CREAT | IPC_EXCL));
	T(msgget(k + 1, 0));
	NEED(send(id, 1, "x", 0));
	CHILD({
		t_become(NOBODY, NOBODY);
		T(msgget(k, 0600));
		OK(msgget(k, 0));
		T(send(id, 1, "y", 0));
		recv(id, 10, 0, 0);
		T(msgctl(id, IPC_STAT, &ds));
		T(msgctl(id, IPC_SET, &ds));
		T(msgctl(id, IPC_RMID, NULL));
	});
	T(msgctl(id, IPC_RMID, NULL));
	T(msgctl(id, IPC_RMID, NULL));
	T(msgctl(-1, IPC_STAT, &ds));
	T(send(id, 1, "y", 0));
	recv(id, 10, 0, 0);
}

static void test_types(int id)
{
	long order[] = { 3, 1, 5, 2, 1 };

	for (int i = 0; i < 5; i++) {
		char text[8];

		sprintf(text, "m%d", i);
		T(send(id, order[i], text, 0));
	}
	ds_say("five", id);
	recv(id, 10, 0, IPC_NOWAIT | MSG_COPY);
	recv(id, 10, 4, IPC_NOWAIT | MSG_COPY);
	recv(id, 10, 5, IPC_NOWAIT | MSG_COPY);
	recv(id, 1, 0, IPC_NOWAIT | MSG_COPY);
	recv(id, 1, 0, IPC_NOWAIT | MSG_COPY | MSG_NOERROR);
	recv(id, 10, 0, MSG_COPY);
	recv(id, 10, 0, IPC_NOWAIT | MSG_COPY | MSG_EXCEPT);
	recv(id, 1, 0, 0);
	recv(id, 1, 0, MSG_NOERROR);
	recv(id, 10, 4, IPC_NOWAIT);
	recv(id, 10, -2, 0);
	recv(id, 10, 1, MSG_EXCEPT);
	recv(id, 10, -2, 0);
	recv(id, 10, -1, IPC_NOWAIT);
	recv(id, 10, LONG_MIN, 0);
	recv(id, 10, 0, IPC_NOWAIT);
	ds_say("none", id);
	T(send(id, 7, "", 0));
	recv(id, 0, 7, 0);
}

static void test_errors(int id)
{
	struct m m = { .type = 1 };
	char *edge = t_pages(1) + PAGE;
	struct msqid_ds ds;

	T(msgsnd(id, &m, 8193, 0));
	T(msgsnd(id, &m, -1, 0));
	T(msgsnd(id, BAD, 1, 0));
	memcpy(edge - 12, &m, 12);
	T(msgsnd(id, edge - 12, 5, 0));
	T(msgsnd(id, edge - 12, 4, 0));
	T(msgsnd(-1, &m, 1, 0));
	m.type = 0;
	T(msgsnd(id, &m, 1, 0));
	m.type = -1;
	T(msgsnd(id, &m, 1, 0));
	T(msgrcv(id, &m, -1, 0, 0));
	T(msgrcv(-1, &m, 1, 0, 0));
	T(msgrcv(id, BAD, 10, 0, 0)); /* and is lost */
	ds_say("lost", id);
	T(msgctl(id, IPC_STAT, BAD));
	T(msgctl(id, IPC_SET, BAD));
	T(msgctl(id, 999, &ds));
	T(msgctl(id, -1, &ds));
	NEED(msgctl(id, IPC_STAT, &ds));
	ds.msg_perm.uid = -1;
	T(msgctl(id, IPC_SET, &ds));
}

static void test_full(int id)
{
	struct msqid_ds ds;
	pid_t pid;

	NEED(msgctl(id, IPC_STAT, &ds));
	ds.msg_qbytes = 10;
	ds.msg_perm.mode = 0666;
	T(msgctl(id, IPC_SET, &ds));
	ds_say("small", id);
	T(send(id, 1, "12345678", IPC_NOWAIT));
	T(send(id, 1, "123", IPC_NOWAIT));
	T(send(id, 1, "12", IPC_NOWAIT));
	T(send(id, 1, "1", IPC_NOWAIT));
	for (int i = 0; i < 9; i++)
		T(send(id, 1, "", IPC_NOWAIT));
	for (int i = 0; i < 2; i++)
		recv(id, 10, 0, IPC_NOWAIT);
	T(send(id, 2, "0123456789", IPC_NOWAIT));
	pid = SPAWN(NEED(send(id, 3, "waits", 0)));
	t_until(pid, 'S');
	recv(id, 10, 2, 0);
	t_wait("sender", pid);
	recv(id, 10, 3, 0);
	T(send(id, 2, "0123456789", 0));
	pid = SPAWN({
		t_handle(SIGUSR1, SA_RESTART);
		T(send(id, 3, "waits", 0));
	});
	t_until(pid, 'S');
	kill(pid, SIGUSR1);
	t_wait("interrupted", pid);
	pid = SPAWN(T(send(id, 3, "waits", 0)));
	t_until(pid, 'S');
	ds.msg_qbytes = 100;
	NEED(msgctl(id, IPC_SET, &ds));
	t_wait("there is room now", pid);
	CHILD({
		NEED(setuid(NOBODY));
		ds.msg_qbytes = 20000;
		T(msgctl(id, IPC_SET, &ds));
	});
	while (msgrcv(id, &(struct m){ 0 }, 100, 0, IPC_NOWAIT) >= 0)
		;
}

static void test_wait(int id)
{
	struct m m;
	pid_t a, b;

	a = SPAWN(recv(id, 10, 4, 0));
	t_until(a, 'S');
	NEED(send(id, 3, "not for a", 0));
	b = SPAWN(recv(id, 3, 0, MSG_NOERROR));
	t_wait("b", b);
	b = SPAWN(recv(id, 3, -4, 0));
	t_until(b, 'S');
	NEED(send(id, 2, "too big", 0));
	t_wait("b", b);
	ds_say("still queued", id);
	NEED(send(id, 4, "for a", 0));
	t_wait("a", a);
	a = SPAWN({
		t_handle(SIGUSR1, SA_RESTART);
		recv(id, 10, 4, 0);
	});
	t_until(a, 'S');
	kill(a, SIGUSR1);
	t_wait("interrupted", a);
	a = SPAWN(_exit(msgrcv(id, &m, 10, 4, 0) == -1 && errno == EIDRM));
	b = SPAWN(_exit(msgrcv(id, &m, 10, 9, 0) == -1 && errno == EIDRM));
	t_until(a, 'S');
	t_until(b, 'S');
	NEED(msgctl(id, IPC_RMID, NULL));
	t_wait("a", a);
	t_wait("b", b);
}

static void test_info(void)
{
	struct msginfo limits;
	struct msqid_ds ds;
	int id = NEED(msgget(IPC_PRIVATE, 0600)), max;

	max = msgctl(0, IPC_INFO, (void *)&limits);
	say("%d %d %d %d", limits.msgmax, limits.msgssz, limits.msgmap, limits.msgtql);
	T(send(id, 1, "12345", 0));
	IS(msgctl(0, MSG_INFO, (void *)&limits) == max);
	IS(limits.msgpool >= 1 && limits.msgmap >= 1 && limits.msgtql >= 5);
	IS(msgctl(id & 0x7fff, MSG_STAT, &ds) == id);
	IS(msgctl(id & 0x7fff, 13 /* MSG_STAT_ANY */, &ds) == id);
	T(msgctl(0, MSG_INFO, BAD));
	T(msgctl(id, IPC_RMID, NULL));
}

static void test_pingpong(void)
{
	int there = NEED(msgget(IPC_PRIVATE, 0600)), back = NEED(msgget(IPC_PRIVATE, 0600));
	struct m m = { .type = 1 };
	pid_t pid = SPAWN(for (int i = 0; i < 300; i++) {
		NEED(msgrcv(there, &m, 8, 0, 0));
		NEED(msgsnd(back, &m, 8, 0));
	});

	for (int i = 0; i < 300; i++) {
		memcpy(m.text, &i, sizeof(i));
		NEED(msgsnd(there, &m, 8, 0));
		NEED(msgrcv(back, &m, 8, 0, 0));
		if (memcmp(m.text, &i, sizeof(i)))
			say("wrong at %d", i);
	}
	t_wait("partner", pid);
	T(msgctl(there, IPC_RMID, NULL));
	T(msgctl(back, IPC_RMID, NULL));
}

TEST(msg)
{
	int id;

	test_get();
	id = NEED(msgget(IPC_PRIVATE, 0600));
	test_types(id);
	test_errors(id);
	test_full(id);
	test_wait(id);
	test_info();
	test_pingpong();
}
