/* SPDX-License-Identifier: MIT */
/* pause.c: `nestctl pause`, `unpause` and `restart`. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/service/events.h"
#include "tools/nestctl/service/service.h"

#define TIME_MAX 86400

static void ask(const char *name, void *arg)
{
	const char *request = arg;
	struct instance in = instance_find(name);
	struct service s;
	struct umid_console c;
	char *text;
	size_t len;
	int err;

	umid_connect(&c, in.folder);
	text = umid_ask(&c, request, &err, &len);
	if (!text)
		die("%s: no answer", name);
	if (err)
		die("%s: %s", name, strcmp(request, "stop") ? "is not paused" : "is paused");
	close(c.fd);
	if (service_find(&s, name))
		event_service(&s, strcmp(request, "stop") ? "unpause" : "pause", NULL, NULL);
	puts(name);
}

static int pause_command(int argc, char **argv)
{
	while (next_option(&cmd_pause, argc, argv))
		;
	return each_name(take_words(&cmd_pause, argc, argv, 1, -1), ask, "stop");
}

static int unpause(int argc, char **argv)
{
	while (next_option(&cmd_unpause, argc, argv))
		;
	return each_name(take_words(&cmd_unpause, argc, argv, 1, -1), ask, "go");
}

const struct command cmd_pause = {
	.name = "pause",
	.args = "NAME...",
	.help = "Stops all programs of instances, until nestctl unpause.",
	.text = "The kernel, its network and its disks go on. nestctl stop ends a paused instance "
		"too.",
	.run = pause_command,
};

const struct command cmd_unpause = {
	.name = "unpause",
	.args = "NAME...",
	.help = "Lets the programs of paused instances go on.",
	.run = unpause,
};

/* ---- restart ---- */

/* @arg: seconds to end, or -1: the instance's own. */
static void restart_one(const char *name, void *arg)
{
	struct service s = service_open(name);
	const int seconds = *(const int *)arg;
	const char *why;

	service_stop(&s, s.spec.stop_signal, seconds >= 0 ? seconds : s.spec.stop_timeout);
	if (!service_lock(&s))
		die("%s: another nestctl changes it", name);
	why = service_start(&s);
	if (why)
		die("%s: %s", name, why);
	event_service(&s, "restart", NULL, NULL);
	puts(name);
}

static int restart(int argc, char **argv)
{
	int seconds = -1;
	char *end;

	while (next_option(&cmd_restart, argc, argv)) {
		seconds = (int)strtol(optarg, &end, 10);
		if (end == optarg || *end || seconds < 0 || seconds > TIME_MAX)
			die("restart: --timeout: expected seconds, at most %d, not '%s'", TIME_MAX,
				optarg);
	}
	return each_name(take_words(&cmd_restart, argc, argv, 1, -1), restart_one, &seconds);
}

static const struct option_row restart_options[] = {
	{ 't', "timeout", "SECONDS",
		"time to end (10, or run --stop-timeout) before its programs are killed" },
	{ 't', "time", "SECONDS", NULL },
	{ 0 },
};

const struct command cmd_restart = {
	.name = "restart",
	.args = "NAME...",
	.help = "Stops detached instances and starts them again.",
	.options = restart_options,
	.run = restart,
};
