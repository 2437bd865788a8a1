/* SPDX-License-Identifier: MIT */
/*
 * parts.c: tests the changes of a disk in several files (part_host.h), and the copy of a file while
 * it is written (backup_host.h). A model, an array of sectors, says what the image must hold.
 *
 *	parts push FILE BASE DIR	layers are put over FILE, taken off, written, merged
 *	parts backup FILE BASE COPY	FILE is written by two threads while it is copied to COPY
 *	parts full FILE BASE COPY	COPY has no room: writes go on, and the copy fails
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/ubd/backup_host.h"
#include "drivers/ubd/chain_host.h"
#include "drivers/ubd/cow_host.h"
#include "drivers/ubd/part_host.h"

#define SECTOR 512UL

/* a byte for each sector: all bytes of the sector have this value */
static uint8_t *model;
static uint64_t sectors;
static unsigned int seed = 1;

static void must(bool good, const char *what)
{
	if (good)
		return;
	printf("NOT OK  %s\n", what);
	exit(1);
}

static void must_do(int err, const char *what)
{
	if (err)
		fprintf(stderr, "%s: %s\n", what, strerror(-err));
	must(!err, what);
}

static uint32_t chance(unsigned int *from, uint32_t n)
{
	return (uint32_t)rand_r(from) % n;
}

/* Changes a random range in [first, first + n) of image and model, by a write or by zeros. */
static void change(struct image *im, uint64_t first, uint64_t n, unsigned int *from)
{
	uint64_t at = first + chance(from, (uint32_t)n), len = 1 + chance(from, 300);
	uint8_t value = (uint8_t)chance(from, 256), *buf;
	struct iovec iov;

	if (len > first + n - at)
		len = first + n - at;
	if (!chance(from, 8)) {
		must_do(image_zero(im, at * SECTOR, len * SECTOR), "zeros are written");
		memset(model + at, 0, len);
		return;
	}
	buf = malloc(len * SECTOR);
	memset(buf, value, len * SECTOR);
	iov = (struct iovec){ buf, len * SECTOR };
	must_do(image_writev(im, at * SECTOR, &iov, 1), "data is written");
	memset(model + at, value, len);
	free(buf);
}

static void compare(struct image *im, const uint8_t *with, const char *what)
{
	uint8_t *buf = malloc(sectors * SECTOR);
	struct iovec iov = { buf, sectors * SECTOR };

	must_do(image_readv(im, 0, &iov, 1, false), "it is read");
	for (uint64_t s = 0; s < sectors; s++)
		for (uint64_t i = 0; i < SECTOR; i++)
			must(buf[s * SECTOR + i] == with[s], what);
	free(buf);
	printf("ok      %s\n", what);
}

static struct image *open_image(const char *file, const char *base, uint32_t flags)
{
	struct image_open o = { .file = file, .backing = base, .flags = flags };

	if (image_open(&o))
		fprintf(stderr, "%s\n", o.err);
	must(o.image, "the image is opened");
	sectors = o.size / SECTOR;
	return o.image;
}

/* Reads the image's first contents into the model. */
static void learn(struct image *im)
{
	uint8_t buf[SECTOR];
	struct iovec iov = { buf, SECTOR };

	model = malloc(sectors);
	for (uint64_t s = 0; s < sectors; s++) {
		must_do(image_readv(im, s * SECTOR, &iov, 1, false), "it is read");
		model[s] = buf[0];
	}
}

/* ---- layers that come and go ---- */

static struct layer *new_layer(const char *dir)
{
	char err[600] = "";
	int fd = part_new_file(dir);
	struct layer *l;

	must(fd >= 0 && !cow_init_part(fd, sectors * SECTOR), "a part is made");
	must(file_is_nameless(fd), "it has no name");
	l = layer_open_fd(fd, "part", 0, err, sizeof(err));
	must(l, err);
	return l;
}

