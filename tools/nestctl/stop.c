/* SPDX-License-Identifier: MIT */
/*
 * stop.c: `nestctl stop` and `nestctl kill`.
 *
 * stop is the kernel's SIGTERM: ctrl-alt-del for init, after which a restart ends the instance too. When its time is over the management
 * console is told to halt (disks are synced), and after two seconds the process is killed. The process is held by a descriptor, so
 * that its number cannot become another's meanwhile.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/nestctl/command.h"
#include "tools/nestctl/instance.h"
#include "tools/nestctl/nestctl.h"
#include "tools/nestctl/umid.h"

#define HALT_MS 2000

static int hold(const struct instance *in)
{
	int fd = (int)syscall(SYS_pidfd_open, in->pid, 0);

	if (fd < 0)
		die("%s: %s", in->name, strerror(errno));
	return fd;
}

static void send_signal(int pidfd, int sig, const char *name)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) && errno != ESRCH)
		die("%s: %s", name, strerror(errno));
}

static bool ends_within(int pidfd, int ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

static void halt(const struct instance *in)
{
	struct umid_console c;
	size_t len;
	int err;

	if (!umid_try_connect(&c, in->folder))
		return;
	c.wait_ms = HALT_MS;
	free(umid_ask(&c, "halt", &err, &len));
	close(c.fd);
}

/* What a killed instance leaves: the folder of its name. */
static void remove_folder(const struct instance *in)
{
	unlink(format("%s/mconsole", in->folder));
	unlink(format("%s/pid", in->folder));
	unlink(format("%s/console", in->folder));
	rmdir(in->folder);
}

static void kill_instance(const struct instance *in, int pidfd)
{
	send_signal(pidfd, SIGKILL, in->name);
	if (!ends_within(pidfd, 10000))
		die("%s: process %d does not end", in->name, (int)in->pid);
	remove_folder(in);
}

static long seconds(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 0 || n > 86400)
		die("stop: --time: wants seconds, not '%s'", text);
	return n;
}

static int stop(int argc, char **argv)
{
	long time = 10;

	while (next_option(&cmd_stop, argc, argv))
		time = seconds(optarg);
	for (char **name = take_words(&cmd_stop, argc, argv, 1, -1); *name; name++) {
		struct instance in = instance_find(*name);
		int pidfd = hold(&in);

		send_signal(pidfd, SIGTERM, *name);
		if (!ends_within(pidfd, (int)time * 1000)) {
			warn("%s: did not end within %ld s, and is halted", *name, time);
			halt(&in);
			if (!ends_within(pidfd, HALT_MS))
				kill_instance(&in, pidfd);
		}
		close(pidfd);
	}
	return 0;
}

static int kill_command(int argc, char **argv)
{
	while (next_option(&cmd_kill, argc, argv))
		;
	for (char **name = take_words(&cmd_kill, argc, argv, 1, -1); *name; name++) {
		struct instance in = instance_find(*name);
		int pidfd = hold(&in);

		kill_instance(&in, pidfd);
		close(pidfd);
	}
	return 0;
}

static const struct option_row stop_options[] = {
	{ 't', "time", "SECONDS", "how long it may take (10)" },
	{ 0 },
};

const struct command cmd_stop = {
	.name = "stop",
	.args = "UMID...",
	.help = "Ends instances in order: init is asked, as by ctrl-alt-del.",
	.text = "One that still runs after its time is halted: disks are synced, programs are not "
		"asked. One that does not even do that is killed.",
	.options = stop_options,
	.run = stop,
};

const struct command cmd_kill = {
	.name = "kill",
	.args = "UMID...",
	.help = "Ends instances at once, as a power cut would.",
	.run = kill_command,
};
