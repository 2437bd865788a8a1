/* SPDX-License-Identifier: MIT */
/*
 * describe.c: writes and reads state.json. The file is written last, since a folder is a state only
 * if it has the file. The reader checks every value.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/json_in.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/image/sha256.h"
#include "tools/nestctl/state/state.h"

#define IMAGES_MAX 256
#define PARAMS_MOST 1024

/* ---- writing ---- */

/* Writes the members of the JSON object that describes a file. */
static void write_file(const struct state_file *f)
{
	json_text("file", f->name);
	json_number("size", (int64_t)f->size);
	json_number("sum", f->sum);
}

/*
 * Returns @n bytes in hexadecimal. The words of a boot may have any encoding, but JSON texts are
 * UTF-8.
 */
static const char *to_hex(const char *p, size_t n)
{
	char *text = xalloc(2 * n + 1);

	for (size_t i = 0; i < n; i++)
		sprintf(text + 2 * i, "%02x", (unsigned char)p[i]);
	return text;
}

static void write_disks(const struct state *s)
{
	json_open("disks", '[');
	for (int i = 0; i < STATE_DISKS; i++) {
		const struct state_disk *d = &s->disks[i];

		if (!d->layer.name)
			continue;
		json_open(NULL, '{');
		json_number("unit", i);
		json_text("flags", d->flags);
		json_text("backing", d->backing);
		write_file(&d->layer);
		json_open("below", '[');
		for (int k = 0; k < STATE_PARTS && d->below[k].name; k++) {
			json_open(NULL, '{');
			write_file(&d->below[k]);
			json_close('}');
		}
		json_close(']');
		json_close('}');
	}
	json_close(']');
	json_open("images", '[');
	for (size_t i = 0; i < s->nr_images; i++) {
		const struct state_image *im = &s->images[i];

		json_open(NULL, '{');
		json_text("path", im->path);
		json_number("size", (int64_t)im->size);
		json_number("inode", (int64_t)im->inode);
		json_number("mtime", (int64_t)im->mtime);
		json_number("mtime_ns", (int64_t)im->mtime_ns);
		json_close('}');
	}
	json_close(']');
}

static void write_devices(const struct state *s)
{
	json_open("cards", '[');
	for (int i = 0; i < STATE_CARDS; i++) {
		if (!s->cards[i])
			continue;
		json_open(NULL, '{');
		json_number("unit", i);
		json_text("args", s->cards[i]);
		json_close('}');
	}
	json_close(']');
	json_open("params", '[');
	for (const char **p = s->params; *p; p++)
		json_text(NULL, *p);
	json_close(']');
}

static void write_all_of(const struct state *s)
{
	json_open(NULL, '{');
	json_number("format", STATE_FORMAT);
	json_text("name", s->name);
	json_number("created", (int64_t)s->created);
	json_text("parent", s->parent);
	json_text("umid", s->umid);
	json_text("build", s->build);
	json_text("kernel", s->kernel);
	json_text("cwd", s->cwd);
	json_text("image", s->image);
	json_number("mem", (int64_t)s->mem);
	json_number("cpus", (int64_t)s->cpus);
	json_number("stopped_ns", (int64_t)s->stopped_ns);
	json_open("memory", '{');
	write_file(&s->memory);
	json_close('}');
	json_open("older", '[');
	for (int i = 0; i < STATE_OLDER; i++) {
		if (!s->older[i].name)
			continue;
		json_open(NULL, '{');
		write_file(&s->older[i]);
		json_close('}');
	}
	json_close(']');
	if (s->boot)
		json_text("boot", to_hex(s->boot, s->boot_size));
	write_disks(s);
	write_devices(s);
	json_close('}');
}

