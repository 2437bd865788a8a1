/* SPDX-License-Identifier: MIT */
/*
 * get.c: sends files of the present root as a stream. A source is a path, or a pattern of glob(3).
 * For a folder its contents are sent, for a symbolic link its target. Without a source the whole
 * root is sent. Owners are always sent, hard links and extended attributes only with data. A folder
 * is sent before its contents, and names are sorted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tools/nestctl/build/agent/agent.h"

#define BUCKETS 65536

/* An inode with several names, and the first name that was sent. */
struct seen {
	struct seen *next;
	ino_t ino;
	char path[];
};

/* A transfer to @fd. @data: with data. @dev: the file system that is sent. */
struct get {
	int fd;
	bool data;
	dev_t dev;
	struct seen *seen[BUCKETS];
	char xattrs[STREAM_XATTRS_MAX], buffer[STREAM_PIECE_MAX];
};

/*
 * Returns the name under which the inode was sent. If there is none, records @path and returns
 * NULL.
 */
static const char *seen_before(struct get *g, ino_t ino, const char *path)
{
	struct seen **slot = &g->seen[ino % BUCKETS], *s;

	for (s = *slot; s; s = s->next)
		if (s->ino == ino)
			return s->path;
	s = must(malloc(sizeof(*s) + strlen(path) + 1));
	s->ino = ino;
	strcpy(s->path, path);
	s->next = *slot;
	*slot = s;
	return NULL;
}

/* True if attributes of this name are sent. */
static bool is_kept(const char *name)
{
	return !strncmp(name, "user.", 5) || !strncmp(name, "trusted.", 8) ||
	       !strncmp(name, "security.", 9);
}

/*
 * Reads the attributes into g->xattrs. Returns their size in bytes. Leaves out attributes for which
 * there is no room.
 */
static uint32_t read_xattrs(struct get *g, const char *path)
{
	static char names[65536];
	ssize_t n = llistxattr(path, names, sizeof(names));
	size_t used = 0;

	for (char *name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
		size_t head = strlen(name) + 1 + sizeof(uint32_t);
		ssize_t size;
		uint32_t value;

		if (!is_kept(name) || used + head >= sizeof(g->xattrs))
			continue;
		size = lgetxattr(
			path, name, g->xattrs + used + head, sizeof(g->xattrs) - used - head);
		if (size < 0)
			continue;
		strcpy(g->xattrs + used, name);
		value = (uint32_t)size;
		memcpy(g->xattrs + used + head - sizeof(value), &value, sizeof(value));
		used += head + (size_t)size;
	}
	return (uint32_t)used;
}

/* Sends the data of a file. Skips holes. */
static void send_data(struct get *g, const char *path, uint64_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	off_t at = 0;

	if (fd < 0)
		fail(path);
	while ((uint64_t)at < size) {
		off_t data = lseek(fd, at, SEEK_DATA);
		ssize_t n;

		if (data < 0 && errno == ENXIO)
			break;
		at = data < 0 ? at : data;
		n = pread(fd, g->buffer, sizeof(g->buffer), at);
		if (n < 0)
			fail(path);
		if (!n)
			break;
		stream_write_piece(g->fd, (uint64_t)at, g->buffer, (uint32_t)n);
		at += n;
	}
	stream_write_piece(g->fd, 0, "", 0);
	close(fd);
}

/* Sends a file as @name. @single: it is its source's only file. */
static void send_one(
	struct get *g, const char *path, const char *name, const struct stat *st, bool single)
{
	static char target[STREAM_PATH_MAX];
	const char *old = NULL;
	struct stream_head h = { .kind = STREAM_ENTRY,
		.flags = single ? STREAM_SINGLE : 0,
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.major = major(st->st_rdev),
		.minor = minor(st->st_rdev),
		.mtime = st->st_mtim.tv_sec,
		.mtime_nsec = (uint32_t)st->st_mtim.tv_nsec,
		.ctime = st->st_ctim.tv_sec,
		.ctime_nsec = (uint32_t)st->st_ctim.tv_nsec,
		.ino = st->st_ino,
		.size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0 };

	target[0] = '\0';
	if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlink(path, target, sizeof(target) - 1);

		if (n < 0)
			fail(path);
		target[n] = '\0';
	}
	if (!S_ISDIR(st->st_mode) && st->st_nlink > 1 && !single)
		old = seen_before(g, st->st_ino, name);
	if (old && g->data) {
		h.kind = STREAM_LINK;
		stream_write(g->fd, &h, name, old, "");
		return;
	}
	h.xattrs = g->data ? read_xattrs(g, path) : 0;
	stream_write(g->fd, &h, name, target, g->xattrs);
	if (S_ISREG(st->st_mode) && g->data)
		send_data(g, path, h.size);
}

/* Sends what is below the folder @path. @name: the folder in the stream, or "". */
static void send_tree(struct get *g, const char *path, const char *name)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);

	if (n < 0)
		fail(path);
	for (int i = 0; i < n; i++) {
		const char *own = names[i]->d_name;
		char *below = text_of("%s/%s", strcmp(path, "/") ? path : "", own);
		char *sent = text_of("%s%s%s", name, *name ? "/" : "", own);
		struct stat st;

		if (strcmp(own, ".") && strcmp(own, "..") &&
			!(!*name && !strcmp(own, "lost+found"))) {
			if (lstat(below, &st))
				fail(below);
			if (strlen(sent) >= STREAM_PATH_MAX)
				fail_text("%s: the path is too long", sent);
			send_one(g, below, sent, &st, false);
			if (S_ISDIR(st.st_mode) && st.st_dev == g->dev)
				send_tree(g, below, sent);
		}
		free(below);
		free(sent);
		free(names[i]);
	}
	free(names);
}

static void send_source(struct get *g, const char *path)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	char *real = realpath(path, NULL);
	struct stat st;

	if (!real || lstat(real, &st))
		fail(path);
	g->dev = st.st_dev;
	if (S_ISDIR(st.st_mode)) {
		send_one(g, real, "", &st, false);
		send_tree(g, real, "");
	} else {
		send_one(g, real, base, &st, true);
	}
	free(real);
}

void get_files(int fd, const struct agent_words *w, bool data)
{
	static struct get g;

	g.fd = fd;
	g.data = data;
	if (!w->rest[0])
		send_source(&g, "/");
	for (char **source = w->rest; *source; source++) {
		glob_t found;

		if (glob(*source, 0, NULL, &found))
			fail_text("%s: no such file", *source);
		for (size_t i = 0; i < found.gl_pathc; i++)
			send_source(&g, found.gl_pathv[i]);
		globfree(&found);
	}
	stream_finish(fd);
}
