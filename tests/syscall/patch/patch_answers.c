/* SPDX-License-Identifier: MIT */
/*
 * patch_answers: calls that return the caller's ids, through hot sites. A kernel may answer them
 * without being entered, but must give no old answer once a program knows of the change: a new
 * parent, other ids, a map of a user namespace, a filter of another thread, a tracer.
 */
#include "site.h"
#include "userns.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#define ORPHANS 60
#define THREADS 3
#define ROUNDS 4000
#define TURNS 2000

SITE(answers_getpid, 39);
SITE(answers_getuid, 102);
SITE(answers_getgid, 104);
SITE(answers_geteuid, 107);
SITE(answers_getegid, 108);
SITE(answers_getppid, 110);
SITE(answers_gettid, 186);
SITE(answers_yield, 24);

#define ASK(call) answers_##call(0, 0, 0, 0, 0, 0)

static struct shared {
	int ready, go, done, turn;
	pid_t parent, child;
} * sh;

static int look(const int *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static void set(int *p, int value)
{
	__atomic_store_n(p, value, __ATOMIC_SEQ_CST);
}

static void await(const int *p, int value)
{
	while (look(p) != value)
		sched_yield();
}

/* Reads an id by a call that no kernel answers at the site. */
static long from_status(const char *name, int column)
{
	char text[4096] = "", *at;
	int fd = NEED(open("/proc/thread-self/status", O_RDONLY));

	NEED(read(fd, text, sizeof(text) - 1));
	close(fd);
	at = strstr(text, name);
	if (!at)
		return -1;
	at += strlen(name);
	while (column--)
		strtol(at, &at, 10);
	return strtol(at, NULL, 10);
}

static long all_wrong(void)
{
	return (ASK(getpid) != from_status("\nTgid:", 0)) +
	       (ASK(gettid) != from_status("\nPid:", 0)) +
	       (ASK(getppid) != from_status("\nPPid:", 0)) +
	       (ASK(getuid) != from_status("\nUid:", 0)) +
	       (ASK(geteuid) != from_status("\nUid:", 1)) +
	       (ASK(getgid) != from_status("\nGid:", 0)) +
	       (ASK(getegid) != from_status("\nGid:", 1)) + (ASK(yield) != 0);
}

static long heat_all(void)
{
	long bad = site_heat((void *)answers_getpid, ASK(getpid));

	bad += site_heat((void *)answers_gettid, ASK(gettid));
	bad += site_heat((void *)answers_getppid, ASK(getppid));
	bad += site_heat((void *)answers_getuid, ASK(getuid));
	bad += site_heat((void *)answers_geteuid, ASK(geteuid));
	bad += site_heat((void *)answers_getgid, ASK(getgid));
	bad += site_heat((void *)answers_getegid, ASK(getegid));
	return bad + site_heat((void *)answers_yield, 0);
}

/* ---- forks and threads ---- */

static void *in_thread(void *arg)
{
	pid_t tid = (pid_t)from_status("\nPid:", 0);
	long bad = 0;

	for (int i = 0; i < ROUNDS; i++) {
		bad += ASK(gettid) != tid;
		bad += ASK(yield) != 0;
		bad += ASK(getpid) == tid;
	}
	return (void *)(bad + all_wrong());
}

/* Checks that a child of vfork, which shares our memory, gets its own ids. */
static void vforked(void)
{
	pid_t me = (pid_t)ASK(getpid), pid = NEED(vfork());

	if (!pid)
		_exit(ASK(getppid) != me || ASK(getpid) == me || ASK(gettid) == me);
	t_wait("vforked", pid);
	say("after it: %ld wrong", all_wrong());
}

static void threads(void)
{
	pthread_t t[THREADS];
	long bad = 0;
	void *r;

	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < THREADS; i++)
			NEED0(pthread_create(&t[i], NULL, in_thread, NULL));
		for (int i = 0; i < THREADS; i++) {
			pthread_join(t[i], &r);
			bad += (long)r;
		}
	}
	say("threads: %ld wrong", bad);
}

