/* SPDX-License-Identifier: MIT */
/* What a process's files in /proc keep from others. */
#include "t.h"

#include <dirent.h>

#define NOBODY 65534

static const char *result(long r)
{
	return r < 0 ? t_errno(errno) : "ok";
}

static void look(const char *pid)
{
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	d = opendir(path);
	say("list %s: %s", path, result(d ? 0 : -1));
	if (d)
		closedir(d);
	snprintf(path, sizeof(path), "/proc/%s/fdinfo/0", pid);
	say("open %s: %s", path, result(open(path, O_RDONLY)));
}

/* In a child, who is no longer root. */
static void others_fdinfo(void)
{
	pid_t pid = NEED(fork());
	int status;

	if (!pid) {
		if (!getuid())
			NEED(setresuid(NOBODY, NOBODY, NOBODY));
		look("1");
		look("self");
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0));
}

TEST(proc_private)
{
	others_fdinfo();
}
