/* SPDX-License-Identifier: MIT */
/*
 * proc_login: /proc/PID/loginuid and sessionid before and after a login, which values a process may
 * write, and inheritance. A login of the host may have set them, so the host's side only prints.
 */
#include "guest.h"
#include <sys/prctl.h>

#define LOGIN "/proc/self/loginuid"

static const char *text(const char *path)
{
	static char buf[64];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	close(fd);
	buf[n > 0 ? n : 0] = 0;
	return buf;
}

static long put(const char *path, const char *what)
{
	int fd = NEED(open(path, O_WRONLY));
	long n = write(fd, what, strlen(what));

	close(fd);
	return n;
}

static unsigned session(void)
{
	return strtoul(text("/proc/self/sessionid"), NULL, 10);
}

/* A process without CAP_AUDIT_CONTROL can log in once. */
static void once(void)
{
	unsigned before;

	if (in_guest())
		NEED(setresuid(65534, 65534, 65534));
	prctl(PR_SET_DUMPABLE, 1);
	G(put(LOGIN, "x"), "-1 EINVAL");
	G(put(LOGIN, ""), "-1 EINVAL");
	G(put(LOGIN, "-1"), "-1 EINVAL");
	G(put(LOGIN, " 5"), "-1 EINVAL");
	G(put(LOGIN, "5 "), "-1 EINVAL");
	G(put(LOGIN, "0x10"), "-1 EINVAL");
	G(put(LOGIN, "4294967296"), "-1 ERANGE");
	G(put(LOGIN, "+5\n"), "3");
	GT(text(LOGIN), "5");
	GIS(session() != -1U);
	G(put(LOGIN, "6"), "-1 EPERM");
	G(put(LOGIN, "4294967295"), "-1 EPERM");
	G(put(LOGIN, "x"), "-1 EINVAL");
	before = session();
	CHILD(GT(text(LOGIN), "5"); GIS(session() == before));
}

/* A process with the capability can change it: a new session each time. */
static void again(void)
{
	char parent[64];
	unsigned before;

	G(put(LOGIN, "7"), "1");
	before = session();
	G(put(LOGIN, "8"), "1");
	GIS(session() == before + 1);
	G(put(LOGIN, "4294967295"), "10");
	GT(text(LOGIN), "4294967295");
	GIS(session() == -1U);
	snprintf(parent, sizeof(parent), "/proc/%d/loginuid", getppid());
	G(put(parent, "5"), "-1 EPERM");
}

TEST(proc_login)
{
	GT(text("/proc/thread-self/loginuid"), "4294967295");
	GT(text("/proc/thread-self/sessionid"), "4294967295");
	CHILD(once());
	CHILD(again());
	GT(text(LOGIN), "4294967295");
}
