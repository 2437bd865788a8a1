/* SPDX-License-Identifier: MIT */
/*
 * race_pid_ns: forks into a pid namespace whose process 1 is killed meanwhile: each child is born
 * before that and dies with it, or the fork fails with ENOMEM.
 */
#include "t.h"

static void forks_until_refused(int told)
{
	pid_t pid;

	while ((pid = fork()) > 0)
		NEED(write(told, "x", 1));
	if (!pid)
		for (;;)
			pause();
	if (errno != ENOMEM)
		say("refused with %s", t_errno(errno));
	errno = 0;
	pid = fork();
	if (pid != -1 || errno != ENOMEM)
		say("then not refused");
}

/* Forks in a pid namespace until a process of the outer namespace kills its init. */
static void run(int ready)
{
	pid_t init;
	int status;

	NEED(unshare(CLONE_NEWPID));
	init = SPAWN(for (;;) pause());
	NEED(write(ready, &init, sizeof(init)));
	forks_until_refused(ready);
	while (wait(&status) > 0)
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			t_status("one of them", status);
}

TEST(race_pid_ns)
{
	int p[2], status;
	pid_t pid, init;

	if (geteuid() && unshare(CLONE_NEWUSER)) {
		say("needed: user namespaces");
		return;
	}
	for (int i = 0; i < 30; i++) {
		char c;

		NEED(pipe(p));
		pid = SPAWN(run(p[1]));
		NEED(read(p[0], &init, sizeof(init)));
		for (int k = 0; k < i; k++)
			NEED(read(p[0], &c, 1));
		NEED(kill(init, SIGKILL));
		NEED(waitpid(pid, &status, 0));
		if (status)
			t_status("forker", status);
		close(p[0]);
		close(p[1]);
	}
	say("done");
}
