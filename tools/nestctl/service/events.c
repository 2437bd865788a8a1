/* SPDX-License-Identifier: MIT */
/*
 * events.c: `nestctl events`: prints the events that event_write.c has recorded, and waits for
 * more.
 *
 * The file `log` is renamed when it is full. A reader keeps its descriptor, reads that file to its
 * end and continues with the new `log`. Writers open and append under the lock, so the old file is
 * complete once a new one has its name.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/fields.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/json_in.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/service/events.h"
#include "tools/nestctl/service/log.h"
#include "tools/nestctl/service/service.h"
#include "tools/nestctl/service/view.h"

#define FILTERS_MAX 32
#define LOOK_MS 1000

/* The options of `nestctl events`. */
struct events {
	int64_t since, until; /* ns since 1970 */
	const char *filters[FILTERS_MAX];
	int nr_filters;
	const char *format;
	bool json;
	struct fields *fields;
};

/* ---- filters ---- */

static const struct json *attributes(const struct json *event)
{
	return json_get(json_get(event, "Actor"), "Attributes");
}

/* Functions of filters: true if the event has @wanted. */
static bool is_action(const struct json *e, const char *wanted)
{
	const char *action = json_string(e, "Action") ?: "";
	size_t n = strlen(wanted);

	/* "health_status" selects each "health_status: WORD" */
	return !strncmp(action, wanted, n) && (!action[n] || action[n] == ':');
}

static bool is_type(const struct json *e, const char *wanted)
{
	return !strcmp(json_string(e, "Type") ?: "", wanted);
}

static bool is_instance(const struct json *e, const char *wanted)
{
	return is_type(e, "container") && !strcmp(json_string(e, "ID") ?: "", wanted);
}

static bool is_volume(const struct json *e, const char *wanted)
{
	return is_type(e, "volume") && !strcmp(json_string(e, "ID") ?: "", wanted);
}

static bool is_image(const struct json *e, const char *wanted)
{
	return !strcmp(json_string(attributes(e), "image") ?: "", wanted);
}

static bool has_label(const struct json *e, const char *wanted)
{
	size_t n = strcspn(wanted, "=");
	const char *value = json_string(attributes(e), format("%.*s", (int)n, wanted));

	return value && (!wanted[n] || !strcmp(value, wanted + n + 1));
}

static const struct filter {
	const char *name;
	bool (*fits)(const struct json *e, const char *wanted);
} filters[] = { { "event", is_action }, { "type", is_type }, { "container", is_instance },
	{ "volume", is_volume }, { "image", is_image }, { "label", has_label } };

/* Returns the filter NAME of NAME=VALUE. Dies if there is none. */
static const struct filter *filter_of(const char *text)
{
	size_t n = strcspn(text, "=");

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		if (text[n] && strlen(filters[i].name) == n && !strncmp(filters[i].name, text, n))
			return &filters[i];
	die("events: --filter %s: expected event=, type=, container=, volume=, image= or label=",
		text);
}

/*
 * True if the filters select the event, as in docker: at least one of those with the same NAME must
 * match.
 */
static bool fits(const struct events *all, const struct json *e)
{
	for (int i = 0; i < all->nr_filters; i++) {
		const struct filter *f = filter_of(all->filters[i]);
		bool fit = false;

		for (int j = 0; j < all->nr_filters; j++)
			if (filter_of(all->filters[j]) == f)
				fit = fit || f->fits(e, strchr(all->filters[j], '=') + 1);
		if (!fit)
			return false;
	}
	return true;
}

/* ---- printing ---- */

static void put_event(const struct json *e)
{
	uint64_t n = 0;

	json_open(NULL, '{');
	json_text("Type", json_string(e, "Type"));
	json_text("Action", json_string(e, "Action"));
	json_text("Status", json_string(e, "Action"));
	json_text("ID", json_string(e, "ID"));
	json_text("From", json_string(attributes(e), "image") ?: "");
	json_open("Actor", '{');
	json_text("ID", json_string(e, "ID"));
	json_open("Attributes", '{');
	for (const struct json *a = attributes(e) ? attributes(e)->first : NULL; a; a = a->next)
		json_text(a->key, a->text ?: "");
	json_close('}');
	json_close('}');
	json_number("Time", json_uint(e, "Time", &n) ? (int64_t)n : 0);
	json_number("TimeNano", json_uint(e, "TimeNano", &n) ? (int64_t)n : 0);
	json_close('}');
}

