/* SPDX-License-Identifier: MIT */
/* ps.c: `nestctl ps` and `nestctl port`. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/fields.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/table.h"
#include "tools/nestctl/service/inspect.h"
#include "tools/nestctl/service/view.h"

#define FILTERS_MAX 32
#define COMMAND_MAX 20

/* The options. */
struct ps {
	bool all, quiet, json, whole, size;
	/* show only this many instances, those made last; 0: all */
	size_t last;
	const char *format;
	const char *filters[FILTERS_MAX];
	int nr_filters;
};

/* ---- filters ---- */

/* Functions of filters: true if the instance has @wanted. */
static bool has_label(const struct view *v, const char *wanted)
{
	size_t n = strlen(wanted);

	for (char **l = v->kept ? v->service.spec.labels : NULL; l && *l; l++)
		if (!strcmp(*l, wanted) || (!strncmp(*l, wanted, n) && (*l)[n] == '='))
			return true;
	return false;
}

static bool is_image(const struct view *v, const char *wanted)
{
	return !strcmp(v->image, wanted) || !strcmp(v->file, wanted);
}

static bool has_ended_with(const struct view *v, const char *wanted)
{
	return v->state.phase == PHASE_EXITED && v->state.exit == atoi(wanted);
}

/*
 * True if the regular expression @wanted matches the name. It may begin with "/" or "^/", since
 * docker's names begin with a slash.
 */
static bool has_name(const struct view *v, const char *wanted)
{
	bool anchored = !strncmp(wanted, "^/", 2);
	const char *text = anchored ? format("^%s", wanted + 2) : wanted + (*wanted == '/');
	regex_t r;
	bool fit;

	if (regcomp(&r, text, REG_EXTENDED | REG_NOSUB))
		die("ps: --filter name=%s: no regular expression", wanted);
	fit = !regexec(&r, v->name, 0, NULL, 0);
	regfree(&r);
	return fit;
}

static bool is_named(const struct view *v, const char *wanted)
{
	return !strcmp(v->name, wanted);
}

static bool has_status(const struct view *v, const char *wanted)
{
	return !strcmp(v->word, wanted);
}

/*
 * True if the instance has the volume @wanted: a volume's name, or a folder of the host or the
 * guest.
 */
static bool has_volume(const struct view *v, const char *wanted)
{
	static const char option[] = "--volume=";
	const char *volume = format("%s/%s/_data", data_dir("volumes"), wanted);

	for (char **w = v->kept ? v->service.spec.words : NULL; w && *w; w++) {
		const char *host = *w + sizeof(option) - 1, *guest;
		size_t n;

		if (strncmp(*w, option, sizeof(option) - 1) != 0)
			continue;
		n = strcspn(host, ":");
		guest = host + n + !!host[n];
		if ((strlen(wanted) == n && !strncmp(host, wanted, n)) ||
			(strlen(volume) == n && !strncmp(host, volume, n)) ||
			(strcspn(guest, ":") == strlen(wanted) &&
				!strncmp(guest, wanted, strlen(wanted))))
			return true;
	}
	return false;
}

/* True if the instance has the host's port @wanted: "8080" or "8080/udp". */
static bool has_published(const struct view *v, const char *wanted)
{
	size_t n = strcspn(wanted, "/");
	const char *kind = wanted[n] ? wanted + n + 1 : "tcp";

	for (char **p = v->ports; *p; p++) {
		const char *slash = strchr(*p, '/'), *host = strrchr(*p, ':');

		if (slash && host && strlen(host + 1) == n && !strncmp(host + 1, wanted, n) &&
			!strncmp(slash + 1, kind, strlen(kind)))
			return true;
	}
	return false;
}

/* Returns when the instance was made, ns since 1970. */
static int64_t creation_of(const char *name)
{
	struct view v;

	if (!view_find(&v, name))
		die("ps: --filter: %s: no instance of this name is kept or runs", name);
	return v.created;
}

static bool is_since(const struct view *v, const char *wanted)
{
	return v->created > creation_of(wanted);
}

static bool is_before(const struct view *v, const char *wanted)
{
	return v->created < creation_of(wanted);
}

static bool has_health(const struct view *v, const char *wanted)
{
	return !strcmp(health_word(v->state.health), wanted);
}

static const struct filter {
	const char *name;
	bool (*fits)(const struct view *v, const char *wanted);
	/* the filter also selects ended instances */
	bool ended;
} filters[] = { { "name", has_name, false }, { "id", is_named, false },
	{ "label", has_label, false }, { "ancestor", is_image, false },
	{ "status", has_status, true }, { "exited", has_ended_with, true },
	{ "health", has_health, false }, { "volume", has_volume, false },
	{ "publish", has_published, false }, { "since", is_since, false },
	{ "before", is_before, false } };

/* Returns the filter NAME of NAME=VALUE. Dies if there is none. */
static const struct filter *filter_of(const char *text)
{
	size_t n = strcspn(text, "=");

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		if (text[n] && strlen(filters[i].name) == n && !strncmp(filters[i].name, text, n))
			return &filters[i];
	die("ps: --filter %s: expected name=, id=, label=, ancestor=, status=, exited=, health=, "
	    "volume=, publish=, since= or before=",
		text);
}

