/* SPDX-License-Identifier: MIT */
/*
 * offer.c: the source's description of an instance, sent before its files, and the receiver's
 * checks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/json_in.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/migrate/migrate.h"

#define LINE_BYTES 65536

/* Returns the checksum of a file, or dies. */
static uint32_t sum_of(const char *path, uint64_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint32_t sum;

	if (fd < 0 || !file_sum(fd, size, NULL, &sum))
		die("%s: %s", path, strerror(errno));
	close(fd);
	return sum;
}

struct offer offer_of(const struct state *s, const char *flags, uint64_t bytes, bool shared)
{
	struct offer o = { .umid = s->umid,
		.kernel = s->kernel,
		.build = s->build,
		.flags = flags,
		.mem = s->mem,
		.bytes = bytes,
		.shared = shared };

	if (s->nr_images > MIG_IMAGES)
		die("%s: it has more than %d images", s->umid, MIG_IMAGES);
	for (; o.nr_images < s->nr_images; o.nr_images++) {
		const struct state_image *im = &s->images[o.nr_images];

		o.images[o.nr_images] = *im;
		o.sums[o.nr_images] = shared ? 0 : sum_of(im->path, im->size);
	}
	return o;
}

void offer_send(struct conn *c, const struct offer *o)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		die("out of memory");
	json_to(f);
	json_open(NULL, '{');
	json_text("umid", o->umid);
	json_text("kernel", o->kernel);
	json_text("build", o->build);
	json_text("flags", o->flags);
	json_number("mem", (int64_t)o->mem);
	json_number("bytes", (int64_t)o->bytes);
	json_number("shared", o->shared);
	json_open("images", '[');
	for (size_t i = 0; i < o->nr_images; i++) {
		json_open(NULL, '{');
		json_text("path", o->images[i].path);
		json_number("size", (int64_t)o->images[i].size);
		json_number("mtime", (int64_t)o->images[i].mtime);
		json_number("mtime_ns", (int64_t)o->images[i].mtime_ns);
		json_number("sum", o->sums[i]);
		json_close('}');
	}
	json_close(']');
	json_close('}');
	json_to(NULL);
	if (fclose(f))
		die("out of memory");
	conn_send(c, MIG_OFFER, text, size, NULL, 0);
	conn_flush(c);
	free(text);
}

/* ---- the receiver ---- */

static const char *need_text(const struct json *j, const char *key)
{
	const char *text = json_string(j, key);

	if (!text)
		die("the offer of the source is damaged (%s)", key);
	return text;
}

static uint64_t need_number(const struct json *j, const char *key, uint64_t most)
{
	uint64_t n;

	if (!json_uint(j, key, &n) || n > most)
		die("the offer of the source is damaged (%s)", key);
	return n;
}

static void parse_images(struct offer *o, const struct json *all)
{
	const struct json *list = json_list(all, "images");

	if (!list)
		die("the offer of the source is damaged (images)");
	for (const struct json *j = list->first; j; j = j->next) {
		size_t i = o->nr_images++;

		if (i == MIG_IMAGES)
			die("the offer of the source is damaged (images)");
		o->images[i].path = need_text(j, "path");
		o->images[i].size = need_number(j, "size", INT64_MAX);
		o->images[i].mtime = need_number(j, "mtime", INT64_MAX);
		o->images[i].mtime_ns = need_number(j, "mtime_ns", 999999999);
		o->sums[i] = (uint32_t)need_number(j, "sum", UINT32_MAX);
		if (*o->images[i].path != '/')
			die("the offer of the source is damaged (path)");
	}
}

struct offer offer_parse(const struct message *m)
{
	char *text = format("%.*s", (int)m->length, (const char *)m->data);
	const struct json *j = json_parse(text, strlen(text), "the offer of the source");
	struct offer o = { .umid = need_text(j, "umid"),
		.kernel = need_text(j, "kernel"),
		.build = need_text(j, "build"),
		.flags = need_text(j, "flags"),
		.mem = need_number(j, "mem", INT64_MAX),
		.bytes = need_number(j, "bytes", INT64_MAX),
		.shared = need_number(j, "shared", 1) };

	parse_images(&o, j);
	return o;
}

/*
 * Returns the features of this host's first CPU as words with a blank before and after each, or
 * NULL if they are unknown.
 */
static const char *own_flags(void)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char *line = xalloc(LINE_BYTES);
	const char *flags = NULL;

	while (f && !flags && fgets(line, LINE_BYTES, f))
		if (!strncmp(line, "flags\t", 6) && strchr(line, ':')) {
			line[strcspn(line, "\n")] = '\0';
			flags = format("%s ", strchr(line, ':') + 1);
		}
	if (f)
		fclose(f);
	free(line);
	return flags;
}

void offer_check_cpu(const struct offer *o)
{
	const char *have = own_flags();
	char *want = format("%s", o->flags), *rest, *lacking = xalloc(1);

	/* the kernel itself checks again before it continues */
	for (char *f = strtok_r(want, " ", &rest); have && f; f = strtok_r(NULL, " ", &rest)) {
		char *word = format(" %s ", f);

		if (!strstr(have, word) && strlen(lacking) < 300)
			lacking = format("%s %.40s", lacking, f);
		free(word);
	}
	if (*lacking)
		die("%s: the CPU here lacks what its programs may use:%s", o->umid, lacking);
}

/* True if the file has the size, the mtime and the content of image @i. */
static bool is_image(const struct offer *o, size_t i, const char *path)
{
	const struct state_image *want = &o->images[i];
	struct state_image have = { 0 };

	return !state_image_read(path, &have) && have.size == want->size &&
	       have.mtime == want->mtime && have.mtime_ns == want->mtime_ns &&
	       (o->shared || sum_of(path, have.size) == o->sums[i]);
}

const char *offer_find_image(const struct offer *o, size_t i)
{
	const char *path = o->images[i].path;
	const char *other = format("%s%s", image_dir(), strrchr(path, '/'));

	if (is_image(o, i, path))
		return path;
	if (o->shared)
		die("%s: its image %s is not the same file here", o->umid, path);
	return is_image(o, i, other) ? other : NULL;
}
