/* SPDX-License-Identifier: MIT */
/*
 * blob.c: archives within files. libarchive reads them through callbacks of this file, so that one
 * pass unpacks and computes the digest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/image/blob.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/image/sha256.h"

#define PIECE (256 * 1024)

/* @archive: NULL for blob_text(). @done: bytes that were read. */
struct blob_reader {
	const struct blob *blob;
	struct archive *archive;
	struct sha256 sum;
	uint64_t done;
	char buffer[PIECE];
};

static uint64_t progress_done, progress_total;

void blob_progress(uint64_t total)
{
	progress_done = 0;
	progress_total = total;
}

/* ---- the limit of unpacked bytes ---- */

#define UNPACKED_LEAST (1ULL << 30)
#define UNPACKED_RATIO 32
#define UNPACKED_SIZES 4

static struct {
	const char *name;
	uint64_t most;
	/* bytes that closed readers have unpacked in this pass */
	uint64_t before;
} bound;

void blob_bound(const char *name, uint64_t packed, uint64_t size)
{
	bound.name = name;
	bound.most = UNPACKED_LEAST + UNPACKED_RATIO * packed;
	if (size && size > bound.most / UNPACKED_SIZES)
		bound.most = UNPACKED_SIZES * size;
	bound.before = 0;
}

void blob_again(void)
{
	bound.before = 0;
}

uint64_t blob_most(void)
{
	return bound.most ? bound.most : INT64_MAX;
}

/* Returns the bytes that the reader has unpacked. */
static uint64_t unpacked(const struct blob_reader *r)
{
	la_int64_t n = r->archive ? archive_filter_bytes(r->archive, 0) : 0;

	return n > 0 ? (uint64_t)n : 0;
}

void blob_expect(const struct blob_reader *r, uint64_t bytes)
{
	uint64_t now = bound.before + unpacked(r);

	if (!bound.most || (now <= bound.most && bytes <= bound.most - now))
		return;
	die("%s: it unpacks to more than %llu MiB, far more than its size lets expect; if that is "
	    "right, --size SIZE allows four times that",
		bound.name, (unsigned long long)bound.most >> 20);
}

/* Reads the next piece. Returns its size, 0 at the end. */
static size_t next_piece_of(struct blob_reader *r)
{
	const struct blob *b = r->blob;
	uint64_t left = b->size - r->done;
	ssize_t n;

	if (!left)
		return 0;
	blob_expect(r, 0);
	do
		n = pread(b->fd, r->buffer, left < PIECE ? left : PIECE, (off_t)(b->off + r->done));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		die("%s: %s", b->name, strerror(errno));
	if (!n)
		die("%s: it became shorter while it was read", b->name);
	r->done += (uint64_t)n;
	if (b->sha256)
		sha256_add(&r->sum, r->buffer, (size_t)n);
	progress_done += (uint64_t)n;
	if (progress_total && progress_done <= progress_total)
		progress("import", bound.name, progress_done, progress_total);
	return (size_t)n;
}

const char *archive_why(struct archive *a)
{
	return archive_error_string(a) ?: "it is damaged";
}

/* The callback of libarchive. */
static la_ssize_t on_read(struct archive *a, void *arg, const void **data)
{
	struct blob_reader *r = arg;

	(void)a;
	*data = r->buffer;
	return (la_ssize_t)next_piece_of(r);
}

static struct blob_reader *reader_new(const struct blob *b)
{
	struct blob_reader *r = xalloc(sizeof(*r));

	r->blob = b;
	sha256_begin(&r->sum);
	return r;
}

struct blob_reader *blob_open(const struct blob *b)
{
	struct blob_reader *r = reader_new(b);
	struct archive *a = r->archive = archive_read_new();

	if (!a || archive_read_support_format_tar(a))
		die("out of memory");
	/* only these filters, since some of libarchive's start programs */
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	if (archive_read_open(a, r, NULL, on_read, NULL))
		die("%s: %s", b->name, archive_why(a));
	return r;
}

struct archive *blob_archive(struct blob_reader *r)
{
	return r->archive;
}

struct archive_entry *blob_next(struct blob_reader *r)
{
	struct archive_entry *e;
	int n = archive_read_next_header(r->archive, &e);

	if (n == ARCHIVE_OK || n == ARCHIVE_WARN) {
		blob_expect(r, archive_entry_size(e) > 0 ? (uint64_t)archive_entry_size(e) : 0);
		return e;
	}
	if (n != ARCHIVE_EOF)
		die("%s: %s", r->blob->name, archive_why(r->archive));
	return NULL;
}

/* Reads to the end and dies if the digest is wrong. */
static void check_sum(struct blob_reader *r)
{
	char text[65];

	while (next_piece_of(r))
		;
	if (!r->blob->sha256)
		return;
	sha256_end(&r->sum, text);
	if (strcmp(text, r->blob->sha256))
		die("%s: damaged: its digest is sha256:%.12s..., not sha256:%.12s...",
			r->blob->name, text, r->blob->sha256);
}

void blob_close(struct blob_reader *r)
{
	check_sum(r);
	bound.before += unpacked(r);
	archive_read_free(r->archive);
	free(r);
}

char *blob_text(const struct blob *b, size_t max)
{
	struct blob_reader *r = reader_new(b);
	size_t n, done = 0;
	char *text;

	if (b->size > max)
		die("%s: %llu bytes are too many for a file of its kind", b->name,
			(unsigned long long)b->size);
	text = xalloc((size_t)b->size + 1);
	while ((n = next_piece_of(r))) {
		memcpy(text + done, r->buffer, n);
		done += n;
	}
	check_sum(r);
	free(r);
	return text;
}

bool blob_is_plain(const struct blob *b)
{
	static const char *const magics[] = { "\x1f\x8b", "BZh",
		"\xfd"
		"7zXZ",
		"\x28\xb5\x2f\xfd" };
	char head[8] = "";

	if (b->size < sizeof(head) ||
		pread(b->fd, head, sizeof(head), (off_t)b->off) != sizeof(head))
		return true;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (!memcmp(head, magics[i], strlen(magics[i])))
			return false;
	return true;
}