/*
 * True if the filters select the instance, as in docker: at least one of those with the same NAME
 * must match, but all of label=.
 */
static bool fits(const struct ps *ps, const struct view *v)
{
	for (int i = 0; i < ps->nr_filters; i++) {
		const struct filter *f = filter_of(ps->filters[i]);
		bool fit = false;

		for (int j = 0; j < ps->nr_filters; j++) {
			const char *value = strchr(ps->filters[j], '=') + 1;

			if (filter_of(ps->filters[j]) == f && (f->fits != has_label || i == j))
				fit = fit || f->fits(v, value);
		}
		if (!fit)
			return false;
	}
	return true;
}

/* ---- rows ---- */

/* Returns the labels as "NAME=VALUE,...", or "". */
static const char *labels_text(const struct view *v)
{
	const char *all = "";

	for (char **l = v->kept ? v->service.spec.labels : NULL; l && *l; l++)
		all = format("%s%s%s", all, *all ? "," : "", *l);
	return all;
}

/* Returns the command in quotes, cut at COMMAND_MAX bytes unless @whole. */
static const char *command_text(const struct view *v, bool whole)
{
	size_t n = strlen(v->command);

	if (whole || n <= COMMAND_MAX)
		return format("\"%s\"", v->command);
	n = COMMAND_MAX - 1;
	while (n && (v->command[n] & 0xc0) == 0x80)
		n--;
	return format("\"%.*s…\"", (int)n, v->command);
}

/*
 * Returns "1.2MB (virtual 7.4MB)", or "" for an instance that is not detached: its layer has no
 * name.
 */
static const char *size_of(const struct view *v)
{
	uint64_t own, all;

	if (!view_size(v, &own, &all))
		return "";
	return format("%s (virtual %s)", size_text((double)own), size_text((double)all));
}

/* Writes the fields of docker's ps. */
static void put_row(const struct ps *ps, const struct view *v)
{
	unsigned int volumes = 0;

	json_open(NULL, '{');
	json_text("ID", v->name);
	json_text("Names", v->name);
	json_text("Image", v->image);
	json_text("Command", command_text(v, true));
	json_text("CreatedAt", time_text(v->created));
	json_text("RunningFor", format("%s ago", duration_text(now_ns() - v->created)));
	json_text("State", v->word);
	json_text("Status", view_status(v));
	json_text("Ports", view_ports(v));
	/* finding the size takes time, so it is shown only on request, as with docker */
	if (ps->size || (ps->format && strstr(ps->format, "Size")))
		json_text("Size", size_of(v));
	json_text("Mounts", v->kept ? inspect_mount_names(&v->service.spec, &volumes) : "");
	json_text("LocalVolumes", format("%u", volumes));
	json_text("Networks", view_networks(v));
	json_text("Labels", labels_text(v));
	json_open("Label", '{');
	for (char **l = v->kept ? v->service.spec.labels : NULL; l && *l; l++)
		json_text(format("%.*s", (int)strcspn(*l, "="), *l), strchr(*l, '=') + 1);
	json_close('}');
	json_bool("Detached", v->kept);
	json_number("Pid", v->pid);
	json_close('}');
}

/* Returns green for an instance that runs well, yellow if it needs attention, red if it failed. */
static enum colour colour_of_status(const char *status)
{
	if (strstr(status, "(data lost)"))
		return COLOUR_RED;
	if (strstr(status, "(Paused)") || strstr(status, "(health: ") ||
		!strncmp(status, "Restarting", 10))
		return COLOUR_YELLOW;
	if (strstr(status, "(unhealthy)"))
		return COLOUR_RED;
	if (!strncmp(status, "Exited", 6))
		return strncmp(status, "Exited (0)", 10) ? COLOUR_RED : COLOUR_DIM;
	return strncmp(status, "Up ", 3) ? COLOUR_NONE : COLOUR_GREEN;
}

static void print_table(const struct ps *ps, const struct view *all, size_t n)
{
	struct table *t = table_new((const char *[]){ "NAME", "IMAGE", "COMMAND", "CREATED",
		"STATUS", "PORTS", ps->size ? "SIZE" : NULL, NULL });

	for (size_t i = 0; i < n; i++)
		table_row(t, (const char *[]){ all[i].name, all[i].image,
				     *all[i].command ? command_text(&all[i], ps->whole) : "",
				     format("%s ago", duration_text(now_ns() - all[i].created)),
				     view_status(&all[i]), view_ports(&all[i]),
				     ps->size ? size_of(&all[i]) : NULL, NULL });
	table_colours(t, 4, colour_of_status);
	table_print(t);
}

