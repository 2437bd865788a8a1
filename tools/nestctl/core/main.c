/* SPDX-License-Identifier: MIT */
/* main.c: nestctl's command line: finds the row of command.h's table and runs it. */
#include <stdio.h>
#include <string.h>

#include "gen/build_id.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"

const struct command *const commands[] = {
#define ROW(name) &cmd_##name,
	COMMANDS(ROW)
#undef ROW
		NULL,
};

static bool is_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help");
}

static const struct command *find(const struct command *const *table, const char *verb)
{
	for (; *table; table++)
		if (!strcmp(command_verb(*table), verb))
			return *table;
	return NULL;
}

int command_dispatch(const struct command *const *table, const char *in, int argc, char **argv)
{
	const struct command *c = find(table, argv[0]);

	if (!c)
		die("%s%sno command '%s'; try nestctl %s%s--help", in ? in : "", in ? ": " : "",
			argv[0], in ? in : "", in ? " " : "");
	if (c->helper && argc == 2 && is_help(argv[1]) && strcmp(argv[1], "help")) {
		help_command(c);
		return 0;
	}
	if (c->helper)
		helper_run(c, argc, argv);
	if (!c->sub)
		return c->run(argc, argv);
	if (c->run && (argc < 2 || (argv[1][0] == '-' && !is_help(argv[1]))))
		return c->run(argc, argv);
	if (argc > 1 && !is_help(argv[1]))
		return command_dispatch(c->sub, c->name, argc - 1, argv + 1);
	if (argc < 2)
		die("%s: which command? try nestctl %s --help", c->name, c->name);
	help_command(c);
	return 0;
}

/* Runs `nestctl help run` as `nestctl run --help`. */
static int help(int argc, char **argv)
{
	const struct command *c = NULL;
	const struct command *const *table = commands;

	for (int i = 2; i < argc && table; i++) {
		c = find(table, argv[i]);
		if (!c)
			die("no command '%s'; try nestctl --help", argv[i]);
		table = c->sub;
	}
	if (c)
		help_command(c);
	else
		help_all(commands);
	return 0;
}

static int run(int argc, char **argv)
{
	if (argc < 2)
		die("which command? try nestctl --help");
	if (is_help(argv[1]))
		return help(argc, argv);
	if (!strcmp(argv[1], "--version")) {
		puts("nestctl " NESTLING_VERSION);
		return 0;
	}
	return command_dispatch(commands, NULL, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	prepare_process();
	return finish_output(run(argc, argv));
}
