/* SPDX-License-Identifier: MIT */
/* proc_name: a task's name with special characters, as status, stat and comm show it. */
#include "t.h"
#include <sys/prctl.h>

static void show(const char *file)
{
	char text[256];
	int fd = NEED(open(file, O_RDONLY));
	ssize_t n = NEED(read(fd, text, sizeof(text) - 1));
	char *end;

	close(fd);
	text[n] = 0;
	end = strstr(text, "Umask:");
	if (!end)
		end = strstr(text, ") R");
	if (end)
		*end = 0;
	say("%s", strchr(text, '(') ? strchr(text, '(') : text);
}

static void shown(const char *name)
{
	NEED(prctl(PR_SET_NAME, name));
	show("/proc/self/status");
	show("/proc/self/stat");
	show("/proc/self/comm");
}

TEST(proc_name)
{
	shown("a b\tc\\d\ne");
	shown("\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\");
	shown("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n");
	shown("\001\033\177\200\377 \"'");
	shown("");
}