static void print(const struct ps *ps, const struct view *all, size_t n)
{
	struct fields *f;

	if (ps->quiet) {
		for (size_t i = 0; i < n; i++)
			puts(all[i].name);
		return;
	}
	if (ps->json) {
		json_open(NULL, '[');
		for (size_t i = 0; i < n; i++)
			put_row(ps, &all[i]);
		json_close(']');
		return;
	}
	if (!ps->format || !strcmp(ps->format, "table"))
		return print_table(ps, all, n);
	f = fields_parse(ps->format);
	for (size_t i = 0; i < n; i++) {
		fields_row_begin(f);
		put_row(ps, &all[i]);
		fields_row_end(f);
	}
	fields_finish(f);
}

static int by_age(const void *a, const void *b)
{
	const struct view *x = a, *y = b;

	if (x->created != y->created)
		return x->created < y->created ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* Sorts the instances by age, the youngest first. Returns the number to show, @last at most. */
static size_t keep_latest(struct view *all, size_t n, size_t last)
{
	qsort(all, n, sizeof(*all), by_age);
	return n < last ? n : last;
}

static size_t number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !n)
		die("ps: -n %s: expected a number from 1", text);
	return n;
}

enum { KEY_FORMAT = 256, KEY_NO_TRUNC };

static int ps(int argc, char **argv)
{
	struct ps ps = { 0 };
	struct view *all;
	size_t n, left = 0;

	for (int key; (key = next_option(&cmd_ps, argc, argv));)
		switch (key) {
		case 'a': ps.all = true; break;
		case 'q': ps.quiet = true; break;
		case 'l':
		case 'n':
			ps.all = true;
			ps.last = key == 'l' ? 1 : number(optarg);
			break;
		case 's': ps.size = true; break;
		case 'f':
			if (ps.nr_filters == FILTERS_MAX)
				die("ps: too many filters");
			ps.all = ps.all || filter_of(optarg)->ended;
			ps.filters[ps.nr_filters++] = optarg;
			break;
		case KEY_FORMAT: ps.format = optarg; break;
		case KEY_NO_TRUNC: ps.whole = true; break;
		default: ps.json = true;
		}
	take_words(&cmd_ps, argc, argv, 0, 0);
	all = views_all(ps.all, &n);
	for (size_t i = 0; i < n; i++)
		if (fits(&ps, &all[i]))
			all[left++] = all[i];
	if (ps.last)
		left = keep_latest(all, left, ps.last);
	print(&ps, all, left);
	return 0;
}

static const struct option_row ps_options[] = {
	{ 'a', "all", NULL, "also detached instances that have ended" },
	{ 'q', "quiet", NULL, "only the names" },
	{ 'l', "latest", NULL, "only the one that was made last, whatever its state" },
	{ 'n', "last", "N", "only the N that were made last, whatever their state" },
	{ 's', "size", NULL,
		"what the layer of a detached instance takes on the disk, and with its image: "
		"{{.Size}}" },
	{ 'f', "filter", "FIELD=VALUE",
		"only those with this name (a part of it), id (the whole name), label[=VALUE], "
		"ancestor (image), status, exited (status of the command), health, volume (or a "
		"folder), publish (a port of this machine), since or before (another instance); "
		"several times for more" },
	{ KEY_FORMAT, "format", "TEMPLATE",
		"print fields: {{.Names}}, {{.Image}}, {{.Command}}, {{.CreatedAt}}, "
		"{{.RunningFor}}, {{.Status}}, {{.State}}, {{.Ports}}, {{.Size}}, {{.Mounts}}, "
		"{{.Networks}}, {{.Labels}}, "
		"{{.Label "
		"\"NAME\"}}, {{.Pid}}; json, or table {{.Names}}\\t{{.Status}}" },
	{ KEY_NO_TRUNC, "no-trunc", NULL, "the whole command" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_ps = {
	.name = "ps",
	.args = "",
	.help = "Lists instances, detached or not.",
	.text = "Those that run, and with -a the detached ones that have ended. An instance is "
		"known by its name; there are no other identifiers, so {{.ID}} is the name. The "
		"command of an instance that is not detached is not known. `nestctl list` shows "
		"what each costs the host.",
	.options = ps_options,
	.run = ps,
};

/* ---- port ---- */

static int port(int argc, char **argv)
{
	struct view v;
	char **words;
	bool found = false;

	while (next_option(&cmd_port, argc, argv))
		;
	words = take_words(&cmd_port, argc, argv, 1, 2);
	if (!view_find(&v, words[0]))
		die("%s: no instance of this name is kept or runs", words[0]);
	for (char **p = v.ports; *p; p++) {
		size_t n = strcspn(*p, " ");
		const char *wanted = !words[1]             ? NULL :
				     strchr(words[1], '/') ? words[1] :
							     format("%s/tcp", words[1]);

		if (wanted && (strlen(wanted) != n || strncmp(wanted, *p, n) != 0))
			continue;
		found = true;
		puts(wanted ? *p + n + 4 : *p);
	}
	if (words[1] && !found)
		die("%s: port %s is not published", words[0], words[1]);
	return 0;
}

const struct command cmd_port = {
	.name = "port",
	.args = "NAME [PORT[/udp]]",
	.help = "Prints the ports of this machine that lead into an instance (run -p).",
	.run = port,
};
