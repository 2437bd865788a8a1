/* SPDX-License-Identifier: MIT */
/* cache_files.c: see cache_files.h; and `nestctl builder`. */
#include "tools/nestctl/build/cache_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/service/volume.h"

#define LIMIT_LEAST (2ULL << 30)
/* how long other processes' probes of the lock are waited for */
#define PROBE_MS 20

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

/* True for the name of a layer, an image or a cache folder. */
static bool is_content(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (!strcmp(dot, ".cow") || !strcmp(dot, ".ext4"));
}

/* ---- the least recently used files ---- */

/* A file of the cache. @bytes: on the disk. */
struct file {
	char *name;
	uint64_t bytes;
	/* @used: atime, the last use by a build. @made: mtime. */
	struct timespec used, made;
};

/*
 * The paths of files that this build has used. All of them get the same time of use. Among the
 * files of one build, those of its last steps are removed first, since they were made last.
 */
static const char **noted;
static size_t nr_noted;

void cache_note(const char *path)
{
	noted = realloc(noted, (nr_noted + 1) * sizeof(*noted));
	if (!noted)
		die("out of memory");
	noted[nr_noted++] = path;
}

/* Returns a negative number, 0 or a positive number, like strcmp(). */
static int compare_times(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}

static int by_use(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	return compare_times(&x->used, &y->used) ?: compare_times(&y->made, &x->made);
}

/*
 * Returns all contents of the cache, their number in *count and their bytes in *sum. The caller
 * frees the array.
 */
static struct file *files_all(size_t *count, uint64_t *sum)
{
	struct file *all = xalloc(sizeof(*all));
	DIR *d = opendir(folder());
	struct stat st;

	*count = 0;
	*sum = 0;
	for (struct dirent *e; d && (e = readdir(d));) {
		if (!is_content(e->d_name) ||
			fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		all = realloc(all, (*count + 2) * sizeof(*all));
		if (!all)
			die("out of memory");
		all[(*count)++] = (struct file){ format("%s", e->d_name),
			(uint64_t)st.st_blocks * 512, st.st_atim, st.st_mtim };
		*sum += (uint64_t)st.st_blocks * 512;
	}
	if (d)
		closedir(d);
	qsort(all, *count, sizeof(*all), by_use);
	return all;
}

/* Removes files until the cache has at most @most bytes. Returns the number of bytes removed. */
static uint64_t keep_bytes(uint64_t most)
{
	uint64_t sum, all;
	size_t n;
	const struct file *files = files_all(&n, &sum);

	all = sum;
	for (size_t i = 0; i < n && sum > most; i++) {
		if (unlink(cache_path(files[i].name, "")))
			continue;
		unlink(cache_path(files[i].name, ".config"));
		sum -= files[i].bytes;
	}
	return all - sum;
}

/*
 * Locks the cache exclusively. Another process that does so in cache_sum(), which lasts for an
 * instant, is waited for. Returns false if a build runs, or on another error.
 */
static bool lock_alone(int fd)
{
	for (int i = 0; i < PROBE_MS; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return true;
		if (errno != EWOULDBLOCK)
			return false;
		poll(NULL, 0, 1);
	}
	errno = EWOULDBLOCK;
	return false;
}

uint64_t cache_prune(uint64_t keep)
{
	int fd = cache_lock();
	uint64_t bytes;

	if (!lock_alone(fd))
		die("build: another build runs");
	bytes = keep ? keep_bytes(keep) : cache_sweep(is_any);
	close(fd);
	return bytes;
}

/*
 * Returns the cache's limit in bytes: $NESTLING_BUILD_CACHE, or a tenth of the disk but at least 2
 * GiB.
 */
static uint64_t limit(void)
{
	const char *text = getenv("NESTLING_BUILD_CACHE");
	struct statvfs fs;
	uint64_t tenth;

	if (text && *text)
		return parse_size(text, "NESTLING_BUILD_CACHE");
	if (statvfs(folder(), &fs))
		return UINT64_MAX;
	tenth = fs.f_blocks * fs.f_frsize / 10;
	return tenth > LIMIT_LEAST ? tenth : LIMIT_LEAST;
}

void cache_trim(int fd)
{
	struct timespec times[2] = { { 0 }, { .tv_nsec = UTIME_OMIT } };

	clock_gettime(CLOCK_REALTIME, &times[0]);
	for (size_t i = 0; i < nr_noted; i++)
		utimensat(AT_FDCWD, noted[i], times, AT_SYMLINK_NOFOLLOW);
	if (!flock(fd, LOCK_EX | LOCK_NB))
		keep_bytes(limit());
}

/* ---- the size of the cache ---- */

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
	sum.in_use = fd >= 0 && !lock_alone(fd) && errno == EWOULDBLOCK;
	if (fd >= 0)
		close(fd);
	return sum;
}

/* ---- nestctl builder ---- */

enum { KEY_KEEP = 256 };

static const struct command cmd_builder_prune;

static int prune(int argc, char **argv)
{
	bool force = false;
	uint64_t keep = 0;

	for (int key; (key = next_option(&cmd_builder_prune, argc, argv));)
		if (key == 'f')
			force = true;
		else if (key == KEY_KEEP)
			keep = parse_size(optarg, "builder prune: --keep-storage");
	take_words(&cmd_builder_prune, argc, argv, 0, 0);
	if (!force &&
		!volume_ask("builder prune", "nestctl: this removes what builds have kept. Go on?"))
		return 1;
	fprintf(stderr, "%s were freed\n", size_text((double)cache_prune(keep)));
	return 0;
}

static const struct option_row prune_options[] = {
	{ KEY_KEEP, "keep-storage", "SIZE",
		"keep so much of it (10G): what builds have not used for the longest time goes" },
	{ 'f', "force", NULL, "do not ask" },
	{ 'a', "all", NULL, NULL }, /* ignored: the default */
	{ 0 },
};

static const struct command cmd_builder_prune = {
	.name = "builder prune",
	.args = "",
	.help = "Removes the cache of nestctl build.",
	.text = "It asks first. The layers of all steps go, and the folders of "
		"RUN --mount=type=cache. Images stay. `nestctl system df` shows what the cache "
		"takes. A build keeps at most $NESTLING_BUILD_CACHE of it (512M, 20G), by default "
		"a tenth of the disk and 2G at least.",
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
