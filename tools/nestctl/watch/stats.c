/* SPDX-License-Identifier: MIT */
/* stats.c: `nestctl stats`: a live table of instances with docker's columns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/fields.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/screen.h"
#include "tools/nestctl/core/table.h"
#include "tools/nestctl/watch/rates.h"

/* Returns "1.2MB / 3.4MB". */
static const char *pair(uint64_t a, uint64_t b)
{
	return format("%s / %s", size_text((double)a), size_text((double)b));
}

/*
 * The texts of a row. All but @cpu have "--" in place of numbers if the instance does not answer,
 * as with docker.
 */
struct texts {
	const char *cpu, *usage, *part, *net, *block, *pids;
};

static struct texts texts_of(const struct row *w)
{
	const struct counts *n = w->n;
	const uint64_t used = n->total - n->available;
	const char *cpu = format("%.2f%%", w->r.cpu);

	if (!n->answered)
		return (struct texts){ cpu, "-- / --", "--", "-- / --", "-- / --", "--" };
	return (struct texts){ cpu, pair(used, n->total),
		format("%.2f%%", n->total ? 100 * (double)used / (double)n->total : 0),
		pair(n->net_in, n->net_out), pair(n->disk_read, n->disk_written),
		format("%u", n->threads) };
}

static void put_stats(const struct row *w)
{
	const struct texts t = texts_of(w);

	json_open(NULL, '{');
	json_text("ID", w->in->name);
	json_text("Container", w->in->name);
	json_text("Name", w->in->name);
	json_text("CPUPerc", t.cpu);
	json_text("MemUsage", t.usage);
	json_text("MemPerc", t.part);
	json_text("NetIO", t.net);
	json_text("BlockIO", t.block);
	json_text("PIDs", t.pids);
	json_close('}');
}

static void print_stats_table(const struct row *rows, size_t n)
{
	struct table *t = table_new((const char *[]){ "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %",
		"NET I/O", "BLOCK I/O", "PIDS", NULL });

	for (size_t i = 0; i < n; i++) {
		const struct texts x = texts_of(&rows[i]);

		table_row(t, (const char *[]){ rows[i].in->name, x.cpu, x.usage, x.part, x.net,
				     x.block, x.pids });
	}
	table_print(t);
}

/* Keeps the rows of the named instances, or all rows without names. Returns their number. */
static size_t keep_named(struct row *rows, size_t n, char **names)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		bool named = !*names;

		for (char **name = names; *name; name++)
			named = named || !strcmp(*name, rows[i].in->name);
		if (named)
			rows[left++] = rows[i];
	}
	return left;
}

static void print_stats(struct row *rows, size_t n, bool json, const char *template)
{
	struct fields *f;

	if (json)
		json_open(NULL, '[');
	for (size_t i = 0; json && i < n; i++)
		put_stats(&rows[i]);
	if (json)
		return json_close(']');
	if (!template)
		return print_stats_table(rows, n);
	f = fields_parse(template);
	for (size_t i = 0; i < n; i++) {
		fields_row_begin(f);
		put_stats(&rows[i]);
		fields_row_end(f);
	}
	fields_finish(f);
}

enum { KEY_NO_STREAM = 256, KEY_FORMAT, KEY_NO_TRUNC };

/* Prints the rows of the instances @names, or of all. */
static void print_round(const struct round *old, const struct round *new, char **names, bool json,
	const char *template)
{
	struct row *rows = rows_sorted(old, new, BY_NAME, false);

	print_stats(rows, keep_named(rows, new->n, names), json, template);
	free(rows);
}

static int stats(int argc, char **argv)
{
	bool once = false, json = false, live;
	const char *template = NULL;
	struct round old, new;
	char **names;
	int pressed;

	for (int key; (key = next_option(&cmd_stats, argc, argv));)
		switch (key) {
		case KEY_NO_STREAM: once = true; break;
		case KEY_FORMAT: template = optarg; break;
		case KEY_NO_TRUNC: break; /* ignored: nothing is ever cut */
		case KEY_JSON: json = true; break;
		/* --all is ignored: ended instances have no counters */
		default: break;
		}
	names = take_words(&cmd_stats, argc, argv, 0, -1);
	for (char **name = names; *name; name++)
		instance_find(*name);
	old = round_take(NULL);
	once = once || json;
	live = !once && screen_enter();
	while ((pressed = screen_key(1)) != 'q' && pressed != KEY_GONE) {
		new = round_take(NULL);
		if (live)
			printf("\033[H\033[J");
		print_round(&old, &new, names, json, template);
		round_release(&old);
		old = new;
		if (fflush(stdout) || once)
			break;
	}
	round_release(&old);
	screen_die_of_signal();
	return 0;
}

static const struct option_row stats_options[] = {
	{ KEY_NO_TRUNC, "no-trunc", NULL, NULL },
	{ KEY_NO_STREAM, "no-stream", NULL, "one table, of one second" },
	{ KEY_FORMAT, "format", "TEMPLATE",
		"print fields: {{.Name}}, {{.CPUPerc}}, {{.MemUsage}}, {{.MemPerc}}, {{.NetIO}}, "
		"{{.BlockIO}}, {{.PIDs}}; json, or table {{.Name}}\\t{{.CPUPerc}}" },
	{ 'a', "all", NULL, NULL },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_stats = {
	.name = "stats",
	.args = "[UMID...]",
	.help = "A live table of instances with docker's columns; nestctl top has more.",
	.text = "CPU % is that of all processes of an instance on the host, memory and PIDS "
		"(threads) are the guest's own view, and the limit is what the machine has. "
		"Traffic is that of all cards but lo and of all disks since the start. Without a "
		"terminal a table follows each second; --no-stream prints one, and --json too.",
	.options = stats_options,
	.run = stats,
};
