/* SPDX-License-Identifier: MIT */
/* states.c: `nestctl states` and its subcommands. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/table.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/template.h"
#include "tools/nestctl/state/state.h"
#include "tools/nestctl/state/warm.h"

static const struct command cmd_states_info, cmd_states_check, cmd_states_rm, cmd_states_export;

enum { KEY_TREE = 256, KEY_NAMES, KEY_TEMPLATES };

/* A row of the listing. */
struct row {
	struct state s;
	const char *fault; /* why the state cannot be read, or NULL */
	bool shown;
};

/* Returns the bytes that the files of a state occupy on the disk. The state is open. */
static uint64_t disk_of(const struct state *s)
{
	const struct state_file *f;
	uint64_t size = 0;
	struct stat st;

	for (size_t i = 0; (f = state_nth_file(s, i)); i++)
		if (!fstatat(s->fd, f->name, &st, AT_SYMLINK_NOFOLLOW))
			size += (uint64_t)st.st_blocks * 512;
	return size;
}

/*
 * Returns a row for each state of the store, and their number. States that can be read stay open.
 */
static struct row *read_rows(size_t *n)
{
	char **names;
	struct row *rows;

	state_sweep(state_store());
	names = state_names(n);
	rows = xalloc((*n + 1) * sizeof(*rows));
	for (size_t i = 0; i < *n; i++) {
		rows[i].s = (struct state){ .name = names[i], .fd = -1 };
		rows[i].fault = attempt(state_open_at, &rows[i].s);
		if (rows[i].fault)
			state_close(&rows[i].s);
	}
	return rows;
}

/* Returns the local time of seconds since 1970. */
static const char *time_text(uint64_t t)
{
	char text[32] = "";
	time_t seconds = (time_t)t;
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	return format("%s", text);
}

static const char *image_name(const struct state *s)
{
	const char *base = strrchr(s->image, '/');

	return base ? base + 1 : s->image;
}

static void print_row(struct table *t, const struct row *r, int depth)
{
	const char *name = format("%*s%s", 2 * depth, "", r->s.name);

	if (r->fault)
		table_row(t, (const char *[]){ name, "damaged", "", "", format("%s", r->fault) });
	else
		table_row(t, (const char *[]){ name, size_text((double)disk_of(&r->s)),
				     time_text(r->s.created), r->s.umid, image_name(&r->s) });
}

static enum colour colour_of_size(const char *size)
{
	return strcmp(size, "damaged") ? COLOUR_NONE : COLOUR_RED;
}

static void row_json(const struct row *r)
{
	json_open(NULL, '{');
	json_text("name", r->s.name);
	json_text("folder", r->fault ? state_folder(r->s.name) : r->s.folder);
	json_text("fault", r->fault);
	if (!r->fault) {
		json_text("parent", r->s.parent);
		json_number("created", (int64_t)r->s.created);
		json_text("umid", r->s.umid);
		json_text("image", r->s.image);
		json_number("disk", (int64_t)disk_of(&r->s));
	}
	json_close('}');
}

/* True if the state can be read and has this parent. */
static bool is_child(const struct row *r, const char *parent)
{
	return !r->fault && r->s.parent && !strcmp(r->s.parent, parent);
}

/* Prints row @at and its children that are not shown yet. */
static void print_tree(struct table *t, struct row *rows, size_t n, size_t at, int depth)
{
	rows[at].shown = true;
	print_row(t, &rows[at], depth);
	for (size_t i = 0; i < n; i++)
		if (!rows[i].shown && is_child(&rows[i], rows[at].s.name))
			print_tree(t, rows, n, i, depth + 1);
}

/* True if the parent of @r is among the rows. */
static bool has_parent(const struct row *rows, size_t n, const struct row *r)
{
	for (size_t i = 0; i < n; i++)
		if (is_child(r, rows[i].s.name))
			return true;
	return false;
}

/* Prints each state below its parent. */
static void print_trees(struct table *t, struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!has_parent(rows, n, &rows[i]))
			print_tree(t, rows, n, i, 0);
	for (size_t i = 0; i < n; i++) /* rows whose parents form a cycle */
		if (!rows[i].shown)
			print_tree(t, rows, n, i, 0);
}

