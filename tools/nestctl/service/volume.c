/* SPDX-License-Identifier: MIT */
/*
 * volume.c: `nestctl volume`, and the volumes of `run -v`; see volume.h.
 *
 * A volume is used by each kept instance, running or not, whose options name its folder, and by
 * each running kernel whose command line does, or that has its folder or one in it open. `rm`
 * checks this and removes the volume under the lock of the file .lock. `run` holds the lock, too,
 * until it has made the volume.
 */
#include "tools/nestctl/service/volume.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/fields.h"
#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/json_in.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/table.h"
#include "tools/nestctl/service/events.h"
#include "tools/nestctl/service/view.h"

#define META_MAX 65536
#define FILTERS_MAX 32
#define DEPTH 32

/* A volume. Its memory is never freed. */
struct volume_info {
	const char *name, *folder;
	int64_t created; /* ns since 1970, or 0 */
	/* "NAME=VALUE", and names of instances; both lists end in NULL */
	char **labels, **users;
	size_t nr_users;
};

static const char *volumes_dir(void)
{
	return data_dir("volumes");
}

static const char *folder_of(const char *name)
{
	return format("%s/%s", volumes_dir(), name);
}

bool volume_is_name(const char *text)
{
	if (!isalnum((unsigned char)*text) || strlen(text) > 200)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("_.-", *text))
			return false;
	return true;
}

const char *volume_data(const char *name)
{
	return format("%s/_data", folder_of(name));
}

bool volume_exists(const char *name)
{
	return volume_is_name(name) && !access(volume_data(name), F_OK);
}

/* Takes the lock. Returns the descriptor that holds it until it is closed. */
static int lock(void)
{
	const char *file = format("%s/.lock", volumes_dir());
	int fd;

	make_dirs(volumes_dir());
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		die("%s: %s", file, strerror(errno));
	if (!service_flock(fd, LOCK_EX))
		die("%s: %s", file, strerror(errno));
	return fd;
}

/* Dies if @name is not valid for a volume. */
static void check_name(const char *name)
{
	if (!volume_is_name(name))
		die("'%s' is not a volume's name: letters, digits, then _ . - too", name);
}

/* ---- making ---- */

/* Writes the file `volume` with the present time. */
static void write_info(const char *folder, char **labels)
{
	FILE *f = create_private(format("%s/volume", folder));

	if (!f)
		die("%s/volume: %s", folder, strerror(errno));
	json_to(f);
	json_open(NULL, '{');
	json_number("created", now_ns());
	json_open("labels", '[');
	for (; labels && *labels; labels++)
		json_text(NULL, *labels);
	json_close(']');
	json_close('}');
	json_to(NULL);
	if (fclose(f))
		die("%s/volume: %s", folder, strerror(errno));
}

void volume_make(const char *name, char **labels)
{
	const char *folder = folder_of(name);
	int fd = lock();

	check_name(name);
	if (!volume_exists(name)) {
		make_dirs(folder);
		write_info(folder, labels);
		/*
		 * `_data` is made last, since with it the volume exists. Any user of the guest may
		 * read it.
		 */
		if (mkdir(volume_data(name), 0755))
			die("%s: %s", volume_data(name), strerror(errno));
		chmod(volume_data(name), 0755);
		event_thing("volume", "create", name);
	}
	close(fd);
}

/* ---- existing volumes ---- */

/* Adds an instance to v->users, unless it is there. */
static void add_user(struct volume_info *v, const char *name)
{
	for (size_t i = 0; i < v->nr_users; i++)
		if (!strcmp(v->users[i], name))
			return;
	v->users = realloc(v->users, (v->nr_users + 2) * sizeof(*v->users));
	if (!v->users)
		die("out of memory");
	v->users[v->nr_users++] = format("%s", name);
	v->users[v->nr_users] = NULL;
}

/*
 * True if @text begins with the path @folder, followed by its end, by @end, or by a path below it.
 */
static bool names_folder(const char *text, const char *folder, char end)
{
	size_t n = strlen(folder);

	return !strncmp(text, folder, n) && (!text[n] || text[n] == end || text[n] == '/');
}

/* Returns the folder with symbolic links resolved, the form in which `run` keeps it. */
static const char *real_data(const char *name)
{
	return realpath(volume_data(name), NULL) ?: volume_data(name);
}

/* the folders in the volume that find_users() is about: sorted inode numbers, their device */
static ino_t *folders;
static size_t nr_folders;
static dev_t folders_dev;

