/* SPDX-License-Identifier: MIT */
/* stream.c: the agent's end of the stream of files (tools/nestctl/build/stream.h). */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/build/agent/agent.h"

/* Reads all bytes, or fails. */
static void read_all(int fd, void *to, size_t size)
{
	char *p = to;

	while (size) {
		ssize_t n = read(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail("the stream");
		if (!n)
			fail_text("the stream of files breaks off");
		p += n;
		size -= (size_t)n;
	}
}

/* Writes all bytes, or fails. */
static void write_out(int fd, const void *from, size_t size)
{
	const char *p = from;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			fail("the stream");
		p += n;
		size -= (size_t)n;
	}
}

bool stream_read(int fd, struct stream_head *h, char *path, char *target, char *xattrs)
{
	read_all(fd, h, sizeof(*h));
	if (h->magic != STREAM_MAGIC || h->kind > STREAM_LINK || h->path >= STREAM_PATH_MAX ||
		h->target >= STREAM_PATH_MAX || h->xattrs > STREAM_XATTRS_MAX)
		fail_text("the stream of files is damaged");
	read_all(fd, path, h->path);
	path[h->path] = '\0';
	read_all(fd, target, h->target);
	target[h->target] = '\0';
	read_all(fd, xattrs, h->xattrs);
	return h->kind != STREAM_END;
}

bool stream_read_piece(int fd, struct stream_piece *p, char *data)
{
	read_all(fd, p, sizeof(*p));
	if (p->size > STREAM_PIECE_MAX)
		fail_text("the stream of files is damaged");
	read_all(fd, data, p->size);
	return p->size;
}

void stream_write(
	int fd, struct stream_head *h, const char *path, const char *target, const char *xattrs)
{
	h->magic = STREAM_MAGIC;
	h->path = (uint32_t)strlen(path);
	h->target = (uint32_t)strlen(target);
	write_out(fd, h, sizeof(*h));
	write_out(fd, path, h->path);
	write_out(fd, target, h->target);
	write_out(fd, xattrs, h->xattrs);
}

void stream_write_piece(int fd, uint64_t offset, const void *data, uint32_t size)
{
	const struct stream_piece p = { .offset = offset, .size = size };

	write_out(fd, &p, sizeof(p));
	write_out(fd, data, size);
}

void stream_finish(int fd)
{
	struct stream_head h = { .kind = STREAM_END };

	stream_write(fd, &h, "", "", "");
}
