/* SPDX-License-Identifier: MIT */
/*
 * copy.c: see copy.h. One save at a time uses it.
 *
 * The memory is anonymous. The part that will certainly be needed is faulted in before the stop,
 * since a first touch costs as much as the copy.
 */
#include "os-linux/state/copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os-linux/internal.h"
#include "os-linux/why.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

struct piece {
	uint64_t at; /* offset in the file */
	size_t from, len;
};
static struct {
	char *buf;
	size_t size, used;
	struct piece *pieces;
	size_t nr, room;
} kept;

/* Returns the largest amount of memory to allocate without the risk of an OOM kill by the host. */
static uint64_t most_to_take(void)
{
	uint64_t room = os_cgroup_memory_room();
	struct os_mem_info info;

	if (os_mem_info(&info))
		return 0;
	return (room < info.host_free ? room : info.host_free) / 2;
}

void copy_prepare(uint64_t bytes, uint64_t at_once)
{
	uint64_t most = most_to_take();
	void *p;

	/* the memory of an earlier attempt suffices */
	if (kept.size >= bytes) {
		copy_again();
		return;
	}
	copy_drop();
	bytes = bytes < most ? bytes : most;
	if (!bytes)
		return;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);
	if (p == MAP_FAILED)
		return;
	madvise(p, bytes, MADV_DONTDUMP);
	madvise(p, bytes, MADV_HUGEPAGE);
	madvise(p, at_once < bytes ? at_once : bytes, MADV_POPULATE_WRITE);
	kept.buf = p;
	kept.size = bytes;
}

int copy_write(int fd, const void *data, size_t n, uint64_t at)
{
	const char *from = data;

	while (n) {
		ssize_t done = host_pwrite(fd, from, n, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -ENOSPC;
		from += done;
		n -= (size_t)done;
		at += (uint64_t)done;
	}
	return 0;
}

/* Returns the piece that data for offset @at belongs to, or NULL without memory. */
static struct piece *piece_for(uint64_t at)
{
	struct piece *last = kept.nr ? &kept.pieces[kept.nr - 1] : NULL;

	if (last && last->at + last->len == at)
		return last;
	if (kept.nr == kept.room) {
		size_t room = kept.room ? 2 * kept.room : 4096;
		struct piece *more = realloc(kept.pieces, room * sizeof(*more));

		if (!more)
			return NULL;
		kept.pieces = more;
		kept.room = room;
	}
	last = &kept.pieces[kept.nr++];
	*last = (struct piece){ .at = at, .from = kept.used };
	return last;
}

int copy_put(int fd, const void *from, size_t n, uint64_t at)
{
	struct piece *p = n <= kept.size - kept.used ? piece_for(at) : NULL;

	if (!p)
		return copy_write(fd, from, n, at);
	memcpy(kept.buf + kept.used, from, n);
	kept.used += n;
	p->len += n;
	return 0;
}

int copy_rehearse(const void *from, size_t n)
{
	if (n > kept.size - kept.used)
		return -ENOSPC;
	memcpy(kept.buf + kept.used, from, n);
	kept.used += n;
	return 0;
}

void copy_again(void)
{
	kept.used = kept.nr = 0;
}

int copy_flush(int fd)
{
	int err = 0;

	for (size_t i = 0; i < kept.nr && !err; i++) {
		const struct piece *p = &kept.pieces[i];

		err = copy_write(fd, kept.buf + p->from, p->len, p->at);
	}
	copy_drop();
	return err;
}

void copy_drop(void)
{
	if (kept.buf)
		munmap(kept.buf, kept.size);
	free(kept.pieces);
	memset(&kept, 0, sizeof(kept));
}