static int by_inode(const void *a, const void *b)
{
	ino_t x = *(const ino_t *)a, y = *(const ino_t *)b;

	return (x > y) - (x < y);
}

/* Adds a folder to `folders`, for nftw(). */
static int add_folder(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	if (kind != FTW_D && kind != FTW_DNR)
		return 0;
	if (!(nr_folders & (nr_folders - 1))) {
		folders = realloc(folders, 2 * (nr_folders + 1) * sizeof(*folders));
		if (!folders)
			die("out of memory");
	}
	folders[nr_folders++] = st->st_ino;
	return 0;
}

/*
 * For process_has_open(): true for a folder in the volume, whose data is at @path. The first call
 * for a folder of the same file system reads all folders of the volume.
 */
static bool is_in_volume(const struct stat *st, void *path)
{
	if (!S_ISDIR(st->st_mode) || st->st_dev != folders_dev)
		return false;
	if (!nr_folders) {
		nftw(path, add_folder, DEPTH, FTW_PHYS | FTW_MOUNT);
		qsort(folders, nr_folders, sizeof(*folders), by_inode);
	}
	return nr_folders && bsearch(&st->st_ino, folders, nr_folders, sizeof(*folders), by_inode);
}

/*
 * True if a running instance sees the folder @folder of a volume, or one in it. @st: the status of
 * @folder. An instance that goes on from a state has its folders from the state, and does not name
 * them on its command line.
 */
static bool sees(const struct instance *in, const char *folder, struct stat *st)
{
	bool restored = false;

	for (char **w = in->argv; *w; w++) {
		const char *value = strchr(*w, '=');

		if (!strncmp(*w, "hostfs", 6) && value && names_folder(value + 1, folder, ','))
			return true;
		restored = restored || !strncmp(*w, "restore=", 8);
	}
	return process_has_open(in->pid, is_file_of, st) ||
	       (restored && process_has_open(in->pid, is_in_volume, (void *)folder));
}

/* Sets v->users: the kept and the running instances that see the volume or a folder in it. */
static void find_users(struct volume_info *v)
{
	const char *folder = real_data(v->name);
	size_t nr_kept, nr_running;
	struct stat st;
	struct service *kept = services_all(&nr_kept);
	struct instance *running = instances_find(NULL, &nr_running);

	v->users = xalloc(sizeof(*v->users));
	for (size_t i = 0; i < nr_kept; i++)
		for (char **w = kept[i].spec.words; *w; w++)
			if (!strncmp(*w, "--volume=", 9) && names_folder(*w + 9, folder, ':'))
				add_user(v, kept[i].name);
	if (stat(folder, &st))
		return;
	folders_dev = st.st_dev;
	nr_folders = 0;
	for (size_t i = 0; i < nr_running; i++)
		if (sees(&running[i], folder, &st))
			add_user(v, running[i].name);
}

struct reading {
	const char *path;
	struct volume_info *v;
};

/* Sets the time and the labels. Leaves them if the file is missing, and dies if it is damaged. */
static void read_info(void *arg)
{
	const struct reading *r = arg;
	char *text = xalloc(META_MAX);
	int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t size = fd < 0 ? -1 : read(fd, text, META_MAX);
	const struct json *j, *list;
	uint64_t created = 0;
	size_t n = 0;

	if (fd >= 0)
		close(fd);
	if (size <= 0)
		return;
	j = json_parse(text, (size_t)size, r->path);
	list = json_list(j, "labels");
	r->v->created = json_uint(j, "created", &created) ? (int64_t)created : 0;
	for (const struct json *l = list ? list->first : NULL; l; l = l->next)
		n++;
	r->v->labels = xalloc((n + 1) * sizeof(*r->v->labels));
	n = 0;
	for (const struct json *l = list ? list->first : NULL; l; l = l->next)
		if (l->text && strchr(l->text, '='))
			r->v->labels[n++] = l->text;
}

/* Reads a volume, which should exist. A damaged file `volume` counts as a missing one. */
static struct volume_info volume_read(const char *name)
{
	static char *none[] = { NULL };
	struct volume_info v = {
		.name = format("%s", name), .folder = folder_of(name), .labels = none
	};
	struct reading r = { format("%s/volume", v.folder), &v };

	attempt(read_info, &r);
	find_users(&v);
	return v;
}

/* Reads a volume as volume_read() does. Dies if there is no such volume. */
static struct volume_info volume_find(const char *name)
{
	if (!volume_exists(name))
		die("%s: no volume of this name", name);
	return volume_read(name);
}

