/* SPDX-License-Identifier: MIT */
/*
 * system.c: `nestctl system`: how much of the disk the stores use, and removal of what is unused.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/build/cache_files.h"
#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/fields.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/table.h"
#include "tools/nestctl/image/image_filter.h"
#include "tools/nestctl/service/images.h"
#include "tools/nestctl/service/service.h"
#include "tools/nestctl/service/unit.h"
#include "tools/nestctl/service/volume.h"

/*
 * A row of `system df`: a kind of object, the number of all of them and of those in use, and their
 * bytes on the disk.
 */
struct use {
	const char *type;
	size_t all, active;
	uint64_t bytes, free;
};

/* True if the instance does not run and will not be restarted. */
static bool is_ended(const struct service *s)
{
	return s->seen.phase != PHASE_RUNNING && s->seen.phase != PHASE_RESTARTING;
}

/* Returns the bytes on the disk of the files in an instance's folder. */
static uint64_t size_of(const struct service *s)
{
	DIR *d = opendir(s->folder);
	uint64_t sum = 0;
	struct stat st;

	for (struct dirent *e; d && (e = readdir(d));)
		if (!fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_blocks * 512;
	if (d)
		closedir(d);
	return sum;
}

static struct use of_images(void)
{
	struct use u = { .type = "Images" };
	struct image *all = images_all(NULL, &u.all);

	for (size_t i = 0; i < u.all; i++) {
		uint64_t size = (uint64_t)all[i].st.st_blocks * 512;
		bool used = image_is_used(&all[i]);

		u.bytes += size;
		u.active += used;
		u.free += used ? 0 : size;
	}
	return u;
}

static struct use of_instances(void)
{
	struct use u = { .type = "Containers" };
	struct service *all = services_all(&u.all);

	for (size_t i = 0; i < u.all; i++) {
		uint64_t size = size_of(&all[i]);

		u.bytes += size;
		u.active += !is_ended(&all[i]);
		u.free += is_ended(&all[i]) ? size : 0;
	}
	return u;
}

static struct use of_volumes(void)
{
	const struct volumes_sum sum = volumes_sum();

	return (struct use){ "Local Volumes", sum.all, sum.used, sum.bytes, sum.unused_bytes };
}

static struct use of_cache(void)
{
	const struct cache_sum sum = cache_sum();

	return (struct use){ "Build Cache", sum.files, sum.in_use ? sum.files : 0, sum.bytes,
		sum.in_use ? 0 : sum.bytes };
}

/* ---- df ---- */

static const struct command cmd_df, cmd_system_prune;

static const char *free_text(const struct use *u)
{
	return format("%s (%d%%)", size_text((double)u->free),
		u->bytes ? (int)((double)u->free * 100 / (double)u->bytes) : 0);
}

static void put_use(const struct use *u)
{
	json_open(NULL, '{');
	json_text("Type", u->type);
	json_number("TotalCount", (int64_t)u->all);
	json_number("Active", (int64_t)u->active);
	json_text("Size", size_text((double)u->bytes));
	json_text("Reclaimable", free_text(u));
	json_number("Bytes", (int64_t)u->bytes);
	json_number("ReclaimableBytes", (int64_t)u->free);
	json_close('}');
}

static void print_uses(const struct use *uses, size_t n, const char *template)
{
	struct table *t;
	struct fields *f;

	if (template) {
		f = fields_parse(template);
		for (size_t i = 0; i < n; i++) {
			fields_row_begin(f);
			put_use(&uses[i]);
			fields_row_end(f);
		}
		return fields_finish(f);
	}
	t = table_new((const char *[]){ "TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE", NULL });
	for (size_t i = 0; i < n; i++)
		table_row(t, (const char *[]){ uses[i].type, format("%zu", uses[i].all),
				     format("%zu", uses[i].active),
				     size_text((double)uses[i].bytes), free_text(&uses[i]) });
	table_print(t);
}

enum { KEY_FORMAT = 256, KEY_VOLUMES };

static int df(int argc, char **argv)
{
	const char *template = NULL;
	bool json = false;

	for (int key; (key = next_option(&cmd_df, argc, argv));)
		if (key == KEY_FORMAT)
			template = optarg;
		else
			json = true;
	take_words(&cmd_df, argc, argv, 0, 0);
	const struct use uses[] = { of_images(), of_instances(), of_volumes(), of_cache() };
	const size_t n = sizeof(uses) / sizeof(uses[0]);

	if (!json) {
		print_uses(uses, n, template);
		return 0;
	}
	json_open(NULL, '[');
	for (size_t i = 0; i < n; i++)
		put_use(&uses[i]);
	json_close(']');
	return 0;
}

static const struct option_row df_options[] = {
	{ KEY_FORMAT, "format", "TEMPLATE",
		"print fields: {{.Type}}, {{.TotalCount}}, {{.Active}}, {{.Size}}, "
		"{{.Reclaimable}}; or json" },
	OPTION_JSON,
	{ 0 },
};

static const struct command cmd_df = {
	.name = "system df",
	.args = "",
	.help = "Prints what images, detached instances, volumes and builds take on the disk.",
	.text = "ACTIVE are those that run, or that a detached instance needs; RECLAIMABLE is what "
		"the others take. The cache of nestctl build is in use while a build runs.",
	.options = df_options,
	.run = df,
};

/* ---- prune ---- */

uint64_t services_prune(void)
{
	uint64_t sum = 0;
	size_t n;
	struct service *all = services_all(&n);

	for (size_t i = 0; i < n; i++) {
		struct service s;
		uint64_t size = size_of(&all[i]);

		/* check again under the lock: the instance may have been started meanwhile */
		if (!is_ended(&all[i]) || !service_find(&s, all[i].name))
			continue;
		if (service_lock(&s)) {
			unit_remove(s.name);
			service_remove(&s);
			sum += size;
			puts(s.name);
		}
		service_close(&s);
	}
	return sum;
}

static void prune_cache(void *arg)
{
	uint64_t *sum = arg;

	*sum += cache_prune(0);
}

static int prune(int argc, char **argv)
{
	bool force = false, images = false, volumes = false;
	struct image_filter unnamed = { .n = 0 };
	const char *why;
	uint64_t sum;

	for (int key; (key = next_option(&cmd_system_prune, argc, argv));)
		switch (key) {
		case 'f': force = true; break;
		case 'a': images = true; break;
		default: volumes = true;
		}
	take_words(&cmd_system_prune, argc, argv, 0, 0);
	if (!force && !volume_ask("system prune",
			      format("nestctl: this removes the cache of builds, each detached "
				     "instance that has ended and each image that none needs%s%s. "
				     "Go on?",
				      images ? "" : " and that has no name of its own",
				      volumes ? ", each volume that none uses" : "")))
		return 1;
	sum = services_prune();
	/* instances first, since they use images and volumes */
	image_filter_add(&unnamed, "dangling=true");
	sum += images_prune(images ? NULL : &unnamed);
	sum += volumes ? volumes_prune() : 0;
	/* a cache that a build uses stays, with a message */
	why = attempt(prune_cache, &sum);
	if (why)
		warn("%s", why);
	fprintf(stderr, "%s were freed\n", size_text((double)sum));
	return 0;
}

static const struct option_row prune_options[] = {
	{ 'a', "all", NULL, "also images that no instance needs and that have a name" },
	{ KEY_VOLUMES, "volumes", NULL, "volumes, too, that no instance uses" },
	{ 'f', "force", NULL, "do not ask" },
	{ 0 },
};

static const struct command cmd_system_prune = {
	.name = "system prune",
	.args = "",
	.help = "Removes the cache of builds and instances that have ended; more by options.",
	.text = "It asks first. Images that no instance needs go if their name is their digest "
		"(nestctl build without -t, or nestctl load found no name). Names of what was "
		"removed are printed. Units of "
		"systemd "
		"(run --systemd) of removed instances go, too.",
	.options = prune_options,
	.run = prune,
};

static const struct command *const system_commands[] = { &cmd_df, &cmd_system_prune, NULL };

const struct command cmd_system = {
	.name = "system",
	.args = "COMMAND",
	.help = "What the stores take on the disk, and what of that can go.",
	.sub = system_commands,
};