static int states(int argc, char **argv)
{
	bool json = false, tree = false, names_only = false, templates = false;
	struct table *t;
	struct row *rows;
	size_t n;

	for (int key; (key = next_option(&cmd_states, argc, argv));)
		*(key == KEY_TREE            ? &tree :
			key == KEY_NAMES     ? &names_only :
			key == KEY_TEMPLATES ? &templates :
					       &json) = true;
	take_words(&cmd_states, argc, argv, 0, 0);
	if (templates) {
		templates_show(json);
		return 0;
	}
	rows = read_rows(&n);
	if (json)
		json_open(NULL, '[');
	t = table_new((const char *[]){ "STATE", "SIZE", "SAVED", "INSTANCE", "IMAGE", NULL });
	table_colours(t, 1, colour_of_size);
	if (tree && !json)
		print_trees(t, rows, n);
	for (size_t i = 0; i < n && (json || !tree); i++) {
		if (json)
			row_json(&rows[i]);
		else if (names_only)
			puts(rows[i].s.name);
		else
			print_row(t, &rows[i], 0);
	}
	if (json)
		json_close(']');
	if (!json && (tree || !names_only))
		table_print(t);
	return 0;
}

/* ---- info ---- */

static void info_json(const struct state *s)
{
	const struct state_file *f;

	json_open(NULL, '{');
	json_text("name", s->name);
	json_text("folder", s->folder);
	json_text("parent", s->parent);
	json_number("created", (int64_t)s->created);
	json_text("umid", s->umid);
	json_text("kernel", s->kernel);
	json_text("build", s->build);
	json_text("image", s->image);
	json_number("mem", (int64_t)s->mem);
	json_number("cpus", (int64_t)s->cpus);
	json_number("stopped_ns", (int64_t)s->stopped_ns);
	json_number("disk", (int64_t)disk_of(s));
	json_open("files", '[');
	for (size_t i = 0; (f = state_nth_file(s, i)); i++) {
		json_open(NULL, '{');
		json_text("name", f->name);
		json_number("size", (int64_t)f->size);
		json_close('}');
	}
	json_close(']');
	json_close('}');
}

static void info_text(const struct state *s)
{
	printf("%s\n  folder   %s\n  parent   %s\n  saved    %s, from %s, which stood still for "
	       "%.1f ms\n  kernel   %s, build %s\n  memory   %s, %llu vCPUs\n  on disk  %s\n",
		s->name, s->folder, s->parent ? s->parent : "none", time_text(s->created), s->umid,
		(double)s->stopped_ns / 1e6, s->kernel, s->build, size_text((double)s->mem),
		(unsigned long long)s->cpus, size_text((double)disk_of(s)));
	for (int i = 0; i < STATE_DISKS; i++) {
		const struct state_disk *d = &s->disks[i];
		int parts = 0;

		if (!d->layer.name)
			continue;
		while (parts < STATE_PARTS && d->below[parts].name)
			parts++;
		printf("  ubd%-4d  %s%s%s\n", i,
			parts ? format("a layer in %d parts", parts + 1) : "a layer",
			d->backing ? " over " : "", d->backing ? d->backing : "");
	}
	for (size_t i = 0; i < s->nr_images; i++)
		printf("  needs    %s\n", s->images[i].path);
}

static int states_info(int argc, char **argv)
{
	bool json = false;
	struct state s;

	while (next_option(&cmd_states_info, argc, argv))
		json = true;
	s = state_open(take_words(&cmd_states_info, argc, argv, 1, 1)[0]);
	if (json)
		info_json(&s);
	else
		info_text(&s);
	return 0;
}

/* ---- check, rm, export ---- */

static void print_whole(const struct state *s)
{
	const char *fault = state_distrust(s);

	if (fault)
		printf("%s: whole; %s: only --trust starts from it\n", s->name, fault);
	else
		printf("%s: whole\n", s->name);
}

/* Checks a state. Increments the int at @arg if the state is damaged. */
static void check_one(const char *name, void *arg)
{
	struct state s = state_open(name);
	bool whole = state_check_all(&s);

	*(int *)arg += !whole;
	if (whole)
		print_whole(&s);
	state_close(&s);
}

