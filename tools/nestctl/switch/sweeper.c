/* SPDX-License-Identifier: MIT */
/*
 * sweeper.c: the process that removes a switch's socket at its end, since the switch itself may use
 * no name of a file by then (jail.c). It reads nothing that a guest has written.
 *
 *	sweeper_end():  switch ── a byte ──▶ sweeper: unlink(), exit
 *	                switch ◀── the end of the second pipe ──┘
 *
 * If the switch ends without the byte (SIGKILL), the sweeper ends and leaves the socket, as the
 * next switch at the path may have made one already. If the sweeper has ended first (SIGKILL), the
 * socket stays, too.
 *
 * The sweeper keeps the lock of the switch's user number (os-linux/jail/dynamic.c), too.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "os-linux/jail/jail.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/switch/switch.h"

/* the switch's ends of the pipes: for the byte, and for the sweeper's end */
static volatile int ask = -1, ended = -1;

static void __attribute__((noreturn)) sweep(const char *path, int asked)
{
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP };
	ssize_t n;
	char c;

	/* signals to the switch's group must not end or stop the sweeper first */
	setsid();
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		signal(ending[i], SIG_IGN);
	prctl(PR_SET_NAME, "switch-sweeper");
	dup2(0, 2);
	/* the folder of the socket may be another user's */
	rights_keep(1UL << CAP_DAC_OVERRIDE);
	do {
		n = read(asked, &c, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		unlink(path);
	_exit(0);
}

void sweeper_start(const char *path, const int *others, size_t n)
{
	int asks[2], ends[2];
	pid_t pid;

	if (pipe2(asks, O_CLOEXEC) || pipe2(ends, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("cannot start a process: %s", task_error(errno));
	if (!pid) {
		for (size_t i = 0; i < n; i++)
			close(others[i]);
		close(asks[1]);
		close(ends[0]);
		sweep(path, asks[0]);
	}
	close(asks[0]);
	close(ends[1]);
	ended = ends[0];
	ask = asks[1]; /* last, as a signal may come */
}

bool sweeper_end(void)
{
	char c = 0;

	if (ask < 0)
		return false;
	/* fails if the sweeper has been killed */
	if (write(ask, &c, 1) == 1)
		while (read(ended, &c, 1) < 0 && errno == EINTR)
			;
	return true;
}
