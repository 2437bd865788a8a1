/* SPDX-License-Identifier: MIT */
/*
 * layer.c: layers that are not made by steps: the image with which a build begins, an empty or
 * enlarged one, a flat copy of a long chain, and the stored result (cache.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/build/cache.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/cow/cow.h"
#include "tools/nestctl/image/ext4_image.h"
#include "tools/nestctl/image/image.h"

/* Returns how many files the image consists of. */
static int depth_of(const char *file)
{
	struct image *im = image_must_open(file, NULL, IMAGE_RDONLY);
	char text[PATH_MAX + 64];
	int depth = 0;

	while (!image_describe(im, (uint32_t)depth, text, sizeof(text)))
		depth++;
	image_close(im);
	return depth;
}

struct layer layer_of_image(const char *file)
{
	struct layer l = { .file = realpath(file, NULL) };
	struct sha256 s;
	struct stat st;

	if (!l.file || stat(l.file, &st))
		die("%s: %s", file, strerror(errno));
	key_begin(&s, "", "FROM");
	key_add(&s, l.file);
	key_add(&s,
		format("%lu %lu %ld %ld.%ld", (unsigned long)st.st_dev, (unsigned long)st.st_ino,
			(long)st.st_size, (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec));
	sha256_end(&s, l.key);
	l.depth = depth_of(l.file);
	return l;
}

/*
 * Returns a layer for an image that the build itself makes in the cache. Its file need not exist
 * yet.
 */
static struct layer made(const char *parent, const char *what, uint64_t size)
{
	struct layer l = { .depth = 1 };
	struct sha256 s;

	key_begin(&s, parent, what);
	key_add(&s, format("%llu", (unsigned long long)size));
	sha256_end(&s, l.key);
	l.file = cache_path(l.key, ".ext4");
	cache_note(l.file);
	return l;
}

/* Writes the image @from as a raw file. Returns the unfinished output @to. */
static int copy_flat(const char *from, const char *to)
{
	struct image *im = image_must_open(from, NULL, IMAGE_RDONLY);
	int fd = output_open(to);

	convert_into(im, FORMAT_RAW, true, fd, to);
	image_close(im);
	return fd;
}

struct layer layer_flat(const struct layer *l)
{
	struct layer flat = made(l->key, "flat", 0);

	if (!cache_has(flat.key, ".ext4"))
		output_finish(copy_flat(l->file, flat.file), flat.file, true);
	return flat;
}

struct layer layer_scratch(uint64_t size)
{
	struct layer l = made("", "scratch", size);
	struct ext4_image *im;
	int fd;

	if (cache_has(l.key, ".ext4"))
		return l;
	fd = output_open(l.file);
	im = ext4_image_create(format("/proc/%d/fd/%d", (int)getpid(), fd), l.file, size);
	ext4_image_close(im);
	output_finish(fd, l.file, true);
	return l;
}

/* Runs a program of e2fsprogs on a file. Dies if its exit status is greater than @most. */
static void must_run(const char *const argv[], int most, const char *what)
{
	const int fds[3] = { open("/dev/null", O_RDWR | O_CLOEXEC), -1,
		memfd_create("e2fsprogs", MFD_CLOEXEC) };
	const int streams[3] = { fds[0], fds[0], fds[2] };
	int status = wait_for(spawn(argv, streams));
	char *said = program_said(fds[2]);

	if (status > most)
		die("--size: %s: %s ended with status %d: %.*s", what, argv[0], status,
			(int)strcspn(said, "\n"), said);
	close(fds[0]);
	close(fds[2]);
}

struct layer layer_grown(const struct layer *l, uint64_t size)
{
	struct layer large = made(l->key, "grown", size);
	struct image *im = image_must_open(l->file, NULL, IMAGE_RDONLY);
	const uint64_t now = image_size(im);
	const char *self;
	int fd;

	image_close(im);
	if (now >= size)
		return *l;
	if (cache_has(large.key, ".ext4"))
		return large;
	fd = copy_flat(l->file, large.file);
	if (ftruncate(fd, (off_t)size))
		die("--size: %s", strerror(errno));
	self = format("/proc/%d/fd/%d", (int)getpid(), fd);
	must_run((const char *const[]){ "e2fsck", "-fp", self, NULL }, 1, l->file);
	must_run((const char *const[]){ "resize2fs", self, NULL }, 0, l->file);
	output_finish(fd, large.file, true);
	return large;
}

void layer_store(const struct layer *l, const char *path, const char *text, size_t size)
{
	int fd;

	image_config_must_be_ours(path);
	fd = copy_flat(l->file, path);
	if (access(path, F_OK))
		output_companion(fd, image_config_path(path));
	image_config_write(path, text, size);
	output_finish(fd, path, true);
}