static void merge_all(struct image *im, const char *dir)
{
	struct layer *to = new_layer(dir), *first = im->top->below, *last = first;
	struct image_part part[2] = { { .name = "merged" }, { .name = "lowest" } };
	struct image_open o = { .file = "over", .flags = IMAGE_RDONLY | IMAGE_SHARED };
	char err[600];

	while (last->below->more)
		last = last->below;
	must_do(part_merge(first, last, to), "parts are merged");
	/* another chain: the written file, the merged file and the lowest file */
	o.fd = dup(im->top->fd);
	part[0].fd = dup(to->fd);
	part[1].fd = dup(last->below->fd);
	o.parts = part;
	o.nr_parts = 2;
	must_do(image_open(&o), o.err);
	compare(o.image, model, "a merged chain reads as before");
	image_close(o.image);
	layer_close(to, false);
	part[0].fd = open("/dev/null", O_RDONLY);
	o = (struct image_open){ .file = "over", .flags = IMAGE_RDONLY | IMAGE_SHARED };
	o.fd = dup(im->top->fd);
	o.parts = part;
	o.nr_parts = 1;
	must(image_open(&o) == -EINVAL, "a part that is none is refused");
	must(!layer_open_fd(open(dir, O_RDONLY), "dir", IMAGE_RDONLY, err, sizeof(err)),
		"a folder is no layer");
}

static void push(const char *file, const char *base, const char *dir)
{
	struct image *im = open_image(file, base, 0);
	struct layer *l;
	char text[5000];

	learn(im);
	for (int i = 0; i < 6; i++) {
		for (int k = 0; k < 40; k++)
			change(im, 0, sectors, &seed);
		image_push(im, new_layer(dir));
		compare(im, model, "an empty layer over it changes nothing");
	}
	l = im->top;
	image_pop(im);
	layer_close(l, false);
	for (int k = 0; k < 40; k++)
		change(im, 0, sectors, &seed);
	compare(im, model, "taken off again, it is written as before");
	must_do(image_flush(im), "it is flushed");
	must(!image_describe(im, 1, text, sizeof(text)) && !strncmp(text, "part v3 ", 8),
		"the file below is told to be a part");
	merge_all(im, dir);
	must_do(image_close(im), "it is closed");
}

/* ---- a copy of what is written ---- */

static struct image *im;
static int stop;

static void *writer(void *arg)
{
	unsigned int own = (unsigned int)(uintptr_t)arg + 7;

	/* each thread has a half of the disk, so that the model is right */
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		change(im, arg ? sectors / 2 : 0, sectors / 2, &own);
	return NULL;
}

static void backup(const char *file, const char *base, const char *copy, bool is_full)
{
	int fd = open(copy, O_RDWR | O_CREAT | O_EXCL, 0600), err;
	pthread_t threads[2];
	struct backup *b;
	struct layer *to;
	char why[600] = "";
	static uint8_t *then; /* not freed */

	im = open_image(file, base, 0);
	learn(im);
	for (int k = 0; k < 200; k++)
		change(im, 0, sectors, &seed);
	to = backup_blank(im->top, fd, copy, why, sizeof(why));
	must(to, why);
	b = backup_new(im->top, to);
	must(b, "a copy begins");
	then = malloc(sectors);
	memcpy(then, model, sectors);
	backup_start(im, b);
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, writer, (void *)i);
	usleep(20000);
	err = backup_run(im);
	err = backup_end(im, b) ?: err;
	usleep(20000);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	compare(im, model, "what was written meanwhile is there");
	must_do(image_close(im), "it is closed");
	if (is_full) {
		must(err == -ENOSPC, "the copy fails");
		return;
	}
	must_do(err, "it is copied");
	im = open_image(copy, base, IMAGE_RDONLY);
	compare(im, then, "the copy is of the instant at which it began");
	image_close(im);
	im = open_image(file, base, IMAGE_RDONLY);
	compare(im, model, "and the file has all that came later");
	image_close(im);
}

int main(int argc, char **argv)
{
	const char *base;

	if (argc != 5)
		return 2;
	base = *argv[3] ? argv[3] : NULL;
	if (!strcmp(argv[1], "push"))
		push(argv[2], base, argv[4]);
	else
		backup(argv[2], base, argv[4], !strcmp(argv[1], "full"));
	return 0;
}
