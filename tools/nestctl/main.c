/* SPDX-License-Identifier: MIT */
/* main.c: nestctl's command line.  Each command has a file of its own; see nestctl(1). */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "gen/build_id.h"
#include "tools/nestctl/nestctl.h"

static const char usage[] =
	"usage: nestctl COMMAND\n"
	"  run [OPTION...] IMAGE [-- COMMAND...]   a disposable instance; exits with COMMAND's "
	"status\n"
	"  image build [--variant debian|busybox] [--size 2G] [-o PATH] [PACKAGE...]\n"
	"  image list | path NAME | rm NAME\n"
	"  switch [--pcap FILE] [--loss PERCENT] [--vlan N,...] PATH   a switch for "
	"eth0=switch,PATH\n"
	"  cow create | info | check | commit | rebase | convert | pack ...   copy-on-write "
	"layers\n"
	"An image is a name in ~/.local/share/nestling/images or, with a slash in it, a path.\n";

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", run_command },
	{ "image", image_command },
	{ "cow", cow_command },
	{ "switch", switch_command },
};

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";

	setlocale(LC_CTYPE, "C.UTF-8");
	if (!strcmp(name, "--help") || !strcmp(name, "help")) {
		fputs(usage, argc > 1 ? stdout : stderr);
		return argc > 1 ? 0 : 1;
	}
	if (!strcmp(name, "--version")) {
		puts("nestctl " NESTLING_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(name, commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	die("no command '%s'; try nestctl --help", name);
}
