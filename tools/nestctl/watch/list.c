/* SPDX-License-Identifier: MIT */
/*
 * list.c: `nestctl list`: lists running instances. The data come from the host only, so that a hung
 * instance is listed like the others.
 */
#include <stdio.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/table.h"

static const char *age_text(double seconds)
{
	long s = (long)seconds;

	if (s < 3600)
		return format("%ld:%02ld", s / 60, s % 60);
	if (s < 48 * 3600)
		return format("%ldh %ldm", s / 3600, s / 60 % 60);
	return format("%ldd %ldh", s / 86400, s / 3600 % 24);
}

static void print_json(const struct instance *in)
{
	json_open(NULL, '{');
	json_text("name", in->name);
	json_number("pid", in->pid);
	json_text("image", in->image);
	json_real("age", in->age);
	json_real("cpu", in->cpu);
	json_number("memory", (int64_t)in->memory);
	json_number("processes", in->processes);
	json_text("folder", in->folder);
	json_open("command", '[');
	for (char **word = in->argv; *word; word++)
		json_text(NULL, *word);
	json_close(']');
	json_close('}');
}

static int list(int argc, char **argv)
{
	bool json = false, names = false;
	struct table *t = NULL;
	struct instance *all;
	size_t n;

	for (int key; (key = next_option(&cmd_list, argc, argv));)
		*(key == KEY_JSON ? &json : &names) = true;
	take_words(&cmd_list, argc, argv, 0, 0);
	all = instances_find(NULL, &n);
	if (!names)
		instances_measure(all, n);
	if (json)
		json_open(NULL, '[');
	else if (!names)
		t = table_new(
			(const char *[]){ "NAME", "PID", "AGE", "CPU", "MEMORY", "IMAGE", NULL });
	for (size_t i = 0; i < n; i++) {
		if (json)
			print_json(&all[i]);
		else if (names)
			puts(all[i].name);
		else
			table_row(t, (const char *[]){ all[i].name, format("%d", (int)all[i].pid),
					     age_text(all[i].age), format("%.1f s", all[i].cpu),
					     size_text((double)all[i].memory), all[i].image });
	}
	if (json)
		json_close(']');
	if (t)
		table_print(t);
	return 0;
}

enum { KEY_NAMES = 256 };
static const struct option_row options[] = {
	OPTION_JSON,
	{ KEY_NAMES, "names", NULL, "only the names, one a line" },
	{ 0 },
};

const struct command cmd_list = {
	.name = "list",
	.args = "",
	.help = "The instances that run.",
	.text = "All running instances of this user are listed. CPU is the CPU time of their "
		"present processes, MEMORY the host memory that the instance holds.",
	.options = options,
	.run = list,
};