/* Returns all volumes, sorted by name, and their number in *count. */
static struct volume_info *volumes_all(size_t *count)
{
	struct dirent **names;
	int n = scandir(volumes_dir(), &names, NULL, alphasort);
	struct volume_info *all;

	if (n < 0 && errno != ENOENT)
		die("%s: %s", volumes_dir(), strerror(errno));
	all = xalloc((size_t)(n < 0 ? 1 : n + 1) * sizeof(*all));
	*count = 0;
	for (int i = 0; i < n; i++)
		if (volume_exists(names[i]->d_name))
			all[(*count)++] = volume_read(names[i]->d_name);
	return all;
}

/* ---- sizes and removal ---- */

/* sum of add_size() */
static uint64_t bytes;

/* Adds the disk space of a file to @bytes, for nftw(). */
static int add_size(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	bytes += (uint64_t)st->st_blocks * 512;
	return 0;
}

/* Returns the bytes that the volume occupies on the disk. */
static uint64_t size_of(const struct volume_info *v)
{
	bytes = 0;
	nftw(v->folder, add_size, DEPTH, FTW_PHYS | FTW_MOUNT);
	return bytes;
}

/* Removes a file, for nftw(). Returns -1 to stop on an error. */
static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path) ? -1 : 0;
}

/* open_one() has changed a folder's mode */
static bool opened;

/*
 * Gives the owner access to a folder, which an instance may have taken away. The next pass does so
 * for the folders below.
 */
static int open_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	if ((kind == FTW_DNR || kind == FTW_D) && (st->st_mode & 0700) != 0700)
		opened = !chmod(path, 0700) || opened;
	return 0;
}

/*
 * Removes a volume without users, with the lock held. Renames it first, so that the name is free
 * even if the removal fails half-way.
 */
static void volume_remove(const struct volume_info *v)
{
	const char *gone = format("%s/.gone-%s-%d", volumes_dir(), v->name, (int)getpid());

	if (rename(v->folder, gone))
		die("%s: %s", v->name, strerror(errno));
	do {
		opened = false;
		nftw(gone, open_one, DEPTH, FTW_PHYS | FTW_MOUNT);
	} while (opened);
	if (nftw(gone, remove_one, DEPTH, FTW_PHYS | FTW_MOUNT | FTW_DEPTH))
		die("%s: %s: %s", v->name, gone, strerror(errno));
	event_thing("volume", "destroy", v->name);
}

uint64_t volumes_prune(void)
{
	int fd = lock();
	uint64_t sum = 0;
	size_t n;
	struct volume_info *all = volumes_all(&n);

	for (size_t i = 0; i < n; i++) {
		if (all[i].nr_users)
			continue;
		sum += size_of(&all[i]);
		volume_remove(&all[i]);
		puts(all[i].name);
	}
	close(fd);
	return sum;
}

struct volumes_sum volumes_sum(void)
{
	struct volumes_sum sum = { 0 };
	struct volume_info *all = volumes_all(&sum.all);

	for (size_t i = 0; i < sum.all; i++) {
		uint64_t size = size_of(&all[i]);

		sum.bytes += size;
		sum.used += all[i].nr_users > 0;
		sum.unused_bytes += all[i].nr_users ? 0 : size;
	}
	return sum;
}

bool volume_ask(const char *command, const char *question)
{
	char answer[16] = "";

	if (!isatty(0) || !isatty(2))
		die("%s: standard input is no terminal, so you cannot confirm; add --force",
			command);
	fprintf(stderr, "%s [y/N] ", question);
	return fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y');
}

/* ---- the commands ---- */

static const struct command cmd_volume_create, cmd_ls, cmd_volume_inspect, cmd_volume_rm, cmd_prune;

static int create(int argc, char **argv)
{
	static char *labels[FILTERS_MAX + 1];
	int n = 0;
	const char *name;

	while (next_option(&cmd_volume_create, argc, argv)) {
		if (n == FILTERS_MAX || !*optarg || *optarg == '=')
			die("volume create: --label '%s': expected NAME or NAME=VALUE", optarg);
		labels[n++] = format("%s%s", optarg, strchr(optarg, '=') ? "" : "=");
	}
	name = take_words(&cmd_volume_create, argc, argv, 0, 1)[0] ?: service_new_name();
	volume_make(name, labels);
	puts(name);
	return 0;
}

