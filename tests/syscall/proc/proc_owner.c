/* SPDX-License-Identifier: MIT */
/*
 * proc_owner: owners of a process's files in /proc after it has changed its user: root owns most,
 * and the user those folders that anyone may read.
 */
#include "guest.h"

static char *owner(pid_t pid, const char *name)
{
	static char text[64];
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d%s", pid, name);
	NEED(stat(path, &st));
	snprintf(text, sizeof(text), "%o %u %u", st.st_mode, st.st_uid, st.st_gid);
	return text;
}

/* Prints owners as a host shows them to root, which may change the user. */
static void look(pid_t pid)
{
	char thread[32];

	snprintf(thread, sizeof(thread), "/task/%d", pid);
	GT(owner(pid, ""), "40555 1235 1234");
	GT(owner(pid, "/task"), "40555 1235 1234");
	GT(owner(pid, thread), "40555 1235 1234");
	GT(owner(pid, "/net"), "40555 1235 1234");
	GT(owner(pid, "/fdinfo"), "40555 1235 1234");
	GT(owner(pid, "/fd"), "40500 0 0");
	GT(owner(pid, "/ns"), "40511 0 0");
	GT(owner(pid, "/status"), "100444 0 0");
	GT(owner(pid, "/mem"), "100600 0 0");
}

TEST(proc_owner)
{
	int there[2], go[2];
	pid_t pid;
	char c;

	NEED(pipe(there));
	NEED(pipe(go));
	pid = NEED(fork());
	if (!pid) {
		GNEED(setresgid(1234, 1234, 1234));
		GNEED(setresuid(1235, 1235, 1235));
		NEED(write(there[1], "x", 1));
		_exit(read(go[0], &c, 1) == 1 ? 0 : 1);
	}
	NEED(read(there[0], &c, 1));
	look(pid);
	NEED(write(go[1], "x", 1));
	NEED(waitpid(pid, NULL, 0));
}
