/* SPDX-License-Identifier: MIT */
/*
 * semget(2), semop(2), semtimedop(2), semctl(2): atomic operations, waiting, SEM_UNDO, removal,
 * signals, rights.
 */
#include "t.h"
#include <sys/ipc.h>
#include <sys/sem.h>

#define KEY 0x6e660000
#define NOBODY 65534

static int set(int n)
{
	return NEED(semget(IPC_PRIVATE, n, 0600));
}

static int op1(int id, int num, int val, int flags)
{
	struct sembuf b = { num, val, flags };

	return semop(id, &b, 1);
}

static void vals(const char *what, int id, int n)
{
	unsigned short v[8];

	if (semctl(id, 0, GETALL, v)) {
		say("%s: %s", what, t_errno(errno));
		return;
	}
	say("%s: %d %d %d %d", what, v[0], n > 1 ? v[1] : 0, n > 2 ? v[2] : 0, n > 3 ? v[3] : 0);
}

static void ds_say(const char *what, int id)
{
	struct semid_ds ds;

	if (semctl(id, 0, IPC_STAT, &ds)) {
		say("%s: %s", what, t_errno(errno));
		return;
	}
	say("%s: nsems %lu mode %o uid %u otime %d ctime %d", what, (long)ds.sem_nsems,
		ds.sem_perm.mode, ds.sem_perm.uid, !!ds.sem_otime, !!ds.sem_ctime);
}

static void test_get(void)
{
	key_t k = KEY ^ (getpid() << 4);
	int id = NEED(semget(k, 3, IPC_CREAT | IPC_EXCL | 0640));
	struct semid_ds ds;

	ds_say("new", id);
	IS(semget(k, 0, 0) == id);
	IS(semget(k, 3, IPC_CREAT) == id);
	T(semget(k, 4, 0));
	T(semget(k, 4, IPC_CREAT | IPC_EXCL));
	T(semget(k + 1, 1, 0));
	T(semget(k + 1, 0, IPC_CREAT | 0600));
	T(semget(k + 1, -1, IPC_CREAT | 0600));
	T(semget(k + 1, 32001, IPC_CREAT | 0600));
	CHILD({
		t_become(NOBODY, NOBODY);
		T(semget(k, 0, 0600));
		OK(semget(k, 0, 0));
		T(semctl(id, 0, GETVAL));
		T(semctl(id, 0, SETVAL, 1));
		T(semctl(id, 0, IPC_STAT, &ds));
		T(semctl(id, 0, IPC_SET, &ds));
		T(semctl(id, 0, IPC_RMID));
		T(op1(id, 0, 1, 0));
		T(op1(id, 0, 0, 0));
	});
	T(semctl(id, 0, IPC_RMID));
	T(semctl(id, 0, IPC_RMID));
	T(semctl(-1, 0, IPC_RMID));
	T(op1(id, 0, 1, 0));
}

static void test_ctl(void)
{
	unsigned short v[3] = { 1, 2, 3 }, big[3] = { 1, 40000, 3 };
	int id = set(3);
	struct semid_ds ds;
	struct seminfo si;

	T(semctl(id, 0, SETALL, v));
	vals("set", id, 3);
	T(semctl(id, 1, GETVAL));
	T(semctl(id, 3, GETVAL));
	T(semctl(id, -1, GETVAL));
	T(semctl(id, 1, SETVAL, 32767));
	T(semctl(id, 1, SETVAL, 32768));
	T(semctl(id, 1, SETVAL, -1));
	T(semctl(id, 3, SETVAL, 1));
	T(semctl(id, 0, SETALL, big));
	T(semctl(id, 0, SETALL, BAD));
	T(semctl(id, 0, GETALL, BAD));
	T(semctl(id, 0, IPC_STAT, BAD));
	T(semctl(id, 0, IPC_SET, BAD));
	T(semctl(id, 0, 999));
	T(semctl(id, 0, -1));
	IS(semctl(id, 1, GETPID) == getpid());
	T(semctl(id, 0, GETNCNT));
	T(semctl(id, 0, GETZCNT));
	T(op1(id, 1, 1, 0));
	T(op1(id, 3, 1, 0));
	NEED(semctl(id, 0, IPC_STAT, &ds));
	ds.sem_perm.mode = 0177642;
	T(semctl(id, 0, IPC_SET, &ds));
	ds_say("changed", id);
	ds.sem_perm.gid = -1;
	T(semctl(id, 0, IPC_SET, &ds));
	OK(semctl(0, 0, IPC_INFO, &si));
	say("%d %d %d", si.semvmx, si.semmsl >= 250, si.semopm);
	T(semctl(0, 0, SEM_INFO, BAD));
	OK(semctl(0, 0, SEM_INFO, &si));
	IS(si.semusz >= 1 && si.semaem >= 3);
	IS(semctl(id & 0x7fff, 0, SEM_STAT, &ds) == id);
	IS(semctl(id & 0x7fff, 0, 20 /* SEM_STAT_ANY */, &ds) == id);
	T(semctl(id, 0, IPC_RMID));
}

