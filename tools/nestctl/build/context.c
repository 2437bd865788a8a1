/* SPDX-License-Identifier: MIT */
/*
 * context.c: see context.h. The files of a context are untrusted. So the host's kernel resolves
 * each source beneath the context's folder (openat2(2), RESOLVE_BENEATH), and no symbolic link
 * below a source is followed. Anything but files, folders and links is refused.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/nestctl/build/containerfile.h"
#include "tools/nestctl/build/context.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/word_list.h"

#define IGNORE_MAX (1 << 20)
#define ENTRIES_MAX (1U << 22)
#define LEVELS_MAX 512

/* ---- the folder ---- */

/* Returns the text of a small file, or NULL if it does not exist. */
static char *small_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text;
	ssize_t n = fd < 0 ? -1 : 0, have = 0;

	if (fd < 0 && errno == ENOENT)
		return NULL;
	text = xalloc(IGNORE_MAX + 1);
	while (fd >= 0 && have < IGNORE_MAX &&
		(n = read(fd, text + have, (size_t)(IGNORE_MAX - have))) > 0)
		have += n;
	if (n < 0 || have == IGNORE_MAX)
		die("%s: %s", name, n < 0 ? strerror(errno) : "more than 1 MiB");
	close(fd);
	return text;
}

struct context context_open(const char *path, const char *file)
{
	struct context c = { .path = realpath(path, NULL) };
	char *text;

	if (!c.path)
		die("%s: %s", path, strerror(errno));
	c.dir = open(c.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c.dir < 0)
		die("%s: %s", path, strerror(errno));
	text = small_file(AT_FDCWD, format("%s.dockerignore", file));
	text = text ? text : small_file(c.dir, ".containerignore");
	text = text ? text : small_file(c.dir, ".dockerignore");
	if (text)
		c.ignore = ignore_parse(text);
	return c;
}

struct context context_none(void)
{
	return (struct context){ .dir = -1 };
}

/* Opens a file of the context, with flags of open(2). Returns the descriptor, or dies. */
static int open_beneath(
	const struct context *c, const struct instruction *at, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	int fd;

	if (!c->path)
		instruction_bad(at,
			"%s: there are no files, since the Containerfile came in place of a "
			"context; -f - takes it with a folder",
			*path ? path : ".");
	fd = (int)syscall(SYS_openat2, c->dir, *path ? path : ".", &how, sizeof(how));
	if (fd < 0 && errno == EXDEV)
		instruction_bad(at, "%s: leads out of the context %s", path, c->path);
	if (fd < 0)
		instruction_bad(at, "%s: %s", *path ? path : ".", strerror(errno));
	return fd;
}

/* ---- sources ---- */

/* Returns "a/b" for "./a//b/". Dies if the path leaves the context. */
static char *clean(const struct instruction *at, const char *p)
{
	char *path = xalloc(strlen(p) + 1), *end = path;

	while (*p) {
		size_t n = strcspn(p, "/");

		if (n == 2 && !strncmp(p, "..", 2)) {
			if (end == path)
				instruction_bad(
					at, "..: files outside of the context cannot be copied");
			while (end > path && *--end != '/')
				;
			*end = '\0';
		} else if (n && !(n == 1 && *p == '.')) {
			if (end > path)
				*end++ = '/';
			memcpy(end, p, n);
			end += n;
			*end = '\0';
		}
		p += n + (p[n] == '/');
	}
	return path;
}

/* A search for a pattern. @paths: the @nr paths found, ending in NULL. */
struct found {
	const struct context *c;
	const struct instruction *at;
	const char *pattern;
	bool deep; /* the pattern has "**" */
	char **paths;
	size_t nr, room;
};

static void found_add(struct found *f, char *path)
{
	if (f->nr + 2 > f->room) {
		f->room = f->room ? 2 * f->room : 16;
		f->paths = realloc(f->paths, f->room * sizeof(*f->paths));
		if (!f->paths)
			die("out of memory");
	}
	f->paths[f->nr++] = path;
	f->paths[f->nr] = NULL;
}

static size_t slashes_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '/';
	return n;
}