static void put_volume(const struct volume_info *v, bool with_size)
{
	json_open(NULL, '{');
	json_text("Name", v->name);
	json_text("Driver", "local");
	json_text("Scope", "local");
	json_text("Mountpoint", format("%s/_data", v->folder));
	json_text("CreatedAt", time_text(v->created));
	json_open("Labels", '{');
	for (char **l = v->labels; *l; l++)
		json_text(format("%.*s", (int)strcspn(*l, "="), *l), strchr(*l, '=') + 1);
	json_close('}');
	json_open("UsedBy", '[');
	for (char **u = v->users; *u; u++)
		json_text(NULL, *u);
	json_close(']');
	json_number("Links", (int64_t)v->nr_users);
	if (with_size)
		json_number("Size", (int64_t)size_of(v));
	json_close('}');
}

/* True if the volume has the label @wanted, which is NAME or NAME=VALUE. */
static bool has_label(const struct volume_info *v, const char *wanted)
{
	size_t n = strlen(wanted);

	for (char **l = v->labels; *l; l++)
		if (!strcmp(*l, wanted) || (!strncmp(*l, wanted, n) && (*l)[n] == '='))
			return true;
	return false;
}

/* True if the volume fits one --filter. Dies if the filter is invalid. */
static bool fits(const struct volume_info *v, const char *filter)
{
	if (!strncmp(filter, "name=", 5))
		return strstr(v->name, filter + 5);
	if (!strncmp(filter, "label=", 6))
		return has_label(v, filter + 6);
	if (!strcmp(filter, "dangling=true") || !strcmp(filter, "dangling=1"))
		return !v->nr_users;
	if (!strcmp(filter, "dangling=false") || !strcmp(filter, "dangling=0"))
		return v->nr_users;
	die("volume ls: --filter %s: expected name=, label=, dangling=true or dangling=false",
		filter);
}

/* Returns the names of the users, separated by commas. */
static const char *users_text(const struct volume_info *v)
{
	const char *all = "";

	for (char **u = v->users; *u; u++)
		all = format("%s%s%s", all, *all ? "," : "", *u);
	return all;
}

static void print_all(
	const struct volume_info *all, size_t n, bool quiet, bool json, const char *template)
{
	struct table *t;
	struct fields *f;

	if (json)
		json_open(NULL, '[');
	for (size_t i = 0; i < n && (quiet || json); i++)
		if (json)
			put_volume(&all[i], false);
		else
			puts(all[i].name);
	if (json)
		json_close(']');
	if (quiet || json)
		return;
	if (!template) {
		t = table_new((const char *[]){ "VOLUME", "CREATED", "USED BY", NULL });
		for (size_t i = 0; i < n; i++)
			table_row(t,
				(const char *[]){ all[i].name,
					format("%s ago", duration_text(now_ns() - all[i].created)),
					users_text(&all[i]) });
		return table_print(t);
	}
	f = fields_parse(template);
	for (size_t i = 0; i < n; i++) {
		fields_row_begin(f);
		put_volume(&all[i], false);
		fields_row_end(f);
	}
	fields_finish(f);
}

enum { KEY_FORMAT = 256 };

static int ls(int argc, char **argv)
{
	static char *none[] = { NULL };
	const struct volume_info nothing = { .name = "", .labels = none };
	const char *filters[FILTERS_MAX], *template = NULL;
	bool quiet = false, json = false;
	struct volume_info *all;
	size_t n, left = 0;
	int nr = 0;

	for (int key; (key = next_option(&cmd_ls, argc, argv));)
		switch (key) {
		case 'q': quiet = true; break;
		case 'f':
			if (nr == FILTERS_MAX)
				die("volume ls: too many filters");
			fits(&nothing, optarg); /* dies if it is no filter */
			filters[nr++] = optarg;
			break;
		case KEY_FORMAT: template = optarg; break;
		default: json = true;
		}
	take_words(&cmd_ls, argc, argv, 0, 0);
	all = volumes_all(&n);
	for (size_t i = 0; i < n; i++) {
		bool fit = true;

		for (int k = 0; k < nr; k++)
			fit = fits(&all[i], filters[k]) && fit;
		if (fit)
			all[left++] = all[i];
	}
	print_all(all, left, quiet, json, template);
	return 0;
}

void volume_print(const char *name, struct fields *f)
{
	const struct volume_info v = volume_find(name);

	if (f)
		fields_row_begin(f);
	put_volume(&v, true);
	if (f)
		fields_row_end(f);
}

/* @arg: the template, or NULL: JSON. */
static void inspect_one(const char *name, void *arg)
{
	volume_print(name, arg);
}

