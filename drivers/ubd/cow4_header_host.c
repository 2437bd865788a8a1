/* SPDX-License-Identifier: MIT */
/*
 * cow4_header_host.c: the header of COW files of version 4 (cow4_host.h). The file has two copies;
 * a write overwrites the older one, so one of them is intact at any time. The file is not trusted:
 * every offset is checked against the value that follows from the size.
 */
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <zlib.h>

#include "drivers/ubd/cow4_host.h"
#include "drivers/ubd/media_host.h"
#include "os-linux/calls.h"

static uint64_t align_up(uint64_t v, uint64_t a)
{
	return (v + a - 1) & ~(a - 1);
}

static uint32_t header_crc(const struct cow4_header *h)
{
	static const uint8_t none[4];
	const uint8_t *p = (const uint8_t *)h;
	size_t at = offsetof(struct cow4_header, crc);
	uLong crc = crc32(0, p, (uInt)at);

	crc = crc32(crc, none, sizeof(none));
	return (uint32_t)crc32(crc, p + at + 4, (uInt)(sizeof(*h) - at - 4));
}

static bool header_whole(const struct cow4_header *h)
{
	return be32toh(h->magic) == COW4_MAGIC && be32toh(h->version) == COW4_VERSION &&
	       h->header_size == COW4_HEADER && h->crc == header_crc(h);
}

uint64_t cow4_tables(uint64_t size)
{
	return (size + COW4_TABLE_SPAN - 1) / COW4_TABLE_SPAN;
}

void cow4_lay_out(struct cow4_header *h, uint64_t packed_end)
{
	h->table_off = align_up(packed_end, COW4_TABLE);
	h->data_off = align_up(h->table_off + cow4_tables(h->size) * 2 * COW4_TABLE, COW4_CLUSTER);
}

/* Checks all numbers of a header with a valid checksum. */
static const char *header_fault(const struct cow4_header *h)
{
	uint64_t clusters = (h->size + COW4_CLUSTER - 1) / COW4_CLUSTER;
	struct cow4_header want = { .size = h->size };

	if (h->cluster != COW4_CLUSTER)
		return "clusters of another size than 64 KiB";
	if (h->flags & ~(uint32_t)COW4_F_KNOWN)
		return "made by a newer version (unknown flags)";
	if (!h->size || h->size % LAYER_SECTOR || h->size > COW4_SIZE_MAX)
		return "a size that cannot be";
	if (!memchr(h->backing, 0, sizeof(h->backing)))
		return "a name of a backing file without end";
	if (h->table_off < COW4_FIRST || h->table_off > COW4_SIZE_MAX || h->table_off % COW4_TABLE)
		return "tables out of place";
	cow4_lay_out(&want, h->table_off);
	if (h->data_off != want.data_off)
		return "data out of place";
	if (h->index_count > clusters)
		return "more packed clusters than the disk has";
	if (h->index_count && (h->index_off < COW4_FIRST || h->index_off > h->table_off ||
				      h->index_count > (h->table_off - h->index_off) /
							       sizeof(struct cow4_packed)))
		return "an index out of place";
	return NULL;
}

int cow4_read_header(int fd, struct cow4_header *h, int *slot, char *why, size_t size)
{
	struct cow4_header two[2];
	const char *fault;
	int err = layer_pread(fd, two, sizeof(two), 0);
	bool whole[2];

	if (err) {
		snprintf(why, size, "%s", strerror(-err));
		return err;
	}
	whole[0] = header_whole(&two[0]);
	whole[1] = header_whole(&two[1]);
	if (!whole[0] && !whole[1]) {
		snprintf(why, size, "both headers are damaged");
		return -EINVAL;
	}
	*slot = whole[1] && (!whole[0] || two[1].seq > two[0].seq);
	*h = two[*slot];
	fault = header_fault(h);
	if (!fault)
		return 0;
	snprintf(why, size, "COW header, version 4: %s", fault);
	return -EINVAL;
}

int cow4_write_header(int fd, struct cow4_header *h, int *slot)
{
	int err;

	h->seq++;
	h->crc = header_crc(h);
	err = layer_pwrite(fd, h, sizeof(*h), (uint64_t) !*slot * COW4_HEADER);
	if (!err)
		*slot = !*slot;
	return err;
}

int cow4_set_backing(struct cow4_header *h, const char *backing, int backing_fd, bool raw)
{
	char real[PATH_MAX];
	struct stat st;

	memset(h->backing, 0, sizeof(h->backing));
	h->backing_size = 0;
	h->backing_sec = 0;
	h->backing_nsec = 0;
	h->flags &= ~(uint32_t)COW4_F_BACKING_RAW;
	if (!backing)
		return 0;
	if (!realpath(backing, real) || host_fstat(backing_fd, &st) < 0)
		return -errno;
	if (strlen(real) >= sizeof(h->backing))
		return -ENAMETOOLONG;
	strcpy(h->backing, real);
	h->backing_size = (uint64_t)st.st_size;
	h->backing_sec = st.st_mtim.tv_sec;
	h->backing_nsec = (uint32_t)st.st_mtim.tv_nsec;
	if (raw)
		h->flags |= COW4_F_BACKING_RAW;
	return 0;
}

int cow4_init_header(struct cow4_header *h, const struct cow4_new *n, char *why, size_t size)
{
	int err;

	memset(h, 0, sizeof(*h));
	if (!n->size || n->size % LAYER_SECTOR || n->size > COW4_SIZE_MAX) {
		snprintf(why, size, "a disk has whole sectors of 512 bytes and at most 256 TiB");
		return -EINVAL;
	}
	h->magic = htobe32(COW4_MAGIC);
	h->version = htobe32(COW4_VERSION);
	h->header_size = COW4_HEADER;
	h->size = n->size;
	h->cluster = COW4_CLUSTER;
	err = cow4_set_backing(h, n->backing, n->backing_fd, n->backing_raw);
	if (!err && getrandom(&h->id, sizeof(h->id), 0) != sizeof(h->id))
		err = -EIO;
	if (err)
		snprintf(why, size, "%s", strerror(-err));
	cow4_lay_out(h, COW4_FIRST);
	return err;
}

int cow4_check_backing(const struct cow4_header *h, int backing_fd, char *why, size_t size)
{
	struct stat st;

	if (host_fstat(backing_fd, &st) < 0) {
		snprintf(why, size, "%s", strerror(errno));
		return -EINVAL;
	}
	if ((uint64_t)st.st_size != h->backing_size) {
		snprintf(why, size,
			"made for a backing file of %llu bytes, this one has %llu: it is another "
			"file",
			(unsigned long long)h->backing_size, (unsigned long long)st.st_size);
		return -EINVAL;
	}
	if (st.st_mtim.tv_sec != h->backing_sec ||
		(uint32_t)st.st_mtim.tv_nsec != h->backing_nsec) {
		snprintf(why, size,
			"its backing file has changed since (at %lld, then %lld), and the layer "
			"would show other data over it",
			(long long)st.st_mtim.tv_sec, (long long)h->backing_sec);
		return -EINVAL;
	}
	return 0;
}