/* ---- a new parent ---- */

static void orphan(void)
{
	pid_t first = sh->parent, now;
	long bad = 0;

	set(&sh->ready, 1);
	while (!look(&sh->go)) {
		now = (pid_t)ASK(getppid);
		bad += now != first && now != sh->child;
	}
	bad += ASK(getppid) != sh->child;
	set(&sh->done, 1 + (int)bad);
	_exit(0);
}

/* This process is the subreaper, and learns of the parent's end before the orphan does. */
static void reparenting(void)
{
	long bad = 0;

	NEED(prctl(PR_SET_CHILD_SUBREAPER, 1));
	sh->child = getpid();
	for (int i = 0; i < ORPHANS; i++) {
		sh->ready = sh->go = sh->done = 0;
		pid_t parent = NEED(fork());
		if (!parent) {
			sh->parent = getpid();
			if (!NEED(fork()))
				orphan();
			await(&sh->ready, 1);
			_exit(0);
		}
		NEED(waitpid(parent, NULL, 0));
		set(&sh->go, 1);
		while (!look(&sh->done))
			sched_yield();
		bad += sh->done - 1;
		NEED(wait(NULL));
	}
	NEED(prctl(PR_SET_CHILD_SUBREAPER, 0));
	say("orphans: %ld wrong", bad);
}

static volatile sig_atomic_t told;
static pid_t told_by;

static void on_death(int sig)
{
	told_by = (pid_t)ASK(getppid);
	told = 1;
}

/* A child that gets the signal for its parent's death has another parent by then. */
static void parent_death(void)
{
	long bad = 0;

	NEED(prctl(PR_SET_CHILD_SUBREAPER, 1));
	sh->child = getpid();
	for (int i = 0; i < 20; i++) {
		sh->ready = sh->done = 0;
		if (!NEED(fork())) {
			if (!NEED(fork())) {
				signal(SIGUSR1, on_death);
				NEED(prctl(PR_SET_PDEATHSIG, SIGUSR1));
				set(&sh->ready, 1);
				while (!told)
					ASK(getppid);
				set(&sh->done, told_by == sh->child ? 1 : 2);
				_exit(0);
			}
			await(&sh->ready, 1);
			_exit(0);
		}
		while (!look(&sh->done))
			sched_yield();
		bad += sh->done != 1;
		while (wait(NULL) > 0)
			;
	}
	NEED(prctl(PR_SET_CHILD_SUBREAPER, 0));
	say("death signals: %ld wrong", bad);
}

/* ---- ids ---- */

static void *own_ids(void *arg)
{
	long bad = 0;

	for (uid_t id = 100; id < 130; id++) {
		NEED(syscall(SYS_setresgid, -1, id, -1));
		NEED(syscall(SYS_setresuid, -1, id, 0));
		bad += ASK(geteuid) != id || ASK(getegid) != id || ASK(getuid) != 0;
		NEED(syscall(SYS_setresuid, -1, 0, 0));
		bad += ASK(geteuid) != 0;
	}
	return (void *)(bad + all_wrong());
}

/* For the kernel each thread has ids of its own. */
static void ids(void)
{
	pthread_t t;
	long bad = 0;
	void *r = NULL;

	if (getuid())
		return;
	NEED0(pthread_create(&t, NULL, own_ids, NULL));
	for (int i = 0; i < ROUNDS; i++)
		bad += ASK(geteuid) != 0 || ASK(getegid) != 0;
	pthread_join(t, &r);
	say("ids: %ld wrong, in a thread %ld", bad, (long)r);
}

