/* SPDX-License-Identifier: MIT */
/*
 * race_exec_fds: a non-dumpable process of the initial user namespace joins a user namespace and
 * execs a program there: root of that namespace cannot get at the descriptors that it had open
 * until then, not even while exec closes them.
 */
#include "userns.h"

#include <sys/prctl.h>

#define ROUNDS 100
#define FIRST 100
#define LAST 900 /* closed last */

/* Asks for the descriptor until it is closed; exits with 1 where it gets it. */
static void take(pid_t victim, int ready)
{
	int pidfd = NEED(syscall(SYS_pidfd_open, victim, 0));

	NEED(write(ready, "x", 1));
	do {
		if (syscall(SYS_pidfd_getfd, pidfd, LAST, 0) != -1)
			_exit(1);
	} while (errno == EPERM);
	_exit(errno == EBADF || errno == ESRCH ? 0 : 2);
}

static void come(int users, int wait)
{
	char c;
	int fd = NEED(open("secret", O_RDWR | O_CLOEXEC));

	for (int i = FIRST; i <= LAST; i++)
		NEED(dup3(fd, i, O_CLOEXEC));
	NEED(prctl(PR_SET_DUMPABLE, 0));
	NEED(setns(users, CLONE_NEWUSER));
	NEED(read(wait, &c, 1));
	execl("/proc/self/exe", "race_exec_fds", "gone", NULL);
	say("exec: %s", t_errno(errno));
}

static int round_of(int users)
{
	int ready[2], status;
	pid_t victim, thief;

	NEED(pipe(ready));
	victim = SPAWN({ come(users, ready[0]); });
	thief = SPAWN({
		NEED(setns(users, CLONE_NEWUSER));
		NEED(setresuid(0, 0, 0));
		take(victim, ready[1]);
	});
	NEED(waitpid(thief, &status, 0));
	NEED(waitpid(victim, NULL, 0));
	close(ready[0]);
	close(ready[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

static void stay(void)
{
	pause();
}

TEST(race_exec_fds)
{
	int ends[4] = { 0 }, users;
	pid_t pid;

	if (t_argc > 1 || getuid())
		return;
	t_text("secret", "secret");
	pid = userns_spawn(0, 200000, 65536, stay);
	T_WAIT(t_state(pid) == 'S');
	users = userns_open(pid);
	for (int i = 0; i < ROUNDS; i++)
		ends[round_of(users)]++;
	say("closed %d, taken %d, else %d", ends[0], ends[1], ends[2] + ends[3]);
	t_kill(pid);
}