static int states_check(int argc, char **argv)
{
	int faults = 0, status;

	next_option(&cmd_states_check, argc, argv);
	status = each_name(take_words(&cmd_states_check, argc, argv, 1, -1), check_one, &faults);
	return status || faults;
}

static void remove_one(const char *name, void *unused)
{
	state_remove(name);
}

static int states_rm(int argc, char **argv)
{
	bool templates = false;
	int status;

	while (next_option(&cmd_states_rm, argc, argv))
		templates = true;
	status =
		each_name(take_words(&cmd_states_rm, argc, argv, !templates, -1), remove_one, NULL);
	if (templates)
		templates_remove_all();
	return status;
}

/* Copies a file of the state to the new folder. */
static void export_file(const struct state *s, const struct state_new *n, const char *name)
{
	int from = openat(s->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int to = openat(n->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) ||
		!file_copy(from, to, (uint64_t)st.st_size, name))
		die("%s: %s: %s", s->name, name, strerror(errno));
	close(from);
	close(to);
}

static int states_export(int argc, char **argv)
{
	const struct state_file *f;
	struct state_new n;
	struct state s;
	char **words;

	next_option(&cmd_states_export, argc, argv);
	words = take_words(&cmd_states_export, argc, argv, 2, 2);
	s = state_open(words[0]);
	n = state_begin(strchr(words[1], '/') ? words[1] : format("./%s", words[1]), false);
	for (size_t i = 0; (f = state_nth_file(&s, i)); i++)
		export_file(&s, &n, f->name);
	export_file(&s, &n, STATE_JSON);
	/* an export must not give a seal to a state that has no valid one */
	n.seal = state_distrust(&s) ? SEAL_NONE : SEAL_COPY;
	state_publish(&n);
	return 0;
}

static const struct command cmd_states_info = {
	.name = "states info",
	.args = "TAG|PATH",
	.help = "Says what a state is: when and of what it was saved, and what it needs.",
	.options = (const struct option_row[]){ OPTION_JSON, { 0 } },
	.run = states_info,
};
static const struct command cmd_states_check = {
	.name = "states check",
	.args = "TAG...",
	.help = "Reads states and compares them with their checksums; looks at their images.",
	.text = "Says of each state that is whole whether this user has made it, or why that is "
		"not known: then restore, rollback and clone want --trust.",
	.exits = "1 if a state is damaged or cannot be started from",
	.run = states_check,
};
static const struct command cmd_states_rm = {
	.name = "states rm",
	.args = "TAG...",
	.help = "Removes states.",
	.options = (const struct option_row[]){ { KEY_TEMPLATES, "templates", NULL,
							"remove the templates of run, too" },
		{ 0 } },
	.text = "What its children share with it stays, with them. Instances that were started "
		"from it go on.",
	.run = states_rm,
};
static const struct command cmd_states_export = {
	.name = "states export",
	.args = "TAG PATH",
	.help = "Copies a state to a folder, which restore takes as well.",
	.text = "Holes stay holes, so use a tar(1) with --sparse to pack it. The images that it "
		"needs are not copied. The copy holds the guest's secrets, and a program that "
		"restores it runs what it contains: restore refuses folders of other users, and "
		"needs --trust for what this user has not made. A copy that this user has exported "
		"is known again, wherever it comes back from: its content is compared.",
	.run = states_export,
};
static const struct command *const states_commands[] = { &cmd_states_info, &cmd_states_check,
	&cmd_states_rm, &cmd_states_export, &cmd_states_warm, NULL };

static const struct option_row states_options[] = {
	{ KEY_TREE, "tree", NULL, "show each state below its parent" },
	{ KEY_NAMES, "names", NULL, "only the names, one a line" },
	{ KEY_TEMPLATES, "templates", NULL,
		"show the templates of run instead: name, room on the disk, last use, image" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_states = {
	.name = "states",
	.args = "[COMMAND]",
	.help = "Lists saved states; checks, removes and exports them.",
	.text = "A line has the name, the room on the disk, when it was saved and of which "
		"instance, and the image. The parent of a state is the one that its instance was "
		"last saved to, started from or put back to.",
	.options = states_options,
	.run = states,
	.sub = states_commands,
};