/* True if a path below @path can match the pattern: if its beginning with as many parts fits. */
static bool may_be_below(const struct found *f, const char *path)
{
	size_t left = slashes_of(path) + 1;
	const char *end = f->pattern;
	char *begin;
	bool fits;

	if (f->deep)
		return true;
	if (left > slashes_of(f->pattern))
		return false;
	/* a slash may be in brackets or quoted */
	if (strpbrk(f->pattern, "[\\"))
		return true;
	for (; *end && (*end != '/' || --left); end++)
		;
	begin = format("%.*s", (int)(end - f->pattern), f->pattern);
	fits = pattern_fits(begin, path);
	free(begin);
	return fits;
}

/* Adds the matching paths in the folder @dir ("" or "a/") and below. Closes @fd. */
static void find_in(struct found *f, int fd, const char *dir)
{
	DIR *d = fdopendir(fd);

	if (!d)
		instruction_bad(f->at, "%s: %s", dir, strerror(errno));
	for (struct dirent *e; (e = readdir(d));) {
		char *path;
		int below;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		path = format("%s%s", dir, e->d_name);
		if (!ignore_has(f->c->ignore, path) && pattern_fits(f->pattern, path))
			found_add(f, path);
		if (!may_be_below(f, path))
			continue;
		below = openat(dirfd(d), e->d_name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		if (below >= 0)
			find_in(f, below, format("%s/", path));
		else if (errno != ENOTDIR && errno != ELOOP && !ignore_has(f->c->ignore, path))
			instruction_bad(f->at, "%s: %s", path, strerror(errno));
	}
	closedir(d);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **context_find(const struct context *c, const struct instruction *at, const char *source)
{
	struct found f = { .c = c, .at = at };
	char *path = clean(at, source);

	if (!pattern_is(path)) {
		if (*path && ignore_has(c->ignore, path) && !ignore_has_exceptions(c->ignore))
			instruction_bad(at, "%s: .dockerignore leaves it out", source);
		close(open_beneath(c, at, path, O_PATH));
		return words_add(NULL, path);
	}
	f.pattern = path;
	f.deep = strstr(path, "**");
	find_in(&f, open_beneath(c, at, "", O_RDONLY | O_DIRECTORY), "");
	if (!f.nr)
		instruction_bad(at, "%s: no such file in the context", source);
	qsort(f.paths, f.nr, sizeof(*f.paths), by_name);
	return f.paths;
}

int context_open_file(const struct context *c, const struct instruction *at, const char *path)
{
	int fd = open_beneath(c, at, path, O_RDONLY | O_NONBLOCK);
	struct stat st;

	if (fstat(fd, &st))
		instruction_bad(at, "%s: %s", path, strerror(errno));
	if (S_ISREG(st.st_mode))
		return fd;
	if (!S_ISDIR(st.st_mode))
		instruction_bad(at, "%s: neither a file nor a folder", path);
	close(fd);
	return -1;
}

const char *context_real(const struct context *c, const struct instruction *at, const char *path)
{
	int fd = open_beneath(c, at, clean(at, path), O_PATH);
	char *self = format("/proc/self/fd/%d", fd), *real = realpath(self, NULL);

	if (!real)
		instruction_bad(at, "%s: %s", path, strerror(errno));
	close(fd);
	return real;
}

/* ---- sending ---- */

/* A transfer. @entries and @levels: counts so far, both limited. */
struct walk {
	const struct context *c;
	const struct instruction *at;
	struct send *s;
	unsigned int entries;
	int levels;
};

/* Dies with @path and the text of errno. */
static void read_failed(const struct walk *w, const char *path)
{
	instruction_bad(w->at, "%s: %s", path, strerror(errno));
}

/* Sends the data of a regular file. Skips holes. */
static void send_data(const struct walk *w, int fd, const char *path, uint64_t size)
{
	static char buffer[STREAM_PIECE_MAX];
	uint64_t at = 0;

	while (at < size) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA);
		size_t most;
		ssize_t n;

		if (data < 0 && errno == ENXIO)
			break;
		at = data < 0 ? at : (uint64_t)data;
		if (at >= size)
			break;
		most = size - at < sizeof(buffer) ? (size_t)(size - at) : sizeof(buffer);
		n = pread(fd, buffer, most, (off_t)at);
		if (n < 0)
			read_failed(w, path);
		if (!n)
			break;
		send_piece(w->s, at, buffer, (size_t)n);
		at += (uint64_t)n;
	}
	send_piece_end(w->s);
}

/*
 * Sends the file @own of the folder @dir. @path: in the context, for messages. @name: in the
 * stream.
 */
