/* SPDX-License-Identifier: MIT */
/* send.c: see send.h. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/build/send.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/progress.h"

/* Writes to the stream, if there is one. */
static void out(struct send *s, const void *data, size_t size)
{
	const char *p = data;

	while (size && s->fd >= 0 && !s->gone) {
		ssize_t n = write(s->fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EPIPE)
			die("the files for an instance: %s", strerror(errno));
		/* the agent has ended, and reports the reason: stop sending */
		s->gone = n <= 0;
		p += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
}

static void show(const struct send *s)
{
	if (s->shown)
		progress_count(s->shown, s->files, s->bytes);
}

void send_begin(struct send *s, int fd, bool owners)
{
	*s = (struct send){ .fd = fd, .owners = owners };
	sha256_begin(&s->sum);
}

void send_entry(struct send *s, struct stream_head *h, const char *path, const char *target,
	const char *xattrs)
{
	const uint32_t owner[2] = { h->uid, h->gid };

	h->magic = STREAM_MAGIC;
	h->path = (uint32_t)strlen(path);
	h->target = (uint32_t)strlen(target);
	if (h->path >= STREAM_PATH_MAX || h->target >= STREAM_PATH_MAX)
		die("%.100s...: a path of more than %d bytes", path, STREAM_PATH_MAX);
	h->xattrs = xattrs ? h->xattrs : 0;
	sha256_add(&s->sum, &h->kind, sizeof(h->kind));
	sha256_add(&s->sum, &h->mode, sizeof(h->mode));
	sha256_add(&s->sum, &h->size, sizeof(h->size));
	sha256_add(&s->sum, &h->flags, sizeof(h->flags));
	if (s->owners)
		sha256_add(&s->sum, owner, sizeof(owner));
	sha256_add(&s->sum, path, h->path + 1);
	sha256_add(&s->sum, target, h->target + 1);
	sha256_add(&s->sum, xattrs ? xattrs : "", h->xattrs);
	out(s, h, sizeof(*h));
	out(s, path, h->path);
	out(s, target, h->target);
	out(s, xattrs, h->xattrs);
	s->files++;
	show(s);
}

void send_piece(struct send *s, uint64_t offset, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		struct stream_piece piece = { .offset = offset,
			.size = size > STREAM_PIECE_MAX ? STREAM_PIECE_MAX : (uint32_t)size };

		sha256_add(&s->sum, &piece.offset, sizeof(piece.offset));
		sha256_add(&s->sum, p, piece.size);
		out(s, &piece, sizeof(piece));
		out(s, p, piece.size);
		s->bytes += piece.size;
		show(s);
		offset += piece.size;
		p += piece.size;
		size -= piece.size;
	}
}

void send_piece_end(struct send *s)
{
	const struct stream_piece end = { 0 };

	out(s, &end, sizeof(end));
}

void send_text(struct send *s, const char *name, unsigned int mode, const char *text, size_t size)
{
	struct stream_head h = {
		.kind = STREAM_ENTRY, .flags = STREAM_SINGLE, .mode = S_IFREG | mode, .size = size
	};

	send_entry(s, &h, name, "", NULL);
	send_piece(s, 0, text, size);
	send_piece_end(s);
}

void send_end(struct send *s, char digest[65])
{
	struct stream_head h = { .magic = STREAM_MAGIC, .kind = STREAM_END };

	out(s, &h, sizeof(h));
	sha256_end(&s->sum, digest);
}
