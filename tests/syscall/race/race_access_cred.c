/* SPDX-License-Identifier: MIT */
/*
 * race_access_cred: access() checks with the real ids; other processes do not see these ids
 * meanwhile.
 */
#include "t.h"

#define LOOKS 4000

static void asks(void)
{
	for (;;)
		access("/proc/self/status", R_OK);
}

/* Returns the numbers after a word of /proc/PID/status. */
static const char *ids(pid_t pid, const char *word)
{
	static char text[8192], line[64];
	char path[32];
	const char *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = NEED(open(path, O_RDONLY));
	n = NEED(read(fd, text, sizeof(text) - 1));
	close(fd);
	text[n] = 0;
	p = strstr(text, word);
	snprintf(line, sizeof(line), "%.*s", p ? (int)strcspn(p, "\n") : 0, p ? p : "");
	return line;
}

TEST(race_access_cred)
{
	int up[2], other = 0;
	pid_t pid;
	char c;

	if (getuid()) {
		say("not root");
		return;
	}
	NEED(pipe(up));
	pid = SPAWN({
		NEED(setresgid(2345, 0, 0));
		NEED(setresuid(1234, 0, 0));
		NEED(write(up[1], "x", 1));
		asks();
	});
	NEED(read(up[0], &c, 1));
	say("%s", ids(pid, "Uid:"));
	for (int i = 0; i < LOOKS; i++)
		other += strcmp(ids(pid, "Uid:"), "Uid:\t1234\t0\t0\t0") ||
			 strcmp(ids(pid, "Gid:"), "Gid:\t2345\t0\t0\t0");
	say("seen as another: %d", other);
	t_kill(pid);
}
