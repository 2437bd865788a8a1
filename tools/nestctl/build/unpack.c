/* SPDX-License-Identifier: MIT */
/* unpack.c: see unpack.h. */
#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/build/unpack.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/image/blob.h"

bool unpack_is_archive(int fd)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	bool is;

	if (!a)
		die("out of memory");
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_format_tar(a);
	is = !archive_read_open_fd(a, fd, 1 << 16) && archive_read_next_header(a, &e) == ARCHIVE_OK;
	archive_read_free(a);
	lseek(fd, 0, SEEK_SET);
	return is;
}

/* Returns the path without "./" and "/" at its beginning, and without "/" at its end. */
static char *relative(const char *name, const char *path)
{
	char *copy, *end;

	if (!path)
		die("%s: a name that cannot be read", name);
	while (*path == '/' || (path[0] == '.' && (path[1] == '/' || !path[1])))
		path++;
	copy = format("%s", path);
	for (end = copy + strlen(copy); end > copy && end[-1] == '/';)
		*--end = '\0';
	for (const char *p = copy; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && !strncmp(p, "..", 2))
			die("%s: a path with '..': %s", name, path);
		p += n + (p[n] == '/');
	}
	return copy;
}

/* Sends the data of the present entry, a file of @size bytes. */
static void send_data(struct blob_reader *r, const char *name, uint64_t size, struct send *s)
{
	const void *data;
	la_int64_t off;
	size_t n;
	int err;

	while ((err = archive_read_data_block(blob_archive(r), &data, &n, &off)) == ARCHIVE_OK) {
		if (off < 0 || (uint64_t)off > size || n > size - (uint64_t)off)
			die("%s: data past its end", name);
		send_piece(s, (uint64_t)off, data, n);
	}
	if (err != ARCHIVE_EOF)
		die("%s: %s", name, archive_why(blob_archive(r)));
	send_piece_end(s);
}

/* Packs the extended attributes in the form of stream.h. Returns their size. */
static uint32_t pack_xattrs(struct archive_entry *e, char *to)
{
	const char *name;
	const void *value;
	size_t size, used = 0;

	archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK) {
		size_t head = strlen(name) + 1;
		uint32_t n = (uint32_t)size;

		if ((strncmp(name, "user.", 5) != 0 && strncmp(name, "security.", 9) != 0) ||
			size > STREAM_XATTRS_MAX ||
			used + head + sizeof(n) + size > STREAM_XATTRS_MAX)
			continue;
		memcpy(to + used, name, head);
		memcpy(to + used + head, &n, sizeof(n));
		memcpy(to + used + head + sizeof(n), value, size);
		used += head + sizeof(n) + size;
	}
	return (uint32_t)used;
}

/* Sends an entry of the archive. */
static void send_one(
	struct blob_reader *r, struct archive_entry *e, const char *name, struct send *s)
{
	static char xattrs[STREAM_XATTRS_MAX];
	char *path = relative(name, archive_entry_pathname(e));
	const char *link = archive_entry_hardlink(e), *target = archive_entry_symlink(e);
	int64_t size = archive_entry_size(e);
	struct stream_head h = { .kind = link ? STREAM_LINK : STREAM_ENTRY,
		.mode = archive_entry_mode(e),
		.uid = (uint32_t)archive_entry_uid(e),
		.gid = (uint32_t)archive_entry_gid(e),
		.major = (uint32_t)archive_entry_rdevmajor(e),
		.minor = (uint32_t)archive_entry_rdevminor(e),
		.mtime = archive_entry_mtime(e),
		.size = S_ISREG(archive_entry_mode(e)) && !link ? (uint64_t)size : 0 };

	if (size < 0 || size > INT64_MAX / 2)
		die("%s: %s: an impossible size", name, path);
	if (!link && S_ISLNK(h.mode) && (!target || !*target))
		die("%s: %s: a symbolic link to nothing", name, path);
	h.xattrs = link ? 0 : pack_xattrs(e, xattrs);
	blob_expect(r, h.size);
	send_entry(s, &h, path,
		link            ? relative(name, link) :
		S_ISLNK(h.mode) ? target :
				  "",
		xattrs);
	if (!link && S_ISREG(h.mode))
		send_data(r, name, h.size, s);
}

void unpack_send(int fd, const char *name, struct send *s)
{
	struct stat st;
	struct blob b = { .name = name, .fd = fd };
	struct blob_reader *r;

	if (fstat(fd, &st))
		die("%s: cannot be read", name);
	b.size = (uint64_t)st.st_size;
	blob_bound(name, b.size, 0);
	r = blob_open(&b);
	for (struct archive_entry *e; (e = blob_next(r));)
		send_one(r, e, name, s);
	blob_close(r);
}
