/* SPDX-License-Identifier: MIT */
/*
 * template_store.c: the folder of templates, $XDG_DATA_HOME/nestling/templates.
 *
 * The locks, the temporary names and the seals are those of states (state/store.c, state/seal.c).
 * The modification time of a template's folder is its last use. Bounds: PER_IMAGE templates of an
 * image, ALL_MAX in total. The most recently used ones are kept.
 */
#include "tools/nestctl/run/template.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/state/state.h"

#define KEY_MAX 65536
#define PER_IMAGE 4
#define ALL_MAX 16
/* seconds until a failed template is tried again */
#define FAULT_S 3600
#define NAME_LETTERS 16

static uint64_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3;
	return h;
}

const char *template_folder(const char *key)
{
	return format("%s/%016llx", data_dir("templates"), (unsigned long long)hash(key));
}

const char *template_file_line(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return NULL;
	return format("%llu %llu %lld %lld.%09ld %lld.%09ld", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
		st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

const char *template_host(void)
{
	static char id[64];
	int fd = *id ? -1 : open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, id, sizeof(id) - 1);

	if (fd >= 0)
		close(fd);
	if (n > 0)
		id[strcspn(id, "\n")] = '\0';
	return id;
}

/* ---- one template ---- */

/* True if a file or folder is this user's, and no other user may write to it. */
static bool is_ours(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/*
 * Returns the text of a template's file, cut at KEY_MAX bytes. Returns NULL if the file is missing
 * or writable by others.
 */
static char *read_text(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *text = fd < 0 ? NULL : xalloc(KEY_MAX);
	ssize_t n = fd < 0 || !is_ours(fd) ? -1 : read(fd, text, KEY_MAX - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

/* True if the folder records a failure that is less than FAULT_S seconds old. */
static bool has_fault(int fd)
{
	struct stat st;

	return !fstatat(fd, "fault", &st, AT_SYMLINK_NOFOLLOW) &&
	       time(NULL) - st.st_mtim.tv_sec < FAULT_S;
}

int template_open(const char *key, bool *fault)
{
	const char *folder = template_folder(key);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	bool good = fd >= 0 && !flock(fd, LOCK_SH | LOCK_NB) && is_ours(fd);
	char *text = good ? read_text(fd, "key") : NULL;

	good = text && !strcmp(text, key);
	free(text);
	*fault = good && has_fault(fd);
	if (good && !*fault && state_folder_is_untouched(fd)) {
		futimens(fd, NULL); /* may fail in a read-only store */
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

void template_remove(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		state_remove_folder(fd, folder);
	close(fd);
}

/* ---- all of them ---- */

/* A template. @is_current: a run can still use it. */
struct row {
	struct template_row t;
	uint64_t used_ns; /* since 1970 */
	bool is_current;
};

/*
 * Takes two lines off *text: "WHAT PATH", and a line of template_file_line(). Sets *path. True if
 * the second line is that of the present file.
 */
static bool take_file(char **text, const char *what, const char **path)
{
	char *first = strsep(text, "\n"), *line = strsep(text, "\n");
	size_t n = strlen(what);
	const char *now;

	if (!line || strncmp(first, what, n) != 0 || first[n] != ' ')
		return false;
	*path = first + n + 1;
	now = template_file_line(*path);
	return now && !strcmp(now, line);
}

/*
 * Take the lines about backing files, and about the host, off *text. True if these are unchanged.
 */
static bool take_backings(char **text)
{
	const char *path;

	while (*text && !strncmp(*text, "backing ", 8))
		if (!take_file(text, "backing", &path))
			return false;
	return true;
}

static bool take_host(char **text)
{
	char *line = strsep(text, "\n");

	return line && !strncmp(line, "host ", 5) && !strcmp(line + 5, template_host());
}

/* Reads what a template's folder contains. Splits its key into lines. */
static struct row read_row(int dirfd, const char *dir, const char *name)
{
	struct row r = { .t = { .folder = format("%s/%s", dir, name), .image = "" } };
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	const char *kernel, *nestctl;
	char *key, *rest;
	struct stat st;

	if (fd < 0)
		return r;
	rest = key = read_text(fd, "key");
	r.t.fault = read_text(fd, "fault");
	if (!fstat(fd, &st)) {
		r.t.used = (uint64_t)st.st_mtim.tv_sec;
		r.used_ns = r.t.used * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
	}
	r.is_current = key && take_file(&rest, "image", &r.t.image) && take_backings(&rest) &&
		       take_file(&rest, "kernel", &kernel) &&
		       take_file(&rest, "nestctl", &nestctl) && take_host(&rest);
	if (r.t.fault && !has_fault(fd))
		r.is_current = false;
	if (!fstatat(fd, STATE_MEMORY, &st, AT_SYMLINK_NOFOLLOW))
		r.t.disk += (uint64_t)st.st_blocks * 512;
	else if (!r.t.fault)
		r.is_current = false;
	if (!fstatat(fd, "ubd0.layer", &st, AT_SYMLINK_NOFOLLOW))
		r.t.disk += (uint64_t)st.st_blocks * 512;
	close(fd);
	return r;
}

static int by_use(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->used_ns != y->used_ns)
		return x->used_ns < y->used_ns ? 1 : -1;
	return strcmp(x->t.folder, y->t.folder);
}

/* Returns all templates of the store. The caller frees the array. */
static struct row *read_all(size_t *count)
{
	const char *dir = data_dir("templates");
	DIR *d = opendir(dir);
	struct row *all = NULL;
	size_t n = 0;

	for (struct dirent *e; d && (e = readdir(d));) {
		if (strspn(e->d_name, "0123456789abcdef") != NAME_LETTERS ||
			e->d_name[NAME_LETTERS])
			continue;
		all = realloc(all, (n + 1) * sizeof(*all));
		if (!all)
			die("out of memory");
		all[n++] = read_row(dirfd(d), dir, e->d_name);
	}
	if (d)
		closedir(d);
	if (n)
		qsort(all, n, sizeof(*all), by_use);
	*count = n;
	return all;
}

void templates_prune(void)
{
	size_t n, kept = 0;
	struct row *all = read_all(&n);

	state_sweep(data_dir("templates"));
	for (size_t i = 0; i < n; i++) {
		size_t of_image = 0;

		for (size_t k = 0; k < i; k++)
			of_image += all[k].is_current && !strcmp(all[k].t.image, all[i].t.image);
		if (!all[i].is_current || of_image >= PER_IMAGE || kept >= ALL_MAX) {
			all[i].is_current = false;
			template_remove(all[i].t.folder);
		}
		kept += all[i].is_current;
	}
	free(all);
}

struct template_row *templates_list(size_t *count)
{
	struct row *all = read_all(count);
	struct template_row *rows = xalloc((*count + 1) * sizeof(*rows));

	for (size_t i = 0; i < *count; i++)
		rows[i] = all[i].t;
	free(all);
	return rows;
}
