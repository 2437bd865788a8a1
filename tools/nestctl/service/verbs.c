/* SPDX-License-Identifier: MIT */
/* verbs.c: `nestctl wait`, `rename` and `rm`. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/service/log.h"
#include "tools/nestctl/service/service.h"
#include "tools/nestctl/service/unit.h"

#define LOOK_MS 200

/* ---- wait ---- */

/*
 * Waits for the next end of the command. Returns its status, or the last status if the instance
 * does not run.
 */
static int wait_for_one(const struct service *s)
{
	struct service_state first = service_state_read(s), st = first;
	int watch = log_watch(s->dir);

	while (st.ends == first.ends &&
		(st.phase == PHASE_RUNNING || (st.phase == PHASE_CREATED && service_is_busy(s)))) {
		log_wait(watch, -1, LOOK_MS);
		st = service_state_read(s);
	}
	return st.exit;
}

static void open_next(const char *name, void *arg)
{
	struct service **next = arg;

	**next = service_open(name);
	(*next)++;
}

static int wait_command(int argc, char **argv)
{
	struct service *all, *end;
	size_t n = 0;
	char **names;
	int status;

	while (next_option(&cmd_wait, argc, argv))
		;
	names = take_words(&cmd_wait, argc, argv, 1, -1);
	while (names[n])
		n++;
	all = end = xalloc(n * sizeof(*all));
	/* open all instances first, since one with --rm removes itself at its end */
	status = each_name(names, open_next, &end);
	for (const struct service *s = all; s < end; s++) {
		printf("%d\n", wait_for_one(s));
		fflush(stdout);
	}
	return status;
}

const struct command cmd_wait = {
	.name = "wait",
	.args = "NAME...",
	.help = "Waits until detached instances end, and prints their exit statuses.",
	.text = "One line each, in the order of the names. Of an instance that does not run it is "
		"the last status. 137 is also that of an instance whose nestctl was killed.",
	.run = wait_command,
};

/* ---- rename ---- */

/* Asks the supervisor of a running instance to rename it. */
static void ask_for_name(const struct service *s, const char *name)
{
	pid_t pid;
	int fd = control_connect(s, &pid);
	const char *reply = fd < 0 ? NULL : control_reply(fd, format("%c%s", CONTROL_RENAME, name));

	if (!reply)
		die("%s: another nestctl changes it", s->name);
	if (*reply != CONTROL_DONE)
		die("%s", reply + 1);
	close(fd);
}

static int rename_command(int argc, char **argv)
{
	struct service s;
	char **words;

	while (next_option(&cmd_rename, argc, argv))
		;
	words = take_words(&cmd_rename, argc, argv, 2, 2);
	s = service_open(words[0]);
	service_check_name(words[1]);
	if (unit_exists(s.name))
		die("%s: a unit of systemd has its name", s.name);
	if (service_lock(&s)) {
		service_check_free(words[1]);
		service_rename(&s, words[1]);
	} else {
		ask_for_name(&s, words[1]);
	}
	return 0;
}

const struct command cmd_rename = {
	.name = "rename",
	.args = "NAME NEWNAME",
	.help = "Gives a kept instance another name.",
	.text = "One that runs goes on. Its host name stays.",
	.run = rename_command,
};

/* ---- rm ---- */

/* Removes a kept instance. @arg: a bool, true to end the instance first if it runs. */
static void remove_one(const char *name, void *arg)
{
	const bool force = *(const bool *)arg;
	struct service s = service_open(name);

	if (force && !service_lock(&s))
		service_stop(&s, SIGKILL, 0);
	if (service_lock(&s)) {
		unit_remove(name);
		service_remove(&s);
	} else if (!force || service_is_busy(&s)) { /* with --rm it has removed itself */
		die("%s: runs; nestctl stop ends it, rm -f ends and removes it", name);
	}
	puts(name);
}

static int rm(int argc, char **argv)
{
	bool force = false;

	for (int key; (key = next_option(&cmd_rm, argc, argv));)
		force = force || key == 'f';
	return each_name(take_words(&cmd_rm, argc, argv, 1, -1), remove_one, &force);
}

static const struct option_row rm_options[] = {
	{ 'f', "force", NULL, "end those that run first, as nestctl kill does" },
	{ 'v', "volumes", NULL, NULL }, /* ignored: no volume is anonymous */
	{ 0 },
};

const struct command cmd_rm = {
	.name = "rm",
	.args = "NAME...",
	.help = "Removes detached instances: their layers, output and settings.",
	.text = "Images stay; nestctl image rm removes those.",
	.options = rm_options,
	.run = rm,
};
