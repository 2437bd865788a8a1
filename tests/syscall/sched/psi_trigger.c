/* SPDX-License-Identifier: MIT */
/*
 * psi_trigger: triggers of /proc/pressure/cpu by an unprivileged user, whose windows are multiples
 * of two seconds; a trigger reports a stall. A host without that file is not asked.
 */
#include "t.h"

#include <poll.h>

static bool asked;

static int trigger(const char *text, int want)
{
	int fd = asked ? open("/proc/pressure/cpu", O_RDWR | O_NONBLOCK) : -1;
	long r = !asked ? (want ? -1 : 1) : fd == -1 ? -1 : write(fd, text, strlen(text) + 1);

	say("%s: %s", text, r > 0 ? "ok" : t_errno(asked ? errno : want));
	return fd;
}

static void of_anybody(void)
{
	struct pollfd p = { .events = POLLPRI };
	pid_t busy[8];

	NEED(setresuid(65534, 65534, 65534));
	trigger("some 100000 500000", EINVAL);
	trigger("some 100000 1000000", EINVAL);
	trigger("some 100000 3000000", EINVAL);
	trigger("some 100000 12000000", EINVAL);
	trigger("some 2000001 2000000", EINVAL);
	trigger("full 100000 4000000", 0);
	p.fd = trigger("some 1000 2000000", 0);
	for (int i = 0; i < 8; i++)
		busy[i] = asked ? SPAWN(for (;;) getppid()) : 0;
	say("it tells: %s",
		!asked || (poll(&p, 1, 100000) == 1 && p.revents & POLLPRI) ? "yes" : "no");
	for (int i = 0; i < 8 && asked; i++) {
		kill(busy[i], SIGKILL);
		waitpid(busy[i], NULL, 0);
	}
}

TEST(psi_trigger)
{
	asked = !access("/proc/pressure/cpu", W_OK);
	CHILD(of_anybody());
}
