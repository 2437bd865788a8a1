/* SPDX-License-Identifier: MIT */
/*
 * space_died.c: causes of death of the zygote and of tasks of spaces; os_space.h describes the
 * interface.
 *
 * A death is detected without reaping: the zygote reaps tasks on request, and the zygote itself is
 * reaped when it is abandoned.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os-linux/os_space.h"
#include "os-linux/space_internal.h"
#include "os-linux/why.h"

/* numbers of fields in /proc/PID/stat; the state is the first behind the name */
#define STATE_FIELD 3
#define EXIT_FIELD 52
#define MIB (1UL << 20)

static uint64_t oom_kills; /* count of the group, at the start */

void os_space_note_oom_kills(void)
{
	oom_kills = os_cgroup_oom_kills();
}

/*
 * Appends the memory limit of the control group to the text if the group's OOM killer has struck.
 */
static void add_limit(char *buf, size_t size)
{
	size_t n = strlen(buf);
	char name[256];
	uint64_t limit;

	if (os_cgroup_oom_kills() <= oom_kills)
		return;
	if (os_cgroup_memory_limit(name, sizeof(name), &limit))
		snprintf(buf + n, size - n, ": the memory limit of the control group %s is %lu MiB",
			name, limit / MIB);
	else
		snprintf(buf + n, size - n, ": the host had no memory left");
}

static void describe(char *buf, size_t size, int status)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "was killed by signal %d", WTERMSIG(status));
	else
		snprintf(buf, size, "has ended with status %d", WEXITSTATUS(status));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		add_limit(buf, size);
}

bool os_space_zygote_died(char *buf, size_t size)
{
	siginfo_t info = { 0 };
	pid_t pid = os_space_zygote();

	if (pid <= 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ||
		!info.si_pid)
		return false;
	describe(buf, size,
		info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status & 0x7f);
	return true;
}

bool os_space_died(int task, char *buf, size_t size)
{
	char path[64], text[1024], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)os_space_pid(task));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	p = strrchr(text, ')');
	if (!p || (strncmp(p, ") Z", 3) && strncmp(p, ") X", 3)))
		return false;
	p += 2;
	for (int field = STATE_FIELD; p && field < EXIT_FIELD; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	if (!p)
		return false;
	describe(buf, size, atoi(p));
	return true;
}
