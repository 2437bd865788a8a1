/* SPDX-License-Identifier: MIT */
/*
 * bundle.c: see bundle.h. The files of a tar are copied, since a compressed archive, or one from a
 * pipe, has no random access.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/nestctl/image/bundle.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"

#define MEMBERS_MAX 100000

/* A file of a tar: its @size bytes are at @off of the temporary file. */
struct member {
	char *name, *link; /* @link: name of the target, or NULL */
	uint64_t off, size;
};

/* A folder @dir, or a tar, whose contents are in the temporary file @data. */
struct bundle {
	const char *what;
	int dir, data; /* one of the two is -1 */
	struct member *members;
	size_t nr;
};

struct bundle *bundle_open_dir(const char *path)
{
	struct bundle *b = xalloc(sizeof(*b));

	b->what = path;
	b->data = -1;
	b->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->dir < 0)
		die("%s: %s", path, strerror(errno));
	return b;
}

/*
 * Returns "a/b" for "./a//b", relative to the folder @dir (or NULL). Returns NULL if the path
 * leaves the bundle.
 */
static char *normal(const char *dir, const char *path)
{
	char *all = format("%s/%s", dir ? dir : "", path), *out = xalloc(strlen(all) + 1);
	size_t len = 0;

	for (char *save, *part = strtok_r(all, "/", &save); part;
		part = strtok_r(NULL, "/", &save)) {
		if (!strcmp(part, "."))
			continue;
		if (!strcmp(part, "..")) {
			if (!len)
				return NULL;
			out[len] = '\0';
			len = strrchr(out, '/') ? (size_t)(strrchr(out, '/') - out) : 0;
			out[len] = '\0';
			continue;
		}
		if (len)
			out[len++] = '/';
		memcpy(out + len, part, strlen(part));
		len += strlen(part);
		out[len] = '\0';
	}
	free(all);
	return out;
}

/* Copies the present entry to byte @at of the temporary file. Returns the byte after it. */
static uint64_t spool(struct bundle *b, struct blob_reader *r, uint64_t at)
{
	char buffer[65536];
	la_ssize_t n;

	if (lseek(b->data, (off_t)at, SEEK_SET) < 0)
		die("%s: %s", b->what, strerror(errno));
	while ((n = archive_read_data(blob_archive(r), buffer, sizeof(buffer))) > 0) {
		blob_expect(r, at); /* the limit counts a file's holes, too */
		write_all(b->data, buffer, (size_t)n, "a temporary file in $TMPDIR or /var/tmp");
		at += (uint64_t)n;
	}
	if (n < 0)
		die("%s: %s", b->what, archive_why(blob_archive(r)));
	return at;
}

/* Adds the present entry, if it is a file or a link. *at: end of the temporary file. */
static void add_member(
	struct bundle *b, struct blob_reader *r, struct archive_entry *e, uint64_t *at)
{
	const char *path = archive_entry_pathname(e);
	const char *link = archive_entry_hardlink(e) ?: archive_entry_symlink(e);
	struct member *m;
	char *name = path ? normal(NULL, path) : NULL, *dir;

	if (!name)
		die("%s: a name that is not allowed there", b->what);
	if (!link && archive_entry_filetype(e) != S_IFREG)
		return;
	if (b->nr == MEMBERS_MAX)
		die("%s: more than %d files", b->what, MEMBERS_MAX);
	b->members = realloc(b->members, (b->nr + 1) * sizeof(*m));
	if (!b->members)
		die("out of memory");
	m = &b->members[b->nr++];
	*m = (struct member){ .name = name, .off = *at };
	dir = strrchr(name, '/') && !archive_entry_hardlink(e) ?
		      format("%.*s", (int)(strrchr(name, '/') - name), name) :
		      NULL;
	m->link = link ? normal(dir, link) : NULL;
	if (link && !m->link)
		die("%s: %s leads out of it", b->what, name);
	if (!link)
		*at = spool(b, r, *at);
	m->size = *at - m->off;
}

struct bundle *bundle_open_tar(const struct blob *blob)
{
	struct bundle *b = xalloc(sizeof(*b));
	struct blob_reader *r = blob_open(blob);
	uint64_t at = 0;

	b->what = blob->name;
	b->dir = -1;
	b->data = temporary_file("its files");
	for (struct archive_entry *e; (e = blob_next(r));)
		add_member(b, r, e, &at);
	blob_close(r);
	return b;
}

/* Returns the file called @name, through at most 8 links, or NULL. */
static const struct member *find_member(const struct bundle *b, const char *name)
{
	for (int links = 0; links < 8; links++) {
		const struct member *m = NULL;

		for (size_t i = b->nr; i && !m; i--) /* the last entry of a name counts */
			if (!strcmp(b->members[i - 1].name, name))
				m = &b->members[i - 1];
		if (!m || !m->link)
			return m;
		name = m->link;
	}
	return NULL;
}

/* Opens a file. Symbolic links may lead elsewhere in the folder, but not out of it. */
static int open_beneath(int dir, const char *name)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH };

	return (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
}

/*
 * Fills @blob. Returns false if there is no such file. The caller closes the descriptor if the
 * bundle is a folder.
 */
static bool lookup(struct bundle *b, const char *name, struct blob *blob)
{
	const struct member *m;
	struct stat st;

	*blob = (struct blob){ .name = format("%s: %s", b->what, name), .fd = b->data };
	if (b->dir < 0) {
		m = find_member(b, name);
		if (m) {
			blob->off = m->off;
			blob->size = m->size;
		}
		return m;
	}
	blob->fd = open_beneath(b->dir, name);
	if (blob->fd < 0 && errno == ENOENT)
		return false;
	if (blob->fd < 0 || fstat(blob->fd, &st))
		die("%s: %s", blob->name, strerror(errno));
	if (!S_ISREG(st.st_mode))
		die("%s: not a regular file", blob->name);
	blob->size = (uint64_t)st.st_size;
	return true;
}

bool bundle_has(struct bundle *b, const char *name)
{
	struct blob blob;

	if (!lookup(b, name, &blob))
		return false;
	if (b->dir >= 0)
		close(blob.fd);
	return true;
}

struct blob bundle_get(struct bundle *b, const char *name)
{
	struct blob blob;

	if (*name == '/' || strstr(name, ".."))
		die("%s: it names the file '%s', which cannot be in it", b->what, name);
	if (!lookup(b, name, &blob))
		die("%s: it has no %s", b->what, name);
	return blob;
}
