/* SPDX-License-Identifier: MIT */
/*
 * exec_shared_fs: a set-user-id program gains nothing while another process can change its root and
 * working directory (CLONE_FS). Once exec has found that the program may gain, no process comes to
 * share them: such a clone() fails with EAGAIN.
 */
#include "t.h"
#include <linux/kcmp.h>
#include <semaphore.h>

static sem_t cloned; /* once for each child that shares */
/* pipe: the number of each child that shares */
static int sharers;
static char *self = "exec_shared_fs";

static int child(void *arg)
{
	pid_t me = getpid();

	if (sharers) {
		NEED(write(sharers, &me, sizeof(me)));
		kill(me, SIGSTOP); /* it has written */
	}
	for (;;)
		pause();
	return 0;
}

static pid_t sharer(void)
{
	static char stack[8192] __attribute__((aligned(16)));

	return clone(child, stack + sizeof(stack), CLONE_FS | SIGCHLD, NULL);
}

static void with_sharer(void)
{
	CHILD({
		NEED(setresuid(1000, 1000, 1000));
		pid_t pid = NEED(sharer());
		char text[16];

		snprintf(text, sizeof(text), "%d", pid);
		execl("./exec_shared_fs", self, "show", text, NULL);
	});
}

/*
 * Clones until the exec ends this thread: each new process shares with the program before the exec
 * or, wrongly, after it.
 */
static void *clones(void *arg)
{
	for (;;) {
		pid_t pid = sharer();

		if (pid == -1)
			continue; /* EAGAIN, as it should */
		sem_post(&cloned);
		waitpid(pid, NULL, WUNTRACED);
		t_kill(pid);
	}
	return NULL;
}

/* Runs one race, in which the exec comes after @after clones. */
static void race(int after, int *gained, int *shared)
{
	int p[2], out[2];
	pid_t pid, other;
	pthread_t t;
	char yes;

	NEED(pipe(p));
	NEED(pipe(out));
	pid = SPAWN({
		sharers = p[1];
		NEED(setpgid(0, 0));
		NEED(setresuid(1000, 1000, 1000));
		NEED(dup2(out[1], 5));
		pthread_create(&t, NULL, clones, NULL);
		for (int k = after; k; k--)
			sem_wait(&cloned);
		execl("./exec_shared_fs", self, "wait", NULL);
	});
	NEED(read(out[0], &yes, 1));
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	while (read(p[0], &other, sizeof(other)) == sizeof(other)) {
		*shared += yes && !syscall(SYS_kcmp, pid, other, KCMP_FS, 0, 0);
	}
	*gained += yes;
	kill(-pid, SIGKILL);
	NEED(waitpid(pid, NULL, 0));
	close(p[0]);
	close(p[1]);
	close(out[0]);
	close(out[1]);
}

TEST(exec_shared_fs)
{
	int gained = 0, shared = 0;

	if (t_argc > 2) {
		say("shared: uid %d, effective %d", getuid(), geteuid());
		kill(atoi(t_argv[2]), SIGKILL);
		setresuid(1000, 1000, 1000);
		kill(atoi(t_argv[2]), SIGKILL);
		return;
	}
	if (t_argc > 1) {
		char yes = geteuid() == 0;

		NEED(write(5, &yes, 1));
		child(NULL);
	}
	t_copy_self("exec_shared_fs");
	NEED(chmod("exec_shared_fs", 04755));
	with_sharer();
	for (int i = 0; i < 100; i++)
		race(1 + i % 8, &gained, &shared);
	say("with rights and shared: %d", shared);
}