/* A map that another process writes changes the ids that a process gets. */
static void mapped(void)
{
	pid_t pid;

	if (getuid())
		return;
	sh->ready = sh->go = sh->done = 0;
	pid = NEED(fork());
	if (!pid) {
		long bad = 0, now;

		NEED(unshare(CLONE_NEWUSER));
		bad += site_heat((void *)answers_geteuid, 65534);
		set(&sh->ready, 1);
		while (!look(&sh->go)) {
			now = ASK(geteuid);
			bad += now != 65534 && now != 7;
		}
		bad += ASK(geteuid) != 7 || ASK(getuid) != 7;
		say("a map: %ld wrong", bad);
		_exit(0);
	}
	await(&sh->ready, 1);
	userns_write(pid, "uid_map", "7 0 1");
	set(&sh->go, 1);
	t_wait("mapped", pid);
}

/* ---- tracers and filters ---- */

static void *refused(void *arg)
{
	long bad = 0, now, me = (long)arg;

	set(&sh->ready, 1);
	while (!look(&sh->go)) {
		now = ASK(getppid);
		bad += now != me && now != -EXDEV;
	}
	bad += site_heat((void *)answers_getppid, -EXDEV);
	return (void *)bad;
}

static void filtered(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 110, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };
	pthread_t t;
	void *r = NULL;

	sh->ready = sh->go = 0;
	NEED0(pthread_create(&t, NULL, refused, (void *)ASK(getppid)));
	await(&sh->ready, 1);
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	NEED(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog));
	set(&sh->go, 1);
	pthread_join(t, &r);
	say("a filter of another thread: %ld wrong", (long)r);
	say("refused: %ld wrong", site_heat((void *)answers_getppid, -EXDEV));
}

static void traced(void)
{
	struct user_regs_struct regs;
	int status, stops = 0;
	pid_t pid;

	sh->ready = 0;
	pid = NEED(fork());
	if (!pid) {
		site_heat((void *)answers_gettid, ASK(gettid));
		set(&sh->ready, 1);
		for (;;)
			ASK(gettid);
	}
	await(&sh->ready, 1);
	for (int i = 0; i < 20; i++) {
		NEED(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
		NEED(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
		NEED(waitpid(pid, &status, 0));
		for (int n = 0; n < 4; n++) {
			NEED(ptrace(PTRACE_SYSCALL, pid, 0, 0));
			NEED(waitpid(pid, &status, 0));
			NEED(ptrace(PTRACE_GETREGS, pid, 0, &regs));
			stops += WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80) &&
				 regs.orig_rax == SYS_gettid;
		}
		NEED(ptrace(PTRACE_DETACH, pid, 0, 0));
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	say("traced: %d stops", stops);
}

/* ---- giving way ---- */

static void pong(void)
{
	for (int i = 0; i < TURNS; i++) {
		while (look(&sh->turn) != 1)
			ASK(yield);
		set(&sh->turn, 0);
	}
	_exit(0);
}

/* On a single CPU the threads make progress only if each yields. */
static void turns(void)
{
	cpu_set_t one, all;
	pid_t pid;
	int cpu = 0;

	NEED(sched_getaffinity(0, sizeof(all), &all));
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	NEED(sched_setaffinity(0, sizeof(one), &one));
	sh->turn = 0;
	pid = NEED(fork());
	if (!pid)
		pong();
	for (int i = 0; i < TURNS; i++) {
		while (look(&sh->turn) != 0)
			ASK(yield);
		set(&sh->turn, 1);
	}
	t_wait("turns", pid);
	NEED(sched_setaffinity(0, sizeof(all), &all));
}

TEST(patch_answers)
{
	sh = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(sh == MAP_FAILED ? -1 : 0);
	say("heating: %ld wrong", heat_all());
	say("all: %ld wrong", all_wrong());
	CHILD(_exit((int)all_wrong()));
	vforked();
	threads();
	reparenting();
	parent_death();
	CHILD(ids());
	mapped();
	CHILD(filtered());
	traced();
	turns();
	say("all: %ld wrong", all_wrong());
}
