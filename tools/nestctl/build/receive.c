/* SPDX-License-Identifier: MIT */
/* receive.c: see receive.h. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/build/receive.h"
#include "tools/nestctl/core/nestctl.h"

static bool take(struct receive *r, void *to, size_t size)
{
	char *p = to;

	while (size && !r->broken) {
		ssize_t n = read(r->fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		r->broken = n <= 0;
		p += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return !r->broken;
}

/* True for a path below the root that has no "..". */
static bool is_below(const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");

		if (!n || (n == 2 && !strncmp(path, "..", 2)))
			return false;
		path += n + (path[n] == '/');
	}
	return true;
}

bool receive_entry(struct receive *r)
{
	struct stream_head *h = &r->head;

	if (!take(r, h, sizeof(*h)))
		return false;
	if (h->magic != STREAM_MAGIC || h->kind > STREAM_LINK || h->path >= STREAM_PATH_MAX ||
		h->target >= STREAM_PATH_MAX || h->xattrs > STREAM_XATTRS_MAX ||
		h->size > INT64_MAX / 2)
		die("the instance sends something that is no stream of files");
	if (!take(r, r->path, h->path) || !take(r, r->target, h->target) ||
		!take(r, r->xattrs, h->xattrs))
		return false;
	r->path[h->path] = '\0';
	r->target[h->target] = '\0';
	if (h->kind == STREAM_END)
		return false;
	if (strlen(r->path) != h->path || strlen(r->target) != h->target || !is_below(r->path) ||
		(h->kind == STREAM_LINK && !is_below(r->target)))
		die("the instance sends a path that leads out of its root");
	return true;
}

bool receive_piece(struct receive *r)
{
	if (!take(r, &r->piece, sizeof(r->piece)))
		return false;
	if (r->piece.size > STREAM_PIECE_MAX || r->piece.offset > r->head.size ||
		r->piece.size > r->head.size - r->piece.offset)
		die("the instance sends data past the end of %s", r->path);
	return take(r, r->data, r->piece.size) && r->piece.size;
}