static void send_file(struct walk *w, int dir, const char *own, const char *path, const char *name,
	const struct stat *st, bool single)
{
	struct stream_head h = { .kind = STREAM_ENTRY,
		.flags = single ? STREAM_SINGLE : 0,
		.mode = st->st_mode,
		.mtime = st->st_mtim.tv_sec,
		.mtime_nsec = (uint32_t)st->st_mtim.tv_nsec,
		.size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0 };
	char target[STREAM_PATH_MAX] = "";
	struct stat now;
	int fd;

	if (S_ISLNK(st->st_mode) && readlinkat(dir, own, target, sizeof(target) - 1) < 0)
		read_failed(w, path);
	if (!S_ISREG(st->st_mode)) {
		send_entry(w->s, &h, name, target, NULL);
		return;
	}
	fd = openat(dir, own, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &now))
		read_failed(w, path);
	if (now.st_ino != st->st_ino || now.st_dev != st->st_dev)
		instruction_bad(w->at, "%s: it changed while it was read", path);
	send_entry(w->s, &h, name, "", NULL);
	send_data(w, fd, path, h.size);
	close(fd);
}

static void send_folder(struct walk *w, int fd, const char *path, const char *name);

/* Sends an entry of a folder, and everything below it. */
static void send_below(struct walk *w, int dir, const char *own, const char *path, const char *name)
{
	bool out = ignore_has(w->c->ignore, path);
	struct stat st;
	int fd;

	if (out && !ignore_has_exceptions(w->c->ignore))
		return;
	if (fstatat(dir, own, &st, AT_SYMLINK_NOFOLLOW))
		read_failed(w, path);
	if (out && !S_ISDIR(st.st_mode))
		return;
	if (w->entries++ == ENTRIES_MAX)
		instruction_bad(w->at, "more than %u files", ENTRIES_MAX);
	if (S_ISSOCK(st.st_mode)) {
		warn("%s: left out: a socket", path);
		return;
	}
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
		instruction_bad(w->at, "%s: neither a file, nor a folder, nor a link", path);
	if (!out)
		send_file(w, dir, own, path, name, &st, false);
	if (!S_ISDIR(st.st_mode))
		return;
	fd = openat(dir, own, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		read_failed(w, path);
	send_folder(w, fd, path, name);
}

/* Sends the contents of a folder, sorted by name. Closes @fd. */
static void send_folder(struct walk *w, int fd, const char *path, const char *name)
{
	struct dirent **names;
	int n = scandirat(fd, ".", &names, NULL, alphasort);

	if (n < 0)
		read_failed(w, path);
	if (++w->levels > LEVELS_MAX)
		instruction_bad(w->at, "%s: more than %d folders deep", path, LEVELS_MAX);
	for (int i = 0; i < n; i++) {
		const char *own = names[i]->d_name;
		char *below = format("%s%s%s", path, *path ? "/" : "", own);
		char *sent = format("%s%s%s", name, *name ? "/" : "", own);

		if (strcmp(own, ".") != 0 && strcmp(own, "..") != 0)
			send_below(w, fd, own, below, sent);
		free(below);
		free(sent);
		free(names[i]);
	}
	free(names);
	close(fd);
	w->levels--;
}

void context_send(
	const struct context *c, const struct instruction *at, const char *path, struct send *s)
{
	struct walk w = { .c = c, .at = at, .s = s };
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	int fd = open_beneath(c, at, path, O_RDONLY | O_NONBLOCK);
	struct stat st;

	if (fstat(fd, &st))
		read_failed(&w, path);
	if (S_ISDIR(st.st_mode)) {
		send_file(&w, fd, "", path, "", &st, false);
		send_folder(&w, fd, path, "");
		return;
	}
	if (!S_ISREG(st.st_mode))
		instruction_bad(at, "%s: neither a file nor a folder", path);
	if (ignore_has(c->ignore, path))
		instruction_bad(at, "%s: .dockerignore leaves it out", path);
	struct stream_head h = { .kind = STREAM_ENTRY,
		.flags = STREAM_SINGLE,
		.mode = st.st_mode,
		.mtime = st.st_mtim.tv_sec,
		.mtime_nsec = (uint32_t)st.st_mtim.tv_nsec,
		.size = (uint64_t)st.st_size };

	send_entry(s, &h, base, "", NULL);
	send_data(&w, fd, path, h.size);
	close(fd);
}
