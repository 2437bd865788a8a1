/* SPDX-License-Identifier: MIT */
/*
 * from_docker.c: `nestctl from-docker`, which prints docs/from-docker.md from the tables of
 * docker.c. It dies if a row names a command or an option that does not exist.
 */
#include <stdio.h>
#include <string.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/docker.h"
#include "tools/nestctl/core/nestctl.h"

static const char head[] =
	"# Coming from docker\n\n"
	"This page is the output of `nestctl from-docker`; tests/nestctl/from_docker compares "
	"them. A\n"
	"command or option that a row names exists.\n\n"
	"An instance is a virtual machine in user mode: a kernel of its own, without root and "
	"without a\n"
	"daemon. An image is a file of the store or any path. `nestctl run` without `-d` is "
	"docker's\n"
	"`run --rm -i`. With `-d` an instance has a folder until `nestctl rm`: its layer, its "
	"output and\n"
	"its exit status ([nestctl.md](nestctl.md#detached-instances)).\n\n"
	"    nestctl image build --variant busybox\n"
	"    nestctl run -d --name web -p 8080:80 --restart on-failure:3 busybox -- httpd -f\n"
	"    nestctl ps\n"
	"    nestctl logs -f web\n"
	"    nestctl exec -it web sh\n"
	"    nestctl stop web && nestctl rm web\n";

/* ---- checks ---- */

static const struct command *find(const struct command *const *table, const char *verb, size_t n)
{
	for (; *table; table++)
		if (strlen(command_verb(*table)) == n && !strncmp(command_verb(*table), verb, n))
			return *table;
	return NULL;
}

/* Dies unless @here, "nestctl COMMAND...", names an existing command. */
static void check_command(const char *here)
{
	const struct command *const *table = commands;
	const char *word = here + strlen("nestctl ");

	while (table && *word) {
		size_t n = strcspn(word, " ");
		const struct command *c = find(table, word, n);

		if (!c)
			die("from-docker: '%s' is no command", here);
		table = c->sub;
		word += n + (word[n] == ' ');
	}
}

/* Dies unless the command has the option. */
static void check_option_of(const struct command *c, const char *here)
{
	for (const struct option_row *o = c->options; o->key || o->name; o++)
		if (here[1] == '-' ? o->name && !strcmp(o->name, here + 2) :
				     o->key == here[1] && !here[2])
			return;
	die("from-docker: %s has no option %s", c->name, here);
}

static void check_option(const char *here)
{
	check_option_of(&cmd_run, here);
}

static void check_build_option(const char *here)
{
	check_option_of(&cmd_build, here);
}

/* ---- the page ---- */

static void print_rows(
	const struct docker_row *rows, const char *what, void (*check)(const char *here))
{
	printf("| docker%s | here | what differs |\n|---|---|---|\n", what);
	for (; rows->docker; rows++) {
		if (rows->here)
			check(rows->here);
		printf("| %s | %s | %s |\n", rows->docker,
			rows->here ? format("`%s`", rows->here) : "not there", rows->differs);
	}
}

static int from_docker(int argc, char **argv)
{
	while (next_option(&cmd_from_docker, argc, argv))
		;
	take_words(&cmd_from_docker, argc, argv, 0, 0);
	printf("%s\n## Commands\n\n", head);
	print_rows(docker_verbs, "", check_command);
	puts("\n## Options of run\n");
	print_rows(docker_options, " run", check_option);
	puts("\n## Options of build\n");
	print_rows(docker_build_options, " build", check_build_option);
	return 0;
}

const struct command cmd_from_docker = {
	.name = "from-docker",
	.args = "",
	.help = "Prints docs/from-docker.md: what docker's commands are called here.",
	.hidden = true,
	.run = from_docker,
};
