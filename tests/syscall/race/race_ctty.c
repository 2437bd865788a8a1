/* SPDX-License-Identifier: MIT */
/*
 * race_ctty: the leader of a session makes a terminal its controlling one while the terminal is
 * hung up by the close of its master. Once it is hung up, the session has no terminal.
 */
#include "t.h"

#include <sys/ioctl.h>

#define ROUNDS 3000
#define SECONDS 5

static int leader(int slave, int ready, int closed)
{
	char c;
	int fd;

	signal(SIGHUP, SIG_IGN);
	signal(SIGCONT, SIG_IGN);
	setsid();
	NEED(write(ready, "r", 1));
	for (int i = 0; i < 50 && ioctl(slave, TIOCSCTTY, 0); i++)
		if (errno == EIO)
			break;
	NEED(read(closed, &c, 1));
	fd = open("/dev/tty", O_RDWR);
	return fd >= 0 || errno != ENXIO;
}

TEST(race_ctty)
{
	time_t end = time(NULL) + SECONDS;
	int bad = 0;

	for (int i = 0; i < ROUNDS && time(NULL) < end && !bad; i++) {
		int master = NEED(posix_openpt(O_RDWR | O_NOCTTY)), slave, ready[2], closed[2];
		char c;
		pid_t pid;

		grantpt(master);
		unlockpt(master);
		slave = NEED(open(ptsname(master), O_RDWR | O_NOCTTY));
		NEED(pipe(ready));
		NEED(pipe(closed));
		pid = NEED(fork());
		if (!pid) {
			close(master);
			_exit(leader(slave, ready[1], closed[0]));
		}
		NEED(read(ready[0], &c, 1));
		for (volatile int k = 0; k < i % 64 * 20; k++)
			;
		close(master);
		NEED(write(closed[1], "c", 1));
		waitpid(pid, &bad, 0);
		close(slave);
		close(ready[0]);
		close(ready[1]);
		close(closed[0]);
		close(closed[1]);
	}
	say("after the hang-up: %s", bad ? "a terminal" : "none");
}