/* Prints a text of an event without characters that control a terminal. */
static void print_text(const char *text)
{
	for (; text && *text; text++)
		putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static void print_line(const struct json *e, int64_t time)
{
	const char *comma = "";

	printf("%s ", time_text(time));
	print_text(json_string(e, "Type"));
	putchar(' ');
	print_text(json_string(e, "Action"));
	putchar(' ');
	print_text(json_string(e, "ID"));
	printf(" (");
	for (const struct json *a = attributes(e) ? attributes(e)->first : NULL; a; a = a->next) {
		printf("%s", comma);
		print_text(a->key);
		putchar('=');
		print_text(a->text);
		comma = ", ";
	}
	puts(")");
}

/* Prints the event if the options select it. */
static void print(struct events *all, const struct json *e)
{
	uint64_t time = 0;

	if (!json_uint(e, "TimeNano", &time) || (int64_t)time < all->since ||
		(int64_t)time > all->until || !fits(all, e))
		return;
	if (all->json) {
		put_event(e);
	} else if (all->fields) {
		fields_row_begin(all->fields);
		put_event(e);
		fields_row_end(all->fields);
	} else {
		print_line(e, (int64_t)time);
	}
	fflush(stdout);
}

/* ---- reading ---- */

struct line {
	const char *text;
	size_t size;
	const struct json *event;
};

static void parse(void *arg)
{
	struct line *l = arg;

	l->event = json_parse(l->text, l->size, "events");
}

/* Prints the complete lines from the present position to the file's end. */
static void print_rest(struct events *all, FILE *f)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t n;

	clearerr(f);
	while ((n = getline(&text, &room, f)) > 0) {
		struct line line = { text, (size_t)n, NULL };

		if (text[n - 1] != '\n') { /* not yet completely written */
			fseek(f, -n, SEEK_CUR);
			break;
		}
		if (!attempt(parse, &line))
			print(all, line.event);
	}
	free(text);
}

/* True if @f is still the file called @path. */
static bool is_named(FILE *f, const char *path)
{
	struct stat here, there;

	return !fstat(fileno(f), &here) && !stat(path, &there) && here.st_ino == there.st_ino;
}

/* Prints events until --until, or without end. */
static void follow(struct events *all)
{
	const char *dir = data_dir("events"), *path = format("%s/log", dir);
	int dir_fd, watch;
	FILE *f;

	make_dirs(dir);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	watch = dir_fd < 0 ? -1 : log_watch(dir_fd);
	f = fopen(format("%s.1", path), "re");
	if (f) {
		print_rest(all, f);
		fclose(f);
	}
	f = NULL;
	for (;;) {
		const int64_t left = (all->until - now_ns()) / 1000000;

		if (f && !is_named(f, path)) {
			print_rest(all, f);
			fclose(f);
			f = NULL;
		}
		f = f ?: fopen(path, "re");
		if (f)
			print_rest(all, f);
		if (left < 0)
			return;
		log_wait(watch, -1, left < LOOK_MS ? (int)left + 1 : LOOK_MS);
	}
}

enum { KEY_SINCE = 256, KEY_UNTIL, KEY_FORMAT };

static int events(int argc, char **argv)
{
	struct events all = { .since = now_ns(), .until = INT64_MAX };

	for (int key; (key = next_option(&cmd_events, argc, argv));)
		switch (key) {
		case KEY_SINCE: all.since = parse_when("events: --since", optarg); break;
		case KEY_UNTIL: all.until = parse_when("events: --until", optarg); break;
		case KEY_FORMAT: all.format = optarg; break;
		case 'f':
			if (all.nr_filters == FILTERS_MAX)
				die("events: too many filters");
			filter_of(optarg);
			all.filters[all.nr_filters++] = optarg;
			break;
		default: all.json = true;
		}
	take_words(&cmd_events, argc, argv, 0, 0);
	all.json = all.json || (all.format && !strcmp(all.format, "json"));
	if (all.format && !all.json)
		all.fields = fields_parse(all.format);
	follow(&all);
	if (all.fields)
		fields_finish(all.fields);
	return 0;
}

static const struct option_row options[] = {
	{ KEY_SINCE, "since", "TIME",
		"also events since then: 2024-05-01T12:00:00Z, 10m for ten minutes ago, or seconds "
		"since 1970" },
	{ KEY_UNTIL, "until", "TIME", "end with what happens until then" },
	{ 'f', "filter", "FIELD=VALUE",
		"only those with this event, type (container or volume), container, volume, image "
		"or label[=VALUE]; several times for more" },
	{ KEY_FORMAT, "format", "TEMPLATE",
		"print fields: {{.Type}}, {{.Action}}, {{.ID}}, {{.From}}, {{.Time}}, "
		"{{.Actor.Attributes.exitCode}}; or json" },
	{ KEY_JSON, "json", NULL, "print a line of JSON for each, for programs" },
	{ 0 },
};

const struct command cmd_events = {
	.name = "events",
	.args = "",
	.help = "Prints what happens to detached instances and volumes, until SIGINT.",
	.text = "create, start, die (with exitCode), stop, kill (with signal), restart, pause, "
		"unpause, rename, health_status, oom (the host killed the kernel), lost (the host "
		"had no room for what the guest wrote), destroy; of "
		"volumes create and destroy. They are kept in a file of 1 MiB and the one before "
		"it, so --since knows the last ones.\n\n\tnestctl events --since 1h --filter "
		"event=die --format '{{.ID}} {{.Actor.Attributes.exitCode}}'",
	.options = options,
	.run = events,
};
