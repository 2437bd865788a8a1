/* SPDX-License-Identifier: MIT */
/* cache_files.c: see cache_files.h; and `nestctl builder`. */
#include "tools/nestctl/build/cache_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/service/volume.h"

static const char *folder(void)
{
	return data_dir("build");
}

const char *cache_path(const char *name, const char *suffix)
{
	return format("%s/%s%s", folder(), name, suffix);
}

int cache_lock(void)
{
	const char *path = cache_path("", ".lock");
	int fd;

	make_dirs(folder());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

uint64_t cache_sweep(bool (*wanted)(const char *name))
{
	DIR *d = opendir(folder());
	uint64_t bytes = 0;
	struct stat st;

	for (struct dirent *e; d && (e = readdir(d));) {
		if (*e->d_name == '.' || !wanted(e->d_name) ||
			fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (!unlinkat(dirfd(d), e->d_name, 0))
			bytes += (uint64_t)st.st_blocks * 512;
	}
	if (d)
		closedir(d);
	return bytes;
}

static bool is_any(const char *name)
{
	return *name;
}

uint64_t cache_prune(void)
{
	int fd = cache_lock();
	uint64_t bytes;

	if (flock(fd, LOCK_EX | LOCK_NB))
		die("build: another build runs");
	bytes = cache_sweep(is_any);
	close(fd);
	return bytes;
}

static bool is_content(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (!strcmp(dot, ".cow") || !strcmp(dot, ".ext4"));
}

struct cache_sum cache_sum(void)
{
	DIR *d = opendir(folder());
	struct cache_sum sum = { 0 };
	struct stat st;
	int fd;

	if (!d)
		return sum;
	for (struct dirent *e; (e = readdir(d));) {
		if (*e->d_name == '.' || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		sum.files += is_content(e->d_name);
		sum.bytes += (uint64_t)st.st_blocks * 512;
	}
	closedir(d);
	fd = open(cache_path("", ".lock"), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	sum.in_use = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
	if (fd >= 0)
		close(fd);
	return sum;
}

/* ---- nestctl builder ---- */

static const struct command cmd_builder_prune;

static int prune(int argc, char **argv)
{
	bool force = false;

	for (int key; (key = next_option(&cmd_builder_prune, argc, argv));)
		force = force || key == 'f';
	take_words(&cmd_builder_prune, argc, argv, 0, 0);
	if (!force &&
		!volume_ask("builder prune", "nestctl: this removes what builds have kept. Go on?"))
		return 1;
	fprintf(stderr, "%s were freed\n", size_text((double)cache_prune()));
	return 0;
}

static const struct option_row prune_options[] = {
	{ 'f', "force", NULL, "do not ask" },
	{ 'a', "all", NULL, NULL }, /* always so */
	{ 0 },
};

static const struct command cmd_builder_prune = {
	.name = "builder prune",
	.args = "",
	.help = "Removes the cache of nestctl build.",
	.text = "It asks first. The layers of all steps go, and the folders of "
		"RUN --mount=type=cache. Images stay. `nestctl system df` shows what the cache "
		"takes.",
	.options = prune_options,
	.run = prune,
};

static const struct command *const builder_commands[] = { &cmd_builder_prune, NULL };

const struct command cmd_builder = {
	.name = "builder",
	.args = "COMMAND",
	.help = "The cache of nestctl build.",
	.sub = builder_commands,
};
