/* SPDX-License-Identifier: MIT */
/*
 * layer_tar.c: see layer_tar.h. The agent of builds sends the files from an instance over the
 * layer, and libarchive makes a tar of them.
 */
#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/build/layer_tar.h"
#include "tools/nestctl/build/receive.h"
#include "tools/nestctl/build/step.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/cow/cow.h"
#include "tools/nestctl/image/blob.h"
#include "tools/nestctl/core/word_list.h"

/* A tar that is written. */
struct tar {
	struct archive *archive;
	const char *out; /* for messages */
	int fd;
	struct tar_sum *sum;
	uint64_t left; /* bytes that files may still have */
};

void __attribute__((noreturn)) tar_not_written(const char *out, struct archive *a)
{
	int err = archive_errno(a);

	die("%s: %s", out, err > 0 ? strerror(err) : archive_why(a));
}

static la_ssize_t on_write(struct archive *a, void *arg, const void *data, size_t size)
{
	struct tar *t = arg;

	write_all(t->fd, data, size, t->out);
	sha256_add(&t->sum->sha256, data, size);
	t->sum->size += size;
	return (la_ssize_t)size;
}

static void add_xattrs(struct archive_entry *e, const struct receive *r)
{
	const char *at = r->xattrs, *end = at + r->head.xattrs;

	while (at < end) {
		const char *nul = memchr(at, '\0', (size_t)(end - at));
		uint32_t n;

		if (!nul || (size_t)(end - nul - 1) < sizeof(n))
			return;
		memcpy(&n, nul + 1, sizeof(n));
		if (n > (size_t)(end - nul - 1) - sizeof(n))
			return;
		archive_entry_xattr_add_entry(e, at, nul + 1 + sizeof(n), n);
		at = nul + 1 + sizeof(n) + n;
	}
}

static void write_zeros(struct tar *t, uint64_t size)
{
	static const char zeros[65536];

	while (size) {
		size_t n = size < sizeof(zeros) ? (size_t)size : sizeof(zeros);

		if (archive_write_data(t->archive, zeros, n) != (la_ssize_t)n)
			tar_not_written(t->out, t->archive);
		size -= n;
	}
}

/* Writes the data of the present entry, whose pieces it receives. */
static void write_data(struct tar *t, struct receive *r)
{
	uint64_t done = 0;

	while (receive_piece(r)) {
		if (r->piece.offset < done)
			die("the instance sends data of %s twice", r->path);
		write_zeros(t, r->piece.offset - done);
		if (archive_write_data(t->archive, r->data, r->piece.size) !=
			(la_ssize_t)r->piece.size)
			tar_not_written(t->out, t->archive);
		done = r->piece.offset + r->piece.size;
	}
	write_zeros(t, r->head.size - done);
}

static void write_entry(struct tar *t, struct receive *r, struct archive_entry *e)
{
	const struct stream_head *h = &r->head;

	archive_entry_clear(e);
	archive_entry_set_pathname(e, r->path);
	archive_entry_set_mode(e, h->mode);
	archive_entry_set_uid(e, h->uid);
	archive_entry_set_gid(e, h->gid);
	archive_entry_set_mtime(e, h->mtime, h->mtime_nsec);
	archive_entry_set_rdevmajor(e, h->major);
	archive_entry_set_rdevminor(e, h->minor);
	if (h->kind == STREAM_LINK)
		archive_entry_set_hardlink(e, r->target);
	else if (S_ISLNK(h->mode))
		archive_entry_set_symlink(e, r->target);
	else if (S_ISREG(h->mode))
		archive_entry_set_size(e, (la_int64_t)h->size);
	if (h->kind == STREAM_ENTRY)
		add_xattrs(e, r);
	if (archive_write_header(t->archive, e) < ARCHIVE_WARN)
		tar_not_written(t->out, t->archive);
	if (h->kind != STREAM_ENTRY || !S_ISREG(h->mode))
		return;
	if (h->size > t->left)
		die("%s: with its holes filled, the files are larger than the image", r->path);
	t->left -= h->size;
	write_data(t, r);
}

struct tar_sum layer_tar(
	const struct layer *l, int fd, const char *out, int (*filter)(struct archive *))
{
	struct tar_sum sum = { .size = 0 };
	struct step st = { .on = l };
	struct tar t = { .archive = archive_write_new(), .out = out, .fd = fd, .sum = &sum };
	struct archive_entry *e = archive_entry_new();
	struct receive *r = xalloc(sizeof(*r));
	struct image *im = image_must_open(l->file, NULL, IMAGE_RDONLY);
	const char *why;
	int status;

	t.left = image_size(im);
	image_close(im);
	sha256_begin(&sum.sha256);
	if (!t.archive || !e || archive_write_set_format_pax_restricted(t.archive) ||
		archive_write_set_bytes_in_last_block(t.archive, 1) ||
		(filter && filter(t.archive) < ARCHIVE_WARN) ||
		archive_write_open(t.archive, &t, NULL, on_write, NULL))
		die("out of memory");
	st.words = words_add(NULL, format("get"));
	step_start(&st);
	close(st.in);
	st.in = -1;
	r->fd = st.out;
	while (receive_entry(r))
		if (*r->path && !S_ISSOCK(r->head.mode))
			write_entry(&t, r, e);
	status = step_end(&st, &why);
	if (status || r->broken)
		die("%s: not written: %s", out,
			*why ? why : format("the instance ended with status %d", status));
	if (archive_write_close(t.archive))
		tar_not_written(out, t.archive);
	archive_entry_free(e);
	archive_write_free(t.archive);
	free(r);
	return sum;
}
