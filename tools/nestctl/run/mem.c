/* SPDX-License-Identifier: MIT */
/*
 * mem.c: `nestctl mem`: shows or changes an instance's memory, by the management console's "config
 * mem".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/umid.h"

/* a guest may have to write much to its disk before it can give memory back */
#define WAIT_MS 120000

/* Returns the reply to a command, which the caller frees. Dies on an error. */
static char *ask(const struct instance *in, const char *command)
{
	struct umid_console c;
	char *text;
	size_t len;
	int err;

	umid_connect(&c, in->folder);
	c.wait_ms = WAIT_MS;
	text = umid_ask(&c, command, &err, &len);
	close(c.fd);
	if (!text)
		die("%s: no answer", in->name);
	if (err)
		die("%s: %s", in->name, text);
	return text;
}

/* Returns the bytes of the instance's memory. */
static uint64_t memory(const struct instance *in)
{
	char *text = ask(in, "config mem"), *end;
	uint64_t n = strtoull(text, &end, 10);

	if (end == text)
		die("%s: unexpected answer '%s'", in->name, text);
	free(text);
	return n;
}

/* Changes memory by "+64M" or "-64M", or sets it to a size. */
static void change(const struct instance *in, const char *size)
{
	bool relative = *size == '+' || *size == '-';
	uint64_t wanted = parse_size(size + relative, "mem"), now = relative ? 0 : memory(in);
	bool less = relative ? *size == '-' : wanted < now;
	uint64_t by = relative ? wanted : less ? now - wanted : wanted - now;

	free(ask(in, format("config mem=%c%llu", less ? '-' : '+', (unsigned long long)by)));
}

static int mem(int argc, char **argv)
{
	struct instance in;
	bool json = false;
	char **words;

	while (next_option(&cmd_mem, argc, argv))
		json = true;
	words = take_words(&cmd_mem, argc, argv, 0, 2);
	in = instance_find(words[0]);
	if (words[0] && words[1])
		change(&in, words[1]);
	if (json) {
		json_open(NULL, '{');
		json_text("name", in.name);
		json_number("total", (int64_t)memory(&in));
		json_close('}');
	} else {
		printf("%.1fM\n", (double)memory(&in) / (1 << 20));
	}
	return 0;
}

static const struct option_row options[] = {
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_mem = {
	.name = "mem",
	.args = "[UMID [SIZE]]",
	.help = "How much memory an instance has; with SIZE, gives it more or takes some away.",
	.text = "SIZE is the new size (512M), or the difference (+64M, -64M). Only memory is taken "
		"away that is free, or that the guest can free by dropping its caches; the host "
		"has it at once. A guest that needs its memory keeps all of it, and the command "
		"fails. Up to mem-max= an instance may have more than it was started with: nestctl "
		"run --param mem-max=4G. The instance's own table of memory is not counted, so the "
		"printed size is a little less than mem=.",
	.options = options,
	.command_follows = true, /* -64M is no option */
	.run = mem,
};