static int inspect(int argc, char **argv)
{
	const char *template = NULL;
	struct fields *f;
	char **names;
	int status;

	for (int key; (key = next_option(&cmd_volume_inspect, argc, argv));)
		template = key == 'f' ? optarg : NULL;
	names = take_words(&cmd_volume_inspect, argc, argv, 1, -1);
	f = template ? fields_parse(template) : NULL;
	if (!f) {
		json_indent(4);
		json_open(NULL, '[');
	}
	status = each_name(names, inspect_one, f);
	if (f)
		fields_finish(f);
	else
		json_close(']');
	return status;
}

static void remove_named(const char *name, void *arg)
{
	const bool force = *(const bool *)arg;

	if (force && !volume_exists(name))
		return;
	const struct volume_info v = volume_find(name);

	if (v.nr_users)
		die("%s: the instance %s uses it; nestctl rm removes that", v.name, v.users[0]);
	volume_remove(&v);
	puts(v.name);
}

static int rm(int argc, char **argv)
{
	bool force = false;
	char **names;
	int fd, status;

	while (next_option(&cmd_volume_rm, argc, argv))
		force = true;
	names = take_words(&cmd_volume_rm, argc, argv, 1, -1);
	fd = lock();
	status = each_name(names, remove_named, &force);
	close(fd);
	return status;
}

static int prune(int argc, char **argv)
{
	bool force = false;

	for (int key; (key = next_option(&cmd_prune, argc, argv));)
		force = force || key == 'f';
	take_words(&cmd_prune, argc, argv, 0, 0);
	if (!force && !volume_ask("volume prune",
			      "nestctl: this removes each volume that no instance uses. Go on?"))
		return 1;
	fprintf(stderr, "%s were freed\n", size_text((double)volumes_prune()));
	return 0;
}

static const struct option_row create_options[] = {
	{ 'l', "label", "NAME[=VALUE]", "a note for volume ls and inspect" },
	{ 0 },
};
static const struct command cmd_volume_create = {
	.name = "volume create",
	.args = "[NAME]",
	.help = "Makes a volume and prints its name.",
	.text = "One that exists stays as it is.",
	.options = create_options,
	.run = create,
};

static const struct option_row ls_options[] = {
	{ 'q', "quiet", NULL, "only the names" },
	{ 'f', "filter", "FIELD=VALUE",
		"only those with this name (a part of it), label[=VALUE], or dangling=true: no "
		"instance uses them; several times for fewer" },
	{ KEY_FORMAT, "format", "TEMPLATE",
		"print fields: {{.Name}}, {{.Mountpoint}}, {{.CreatedAt}}, {{.Labels}}, "
		"{{.Links}}; "
		"json, or table {{.Name}}\\t{{.Links}}" },
	OPTION_JSON,
	{ 0 },
};
static const struct command cmd_ls = {
	.name = "volume ls",
	.args = "",
	.help = "Lists volumes and the instances that use them.",
	.options = ls_options,
	.run = ls,
};

static const struct option_row inspect_options[] = {
	{ 'f', "format", "TEMPLATE", "print fields: {{.Mountpoint}}, {{.Size}}, {{json .UsedBy}}" },
	OPTION_JSON,
	{ 0 },
};
static const struct command cmd_volume_inspect = {
	.name = "volume inspect",
	.args = "VOLUME...",
	.help = "Prints all that is known of volumes, as JSON.",
	.options = inspect_options,
	.run = inspect,
};

static const struct option_row rm_options[] = {
	{ 'f', "force", NULL, "also if there is none of the name; one that is used stays" },
	{ 0 },
};
static const struct command cmd_volume_rm = {
	.name = "volume rm",
	.args = "VOLUME...",
	.help = "Removes volumes that no instance uses.",
	.options = rm_options,
	.run = rm,
};

static const struct option_row prune_options[] = {
	{ 'f', "force", NULL, "do not ask" },
	{ 'a', "all", NULL, NULL }, /* ignored: no volume is anonymous */
	{ 0 },
};
static const struct command cmd_prune = {
	.name = "volume prune",
	.args = "",
	.help = "Removes all volumes that no instance uses.",
	.text = "It asks first. docker removes those without a name only; here each has one.",
	.options = prune_options,
	.run = prune,
};

static const struct command *const volume_commands[] = { &cmd_volume_create, &cmd_ls,
	&cmd_volume_inspect, &cmd_volume_rm, &cmd_prune, NULL };

const struct command cmd_volume = {
	.name = "volume",
	.args = "COMMAND",
	.help = "Folders with names that instances share and that outlive them (run -v NAME:PATH).",
	.sub = volume_commands,
};
