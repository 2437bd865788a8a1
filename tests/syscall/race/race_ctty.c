/* SPDX-License-Identifier: MIT */
/*
 * race_ctty: a terminal is stolen from a session whose leader takes it again and again: it has one
 * owner, and the session that lost it does not know it any more.
 */
#include "t.h"

#include <sys/ioctl.h>

#define ROUNDS 100

/* Field 7 of /proc/PID/stat: the number of the terminal. */
static int terminal_of(pid_t pid)
{
	char path[32], text[512] = "";
	int fd, nr = -1;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	if (fd != -1 && read(fd, text, sizeof(text) - 1) > 0)
		sscanf(strrchr(text, ')') + 1, " %*c %*d %*d %*d %d", &nr);
	close(fd);
	return nr;
}

static pid_t owner(int master)
{
	pid_t sid = 0;

	return ioctl(master, TIOCGSID, &sid) ? 0 : sid;
}

TEST(race_ctty)
{
	int master = NEED(posix_openpt(O_RDWR | O_NOCTTY)), slave, said[2], kept = 0;
	pid_t victim, thief;
	char byte;

	NEED(unlockpt(master));
	slave = NEED(open(ptsname(master), O_RDWR | O_NOCTTY));
	NEED(pipe(said));
	victim = SPAWN(setsid(); for (;;) ioctl(slave, TIOCSCTTY, 0));
	for (int i = 0; i < ROUNDS && !kept; i++) {
		T_WAIT(owner(master) == victim);
		thief = SPAWN(setsid(); ioctl(slave, TIOCSCTTY, 1); write(said[1], "", 1); pause());
		NEED(read(said[0], &byte, 1));
		kept = owner(master) == thief && terminal_of(victim) != 0;
		t_kill(thief);
	}
	say("the victim keeps it: %s", kept ? "yes" : "no");
	t_kill(victim);
}
