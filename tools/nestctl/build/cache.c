/* SPDX-License-Identifier: MIT */
/* cache.c: see cache.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/build/cache.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/image/ext4_image.h"

#define CACHE_DISK_SIZE (32ULL << 30)

bool cache_has(const char *key, const char *suffix)
{
	const char *path = cache_path(key, suffix);

	if (access(path, R_OK))
		return false;
	cache_note(path);
	return true;
}

/* True for the name of an unfinished file, on a file system without O_TMPFILE. */
static bool is_left(const char *name)
{
	return strstr(name, OUTPUT_MARK);
}

int cache_open(void)
{
	int fd = cache_lock();

	if (!flock(fd, LOCK_EX | LOCK_NB))
		cache_sweep(is_left);
	if (flock(fd, LOCK_SH))
		die("%s: %s", cache_path("", ".lock"), strerror(errno));
	return fd;
}

/* Returns the path of an empty file system in the cache. Makes it if it does not exist. */
static const char *empty_disk(const char *name, uint64_t size)
{
	const char *path = cache_path(name, ".ext4"), *self;
	struct ext4_image *im;
	int fd;

	cache_note(path);
	if (!access(path, F_OK))
		return path;
	fd = output_open(path);
	self = format("/proc/%d/fd/%d", (int)getpid(), fd);
	im = ext4_image_create(self, path, size);
	ext4_image_close(im);
	output_finish(fd, path, true);
	return path;
}

/* The locks of caches that this build uses; they last until nestctl ends. */
struct cache_held {
	struct cache_held *next;
	char key[65];
};

/*
 * True if this build has the lock of the cache already: a second open would wait for the first.
 * Otherwise notes that it takes the lock.
 */
static bool is_held(const char *key)
{
	static struct cache_held *all;
	struct cache_held *h;

	for (h = all; h; h = h->next)
		if (!strcmp(h->key, key))
			return true;
	h = xalloc(sizeof(*h));
	snprintf(h->key, sizeof(h->key), "%s", key);
	h->next = all;
	all = h;
	return false;
}

const char *cache_disk(const char *id)
{
	struct sha256 s;
	char key[65];
	const char *name;
	int fd;

	key_begin(&s, "", "cache");
	key_add(&s, id);
	sha256_end(&s, key);
	name = format("cache-%.32s", key);
	if (is_held(key))
		return empty_disk(name, CACHE_DISK_SIZE);
	fd = open(cache_path(name, ".lock"), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX))
		die("%s: %s", cache_path(name, ".lock"), strerror(errno));
	return empty_disk(name, CACHE_DISK_SIZE);
}

/* ---- keys ---- */

void key_add(struct sha256 *s, const char *text)
{
	uint64_t n = text ? strlen(text) : UINT64_MAX;

	sha256_add(s, &n, sizeof(n));
	if (text)
		sha256_add(s, text, n);
}

void key_list(struct sha256 *s, char *const *list)
{
	uint64_t n = 0;

	while (list && list[n])
		n++;
	sha256_add(s, &n, sizeof(n));
	for (uint64_t i = 0; i < n; i++)
		key_add(s, list[i]);
}

void key_begin(struct sha256 *s, const char *parent, const char *what)
{
	sha256_begin(s);
	/* format version; must be increased when the effect of steps changes */
	key_add(s, "1");
	key_add(s, parent);
	key_add(s, what);
}
