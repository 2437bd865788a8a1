/* SPDX-License-Identifier: MIT */
/*
 * autofs_hung: an autofs daemon does not read its pipe. Walks wait: some for its answer, one for
 * room in the pipe, and the others for that one. All of them can be killed. The host's side prints
 * what is expected.
 */
#include "guest.h"

#include <sys/mount.h>

#define WALKS 40
/* waiters from this one on queue behind a waiter that waits for room: a pipe takes 16 packets */
#define LATE 24

/* True if the process sleeps. */
static bool sleeps(pid_t pid)
{
	char path[40], text[256] = "", *state;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	read(fd, text, sizeof(text) - 1);
	close(fd);
	state = strrchr(text, ')');
	return state && (state[2] == 'S' || state[2] == 'D');
}

static pid_t walk(int n)
{
	pid_t pid = fork();
	struct stat st;
	char path[24];

	if (pid)
		return pid;
	setpgid(0, 0); /* not one of the daemon's */
	snprintf(path, sizeof(path), "m/%d/x", n);
	stat(path, &st);
	_exit(0);
}

static int count_sleepers(const pid_t *pids, int nr)
{
	int n = 0;

	for (int i = 0; i < nr; i++)
		n += sleeps(pids[i]);
	return n;
}

/* Kills @nr walks and returns how many of them have ended within ten seconds. */
static int end_walks(const pid_t *pids, int nr)
{
	int n = 0, status;

	for (int i = 0; i < nr; i++)
		kill(pids[i], SIGKILL);
	for (int tries = 0; n < nr && tries < 2000; tries++) {
		for (int i = 0; i < nr; i++)
			n += waitpid(pids[i], &status, WNOHANG) == pids[i] && WIFSIGNALED(status);
		usleep(5000);
	}
	return n;
}

TEST(autofs_hung)
{
	pid_t pids[WALKS];
	int pipes[2];
	char options[64];

	GNEED(mkdir("m", 0755));
	GNEED(pipe(pipes));
	snprintf(options, sizeof(options), "fd=%d,pgrp=%d,minproto=5,maxproto=5,indirect", pipes[1],
		getpgrp());
	G(mount("test", "m", "autofs", 0, options), "0");
	if (in_guest()) {
		for (int i = 0; i < WALKS; i++) {
			pids[i] = walk(i);
			for (int tries = 0; count_sleepers(pids, i + 1) <= i && tries < 2000;
				tries++)
				usleep(1000);
		}
		say("%d walks wait", count_sleepers(pids, WALKS));
		say("%d of the last are killed", end_walks(pids + LATE, WALKS - LATE));
		say("%d of the first are killed", end_walks(pids, LATE));
		/* waiters that are left end with the pipe */
		close(pipes[0]);
	} else {
		say("%d walks wait", WALKS);
		say("%d of the last are killed", WALKS - LATE);
		say("%d of the first are killed", LATE);
	}
	G(umount("m"), "0");
}
