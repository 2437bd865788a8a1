/* SPDX-License-Identifier: MIT */
/*
 * put.c: writes the files of a stream into the image by the rules of COPY and ADD: a folder is
 * merged with an existing folder, any other file replaces an existing one. A folder in the place of
 * a file, or a file in the place of a folder, is an error. Names are relative to the target. A name
 * that is absolute or has ".." is an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "tools/init/job.h"
#include "tools/nestctl/build/agent/agent.h"

/*
 * A transfer from @fd to the target @to. @folder: the target is a folder. @keeps, @owned, @moded:
 * the word k, o or m was given.
 */
struct put {
	int fd;
	const char *to;
	bool folder, keeps, owned, moded;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	char path[STREAM_PATH_MAX], target[STREAM_PATH_MAX];
	char xattrs[STREAM_XATTRS_MAX], data[STREAM_PIECE_MAX];
};

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

void make_path(const char *path)
{
	char *copy = must(strdup(path));

	for (char *p = copy + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (*copy && mkdir(copy, 0755) && !is_folder(copy))
			fail(copy);
		*p = c;
		if (!c)
			break;
	}
	free(copy);
}

/* Fails if the path has an empty component or "..". */
static void check_name(const char *path)
{
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (!n || (n == 2 && p[0] == '.' && p[1] == '.'))
			fail_text("%s: not a name below the target", path);
		p += n + (p[n] == '/');
	}
}

/* Returns the file's path in the image, and makes the folders on the way. */
static char *place(const struct put *p, const struct stream_head *h)
{
	const char *slash = p->to[strlen(p->to) - 1] == '/' ? "" : "/";
	bool rename = (h->flags & STREAM_SINGLE) && !p->folder && !is_folder(p->to);
	static int renamed;

	if (rename && renamed++)
		fail_text("%s: several files: the target must end in /", p->to);
	char *path = rename || !*p->path ? text_of("%s", p->to) :
					   text_of("%s%s%s", p->to, slash, p->path);
	char *last = strrchr(path, '/');

	check_name(p->path);
	if (last > path) {
		*last = '\0';
		if (!is_folder(path))
			make_path(path);
		*last = '/';
	}
	return path;
}

/* Removes an existing file, so that a new one can take its name. */
static void clear(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		return;
	if (S_ISDIR(st.st_mode))
		fail_text("%s: a folder is there, and a file cannot take its place", path);
	if (unlink(path))
		fail(path);
}

/* Makes a file of @size bytes from the pieces of the stream. */
static void put_data(struct put *p, const char *path, uint64_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stream_piece piece;

	if (fd < 0)
		fail(path);
	while (stream_read_piece(p->fd, &piece, p->data)) {
		size_t done = 0;

		if (piece.offset > size || piece.size > size - piece.offset)
			fail_text("the stream of files is damaged");
		while (done < piece.size) {
			ssize_t n = pwrite(fd, p->data + done, piece.size - done,
				(off_t)(piece.offset + done));

			if (n <= 0)
				fail(path);
			done += (size_t)n;
		}
	}
	if (ftruncate(fd, (off_t)size) || close(fd))
		fail(path);
}

static void set_xattrs(const struct put *p, const char *path, size_t size)
{
	const char *at = p->xattrs, *end = p->xattrs + size;

	while (at < end) {
		const char *name = at, *nul = memchr(at, '\0', (size_t)(end - at));
		uint32_t n;

		if (!nul || (size_t)(end - nul - 1) < sizeof(n))
			fail_text("the stream of files is damaged");
		memcpy(&n, nul + 1, sizeof(n));
		at = nul + 1 + sizeof(n);
		if (n > (size_t)(end - at))
			fail_text("the stream of files is damaged");
		if (lsetxattr(path, name, at, n, 0) && errno != EOPNOTSUPP)
			fail(path);
		at += n;
	}
}

/* Sets the owner first, since chown(2) clears bits of the mode and security attributes. */
static void set_attributes(const struct put *p, const char *path, const struct stream_head *h)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW },
		{ .tv_sec = h->mtime, .tv_nsec = h->mtime_nsec } };
	uid_t uid = p->owned ? p->uid : p->keeps ? h->uid : 0;
	gid_t gid = p->owned ? p->gid : p->keeps ? h->gid : 0;
	mode_t mode = p->moded ? p->mode : h->mode & 07777;

	if (lchown(path, uid, gid) || (!S_ISLNK(h->mode) && chmod(path, mode)))
		fail(path);
	set_xattrs(p, path, h->xattrs);
	if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW))
		fail(path);
}

static void put_folder(const struct put *p, const char *path, const struct stream_head *h)
{
	if (!mkdir(path, 0700)) {
		set_attributes(p, path, h);
		return;
	}
	if (!is_folder(path))
		fail_text("%s: a file is there, and a folder cannot take its place", path);
	if (p->keeps)
		set_attributes(p, path, h);
}

/* Makes a hard link to the entry p->target of the stream. */
static void put_link(const struct put *p, const char *path)
{
	const char *slash = p->to[strlen(p->to) - 1] == '/' ? "" : "/";
	char *old;

	check_name(p->target);
	old = text_of("%s%s%s", p->to, slash, p->target);
	clear(path);
	if (link(old, path))
		fail(path);
	free(old);
}

static void put_entry(struct put *p, const struct stream_head *h)
{
	char *path = place(p, h);

	if (h->kind == STREAM_LINK) {
		put_link(p, path);
		free(path);
		return;
	}
	if (S_ISDIR(h->mode)) {
		put_folder(p, path, h);
		free(path);
		return;
	}
	clear(path);
	if (S_ISREG(h->mode))
		put_data(p, path, h->size);
	else if (S_ISLNK(h->mode) ? symlink(p->target, path) :
				    mknod(path, h->mode, makedev(h->major, h->minor)))
		fail(path);
	set_attributes(p, path, h);
	free(path);
}

void put_files(int fd, const struct agent_words *w)
{
	static struct put p;
	const char *owner = word_of(w, 'o'), *mode = word_of(w, 'm');
	struct stream_head h;

	p.fd = fd;
	p.to = word_of(w, 'd');
	p.folder = word_of(w, 'D');
	p.keeps = word_of(w, 'k');
	p.owned = owner;
	p.moded = mode;
	if (!p.to)
		fail_text("no target");
	if (owner)
		job_owner(owner, &p.uid, &p.gid);
	if (mode)
		p.mode = (mode_t)strtoul(mode, NULL, 8);
	if (p.folder)
		make_path(p.to);
	while (stream_read(fd, &h, p.path, p.target, p.xattrs))
		put_entry(&p, &h);
}
