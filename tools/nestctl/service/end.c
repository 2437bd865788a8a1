/* SPDX-License-Identifier: MIT */
/* end.c: ends kept instances, and sends signals to their commands, through the supervisor. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/service/service.h"

/* seconds beyond the command's time that a supervisor has for the guest's power-off (attend.c) */
#define PATIENCE_S 45

/* Continues the instance: a paused one does not take signals. */
static void unpause(const struct service *s)
{
	for (int i = 0; i < 2; i++) {
		const char *home = umid_home(i);
		struct umid_console c;
		size_t len;
		int err;

		if (!home || !umid_try_connect(&c, format("%s/%s", home, s->name)))
			continue;
		c.wait_ms = 2000;
		free(umid_ask(&c, "go", &err, &len));
		close(c.fd);
	}
}

int service_ask_end(struct service *s, int sig, int seconds)
{
	pid_t pid = 0;
	int fd = control_connect(s, &pid), pidfd;

	if (fd < 0)
		return -1;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	unpause(s);
	/* without an answer the instance has just ended by itself */
	control_ask(fd, format("S %d %d", sig, seconds));
	close(fd);
	return pidfd;
}

/* Waits @ms for the end of the supervisor, kills it then, and closes @pidfd. */
static bool await_end(struct service *s, int pidfd, int ms)
{
	if (poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, ms) <= 0) {
		warn("%s: its supervisor does not end, and is killed", s->name);
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	}
	close(pidfd);
	return service_wait_end(s, -1);
}

bool service_stop(struct service *s, int sig, int seconds)
{
	int pidfd = service_ask_end(s, sig, seconds);

	return pidfd >= 0 && await_end(s, pidfd, (seconds + PATIENCE_S) * 1000);
}

bool service_kill(struct service *s, int kernel)
{
	pid_t pid = 0;
	int fd = control_connect(s, &pid), pidfd;

	if (fd < 0)
		return false;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	control_ask(fd, format("S %d 0", SIGKILL));
	close(fd);
	syscall(SYS_pidfd_send_signal, kernel, SIGKILL, NULL, 0);
	return pidfd >= 0 && await_end(s, pidfd, PATIENCE_S * 1000);
}

bool service_signal(struct service *s, int sig)
{
	pid_t pid;
	int fd = control_connect(s, &pid);
	bool taken = fd >= 0 && control_ask(fd, format("K %d", sig));

	if (fd >= 0)
		close(fd);
	return taken;
}