void state_write(const struct state *s, int fd)
{
	int out =
		openat(fd, STATE_JSON, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = out < 0 ? NULL : fdopen(out, "w");

	if (!f)
		die("%s: " STATE_JSON ": %s", s->name, strerror(errno));
	json_to(f);
	write_all_of(s);
	json_to(NULL);
	errno = 0;
	if (fflush(f) || ferror(f) || fclose(f))
		die("%s: " STATE_JSON ": %s", s->name, strerror(errno ? errno : EIO));
}

/* ---- reading ---- */

/* Dies with a message that @what in the description is damaged. */
static void __attribute__((noreturn)) bad(const struct state *s, const char *what)
{
	die("%s: its " STATE_JSON " is damaged (%s)", s->name, what);
}

/* Returns the text @key of @j. Dies if it is missing. */
static const char *need_text(const struct state *s, const struct json *j, const char *key)
{
	const char *text = json_string(j, key);

	if (!text)
		bad(s, key);
	return text;
}

/* Returns a number of at most INT64_MAX. Dies if it is missing or larger. */
static uint64_t need_number(const struct state *s, const struct json *j, const char *key)
{
	uint64_t n;

	if (!json_uint(j, key, &n) || n > INT64_MAX)
		bad(s, key);
	return n;
}

/* Reads a file's size and checksum. Dies unless its name is @name. */
static struct state_file read_file(const struct state *s, const struct json *j, const char *name)
{
	struct state_file f = { .name = name };
	uint64_t sum = need_number(s, j, "sum");

	if (strcmp(need_text(s, j, "file"), name) != 0 || sum > UINT32_MAX)
		bad(s, name);
	f.size = need_number(s, j, "size");
	f.sum = (uint32_t)sum;
	return f;
}

/* States of earlier versions lack the list "older". */
static void read_older(struct state *s, const struct json *all)
{
	const struct json *list = json_list(all, "older");

	for (const struct json *j = list ? list->first : NULL; j; j = j->next) {
		const char *name = need_text(s, j, "file");
		int i = 0;

		while (i < STATE_OLDER && strcmp(name, state_older_names[i]) != 0)
			i++;
		if (i == STATE_OLDER || s->older[i].name)
			bad(s, "older");
		s->older[i] = read_file(s, j, state_older_names[i]);
	}
}

/* Reads the parts below a disk's layer. States of earlier versions have none. */
static void read_below(const struct state *s, const struct json *j, int unit, struct state_disk *d)
{
	const struct json *list = json_list(j, "below");
	int n = 0;

	for (j = list ? list->first : NULL; j; j = j->next) {
		if (n == STATE_PARTS)
			bad(s, "below");
		d->below[n] = read_file(s, j, format("ubd%d.layer.%d", unit, n + 1));
		n++;
	}
}

static void read_disks(struct state *s, const struct json *all)
{
	const struct json *list = json_list(all, "disks");

	if (!list)
		bad(s, "disks");
	for (const struct json *j = list->first; j; j = j->next) {
		uint64_t unit = need_number(s, j, "unit");
		struct state_disk *d = &s->disks[unit < STATE_DISKS ? unit : 0];

		if (unit >= STATE_DISKS || d->layer.name)
			bad(s, "unit");
		d->layer = read_file(s, j, format("ubd%d.layer", (int)unit));
		read_below(s, j, (int)unit, d);
		d->flags = need_text(s, j, "flags");
		d->backing = json_string(j, "backing");
		if (d->flags[strspn(d->flags, "rsctdm")] || (d->backing && *d->backing != '/'))
			bad(s, "flags");
	}
}

static void read_images(struct state *s, const struct json *all)
{
	const struct json *list = json_list(all, "images");

	if (!list)
		bad(s, "images");
	s->images = xalloc(IMAGES_MAX * sizeof(*s->images));
	for (const struct json *j = list->first; j; j = j->next) {
		struct state_image *im = &s->images[s->nr_images++];

		if (s->nr_images == IMAGES_MAX)
			bad(s, "images");
		im->path = need_text(s, j, "path");
		im->size = need_number(s, j, "size");
		im->inode = need_number(s, j, "inode");
		im->mtime = need_number(s, j, "mtime");
		im->mtime_ns = need_number(s, j, "mtime_ns");
	}
}

static void read_devices(struct state *s, const struct json *all)
{
	const struct json *cards = json_list(all, "cards"), *params = json_list(all, "params");
	size_t n = 0;

	if (!cards || !params)
		bad(s, cards ? "params" : "cards");
	for (const struct json *j = cards->first; j; j = j->next) {
		uint64_t unit = need_number(s, j, "unit");

		if (unit >= STATE_CARDS)
			bad(s, "cards");
		s->cards[unit] = need_text(s, j, "args");
	}
	s->params = xalloc((PARAMS_MOST + 1) * sizeof(*s->params));
	for (const struct json *j = params->first; j; j = j->next) {
		if (j->kind != JSON_TEXT || n == PARAMS_MOST)
			bad(s, "params");
		s->params[n++] = j->text;
	}
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads "boot", which only a machine has. States of earlier versions lack it, too. */
static void read_boot(struct state *s, const struct json *all)
{
	const char *text = json_get(all, "boot") ? need_text(s, all, "boot") : NULL;
	struct machine m;
	char *boot;

	if (!text)
		return;
	s->boot_size = strlen(text) / 2;
	s->boot = boot = xalloc(s->boot_size + 1);
	for (size_t i = 0; i < s->boot_size; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			bad(s, "boot");
		boot[i] = (char)(high << 4 | low);
	}
	if (strlen(text) % 2 || !machine_parse(s->boot, s->boot_size, &m))
		bad(s, "boot");
}

static void read_all_of(struct state *s, const struct json *j)
{
	const struct json *memory = json_get(j, "memory");
	uint64_t version = need_number(s, j, "format");

	if (version != STATE_FORMAT)
		die("%s: its format is %llu; this nestctl knows %d", s->name,
			(unsigned long long)version, STATE_FORMAT);
	s->created = need_number(s, j, "created");
	s->parent = json_string(j, "parent");
	s->umid = need_text(s, j, "umid");
	s->build = need_text(s, j, "build");
	s->kernel = need_text(s, j, "kernel");
	s->cwd = need_text(s, j, "cwd");
	s->image = need_text(s, j, "image");
	s->mem = need_number(s, j, "mem");
	s->cpus = need_number(s, j, "cpus");
	s->stopped_ns = need_number(s, j, "stopped_ns");
	if (!memory)
		bad(s, "memory");
	s->memory = read_file(s, memory, STATE_MEMORY);
	read_older(s, j);
	read_boot(s, j);
	read_disks(s, j);
	read_images(s, j);
	read_devices(s, j);
}

/*
 * Dies unless the folder is this user's and not writable by others: to start from a state is to run
 * what its maker has put there.
 */
static void check_owner(const struct state *s, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		die("%s: %s", s->folder, strerror(errno));
	if (st.st_uid != geteuid())
		die("%s: it belongs to another user (%u)", s->name, (unsigned int)st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		die("%s: other users may write to it (mode %03o)", s->name,
			(unsigned int)st.st_mode & 0777);
}

/* Returns the content of the file, *size bytes, which the caller frees. Dies if it is too large. */
static char *read_text(const struct state *s, int file, size_t *size)
{
	char *text = xalloc(STATE_JSON_MAX + 1);
	ssize_t n;

	*size = 0;
	while ((n = get_some(file, text + *size, STATE_JSON_MAX - *size)) > 0)
		*size += (size_t)n;
	if (n < 0)
		die("%s: " STATE_JSON ": %s", s->name, strerror(errno));
	if (*size == STATE_JSON_MAX)
		bad(s, "size");
	return text;
}

/* Sets s->digest. */
static void digest(struct state *s, const char *text, size_t size)
{
	struct sha256 sum;

	sha256_begin(&sum);
	sha256_add(&sum, text, size);
	sha256_end(&sum, s->digest);
}

void state_read(struct state *s)
{
	size_t size;
	char *text;
	int file;

	check_owner(s, s->fd);
	file = openat(s->fd, STATE_JSON, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (file < 0 && errno == ENOENT)
		die("%s: not a state: it has no " STATE_JSON, s->name);
	if (file < 0)
		die("%s: " STATE_JSON ": %s", s->name, strerror(errno));
	check_owner(s, file);
	text = read_text(s, file, &size);
	close(file);
	digest(s, text, size);
	read_all_of(s, json_parse(text, size, format("%s: " STATE_JSON, s->name)));
	free(text);
}

void state_open_at(void *arg)
{
	struct state *s = arg;

	s->folder = state_folder(s->name);
	s->fd = state_lock(s->folder, s->name, false);
	state_read(s);
}

struct state state_open(const char *name)
{
	struct state s = { .name = name, .fd = -1 };

	state_open_at(&s);
	return s;
}

void state_close(struct state *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