static void test_ops(void)
{
	struct sembuf both[] = { { 0, 1, 0 }, { 1, -1, IPC_NOWAIT } };
	struct sembuf swap[] = { { 0, -1, 0 }, { 1, 1, 0 }, { 0, 0, 0 }, { 2, 5, 0 } };
	struct sembuf same[] = { { 0, 2, 0 }, { 0, -2, 0 }, { 0, 1, 0 } };
	struct sembuf many[501] = { { 0, 0, 0 } };
	struct timespec ms = { 0, 20000000 }, bad = { 0, 1000000000 }, neg = { -1, 0 };
	int id = set(3);
	long t;

	T(semop(id, both, 2));
	vals("nothing done", id, 3);
	T(semctl(id, 0, SETVAL, 1));
	T(semop(id, swap, 4));
	vals("swapped", id, 3);
	T(semop(id, same, 3));
	vals("up and down", id, 3);
	T(op1(id, 2, -6, IPC_NOWAIT));
	T(op1(id, 2, 0, IPC_NOWAIT));
	T(op1(id, 2, 32767, 0));
	T(op1(id, 2, -5, 0));
	T(op1(id, 2, 0, 0));
	T(semop(id, both, 0));
	T(semop(id, many, 501));
	T(semop(id, BAD, 1));
	T(semctl(id, 0, SETVAL, 0));
	T(semop(id, many, 500));
	t = now_ms();
	T(semtimedop(id, &(struct sembuf){ 2, -1, 0 }, 1, &ms));
	IS(now_ms() - t >= 20);
	T(semtimedop(id, &(struct sembuf){ 2, -1, 0 }, 1, &bad));
	T(semtimedop(id, &(struct sembuf){ 2, -1, 0 }, 1, &neg));
	T(semtimedop(id, &(struct sembuf){ 2, 1, 0 }, 1, &bad));
	T(semtimedop(id, &(struct sembuf){ 2, -1, 0 }, 1, BAD));
	T(semtimedop(id, &(struct sembuf){ 2, 1, 0 }, 1, &ms));
	T(semtimedop(id, &(struct sembuf){ 2, -1, 0 }, 1, NULL));
	T(semop(-1, many, 1));
	T(semctl(id, 0, IPC_RMID));
}

static void test_wait(void)
{
	int id = set(4);
	pid_t a, b, z;

	a = SPAWN(T(op1(id, 0, -2, 0)));
	t_until(a, 'S');
	b = SPAWN(TN("the second", op1(id, 0, -1, 0)));
	t_until(b, 'S');
	NEED(semctl(id, 1, SETVAL, 1));
	z = SPAWN(TN("zero", op1(id, 1, 0, 0)));
	t_until(z, 'S');
	T(semctl(id, 0, GETNCNT));
	T(semctl(id, 0, GETZCNT));
	T(semctl(id, 1, GETNCNT));
	T(semctl(id, 1, GETZCNT));
	NEED(op1(id, 0, 1, 0)); /* enough for the second only */
	t_wait("b", b);
	T(semctl(id, 0, GETNCNT));
	IS(semctl(id, 0, GETPID) == b);
	NEED(op1(id, 0, 2, 0));
	t_wait("a", a);
	NEED(op1(id, 1, -1, 0));
	t_wait("z", z);
	vals("all done", id, 4);
	/* one wakes the next */
	a = SPAWN({
		struct sembuf s[] = { { 0, -1, 0 }, { 1, 1, 0 } };

		NEED(semop(id, s, 2));
	});
	b = SPAWN({
		struct sembuf s[] = { { 1, -1, 0 }, { 2, 1, 0 } };

		NEED(semop(id, s, 2));
	});
	t_until(a, 'S');
	t_until(b, 'S');
	T(semctl(id, 0, SETVAL, 1));
	t_wait("a", a);
	t_wait("b", b);
	vals("chain", id, 4);
	/* a signal, with SA_RESTART: never restarted */
	a = SPAWN({
		t_handle(SIGUSR1, SA_RESTART);
		T(op1(id, 3, -1, 0));
		say("signals %d", (int)t_signals);
	});
	t_until(a, 'S');
	kill(a, SIGUSR1);
	t_wait("interrupted", a);
	a = SPAWN(T(op1(id, 3, -1, 0)));
	t_until(a, 'S');
	T(semctl(id, 3, GETNCNT));
	kill(a, SIGKILL);
	t_wait("killed", a);
	T(semctl(id, 3, GETNCNT));
	a = SPAWN(TN("sleeper", op1(id, 3, -1, 0)));
	t_until(a, 'S');
	NEED(semctl(id, 0, IPC_RMID));
	t_wait("removed", a);
}

