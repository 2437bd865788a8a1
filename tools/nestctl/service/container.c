/* SPDX-License-Identifier: MIT */
/* container.c: `nestctl container COMMAND`, docker's long names of commands for instances. */
#include <stdio.h>
#include <string.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/table.h"
#include "tools/nestctl/service/service.h"
#include "tools/nestctl/service/volume.h"

static const struct command cmd_container_prune;

static int prune(int argc, char **argv)
{
	bool force = false;

	while (next_option(&cmd_container_prune, argc, argv))
		force = true;
	take_words(&cmd_container_prune, argc, argv, 0, 0);
	if (!force &&
		!volume_ask("container prune",
			"nestctl: this removes each detached instance that has ended. Go on?"))
		return 1;
	fprintf(stderr, "%s were freed\n", size_text((double)services_prune()));
	return 0;
}

static const struct option_row prune_options[] = {
	{ 'f', "force", NULL, "do not ask" },
	{ 0 },
};

static const struct command cmd_container_prune = {
	.name = "container prune",
	.args = "",
	.help = "Removes detached instances that have ended.",
	.options = prune_options,
	.run = prune,
};

static int container(int argc, char **argv)
{
	static const char *const same[] = { "attach", "commit", "cp", "create", "diff", "exec",
		"export", "inspect", "kill", "logs", "pause", "port", "ps", "rename", "restart",
		"rm", "run", "start", "stats", "stop", "unpause", "wait" };
	static char list[] = "ps";

	if (argc < 2)
		die("container: which command? try nestctl --help");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		help_command(&cmd_container);
		return 0;
	}
	if (!strcmp(argv[1], "prune"))
		return prune(argc - 1, argv + 1);
	if (!strcmp(argv[1], "ls") || !strcmp(argv[1], "list"))
		argv[1] = list;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (!strcmp(argv[1], same[i]))
			return command_dispatch(commands, NULL, argc - 1, argv + 1);
	die("container: no command '%s'; try nestctl --help", argv[1]);
}

const struct command cmd_container = {
	.name = "container",
	.args = "COMMAND...",
	.help = "Docker's long names: nestctl container rm is nestctl rm.",
	.text = "COMMAND is one of those for instances; ls and list are ps. prune [-f] removes all "
		"detached instances that have ended; without -f it asks first.",
	.command_follows = true,
	.run = container,
};