static void *undo_thread(void *arg)
{
	T(op1((int)(long)arg, 2, 4, SEM_UNDO));
	return NULL;
}

static void test_undo(void)
{
	int id = set(4), other = set(1), p[2];
	pthread_t th;
	pid_t a;
	char c;

	T(semctl(id, 0, SETVAL, 5));
	CHILD({
		T(op1(id, 0, -3, SEM_UNDO));
		T(op1(id, 1, 2, SEM_UNDO));
		T(op1(id, 1, 1, SEM_UNDO));
		vals("held", id, 4);
		CHILD(vals("its child has none", id, 4));
		vals("still", id, 4);
	});
	vals("given back", id, 4);
	IS(semctl(id, 0, GETPID) != getpid());
	CHILD({
		T(op1(id, 1, 7, SEM_UNDO));
		T(op1(id, 0, 1, SEM_UNDO));
		T(semctl(id, 1, SETVAL, 9)); /* forgets the undo of this one */
	});
	vals("set in between", id, 4);
	CHILD({
		T(op1(id, 1, 5, SEM_UNDO));
		T(semctl(id, 0, SETALL, (unsigned short[4]){ 3, 3, 3, 3 }));
	});
	vals("all set", id, 4);
	CHILD({ /* more than there is: stops at 0 */
		T(op1(id, 0, 4, SEM_UNDO));
		T(op1(id, 0, -6, 0));
	});
	vals("not below 0", id, 4);
	CHILD({ /* threads share: the undo is the process's */
		pthread_create(&th, NULL, undo_thread, (void *)(long)id);
		pthread_join(th, NULL);
		vals("thread gone", id, 4);
	});
	vals("process gone", id, 4);
	NEED(pipe(p));
	CHILD({ /* a sleeper is woken by an undo */
		T(op1(id, 3, -3, SEM_UNDO));
		a = SPAWN(NEED(op1(id, 3, -2, 0)));
		t_until(a, 'S');
	});
	close(p[1]);
	NEED(read(p[0], &c, 1)); /* the sleeper has ended */
	close(p[0]);
	vals("after the sleeper", id, 4);
	CHILD({
		T(op1(other, 0, 1, SEM_UNDO));
		T(semctl(other, 0, IPC_RMID));
	});
	CHILD({ /* exec keeps it */
		T(op1(id, 0, 1, SEM_UNDO));
		execl("/proc/self/exe", "sem", "exec", NULL);
	});
	vals("after exec", id, 4);
	CHILD({
		T(op1(id, 0, 3, SEM_UNDO));
		T(unshare(CLONE_SYSVSEM));
		vals("unshared", id, 4);
	});
	CHILD({
		int i;

		for (i = 0; i < 2; i++)
			T(op1(id, 0, 32767, SEM_UNDO) || op1(id, 0, -32767, 0));
	});
	T(semctl(id, 0, IPC_RMID));
}

static void test_stress(void)
{
	enum { N = 4, ROUNDS = 200 };
	int id = set(2), i, r;
	volatile int *count =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[N];

	NEED(semctl(id, 0, SETVAL, 1));
	for (i = 0; i < N; i++)
		pids[i] = SPAWN(for (r = 0; r < ROUNDS; r++) {
			NEED(op1(id, 0, -1, SEM_UNDO));
			(*count)++;
			NEED(op1(id, 0, 1, SEM_UNDO));
		});
	for (i = 0; i < N; i++)
		t_wait("worker", pids[i]);
	say("%d", *count);
	vals("end", id, 2);
	T(semctl(id, 0, IPC_RMID));
}

TEST(sem)
{
	if (t_argc > 1) {
		say("exec has run");
		return;
	}
	test_get();
	test_ctl();
	test_ops();
	test_wait();
	test_undo();
	test_stress();
}
