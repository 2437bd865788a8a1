/* SPDX-License-Identifier: MIT */
/*
 * cow4_pack_host.c: the packed clusters of a COW file of version 4. They never change: a write goes
 * to the data area, sector by sector, and the tables take precedence over the index. So they are
 * like a further layer below, in the same file.
 *
 * A cluster is decoded as a whole, into at most 64 KiB whatever its index entry contains, and its
 * checksum is verified each time. The last decoded clusters are cached. Lock: lock protects the
 * cache.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "drivers/ubd/cow4_host.h"

#define KEPT 32
#define INDEX_MAX (1UL << 32) /* bytes */
#define INDEX_PIECE 32768UL   /* entries */

struct cow4_pack {
	int fd;
	uint64_t size; /* of the disk */
	uint64_t count;
	struct cow4_packed *index; /* immutable */

	pthread_mutex_t lock;
	struct {
		uint64_t cluster;
		uint8_t *data; /* NULL: free */
	} kept[KEPT];
	unsigned int next; /* the next one to replace */
};

/* ---- opening ---- */

static const char *entry_fault(const struct cow4_header *h, const struct cow4_packed *e)
{
	if (e->cluster >= (h->size + COW4_CLUSTER - 1) / COW4_CLUSTER)
		return "a packed cluster beyond the end";
	if (e->type > COW4_ZLIB)
		return "a packed cluster of an unknown kind";
	if (e->len > COW4_CLUSTER || (e->type != COW4_ZERO && !e->len))
		return "a packed cluster of a length that cannot be";
	if (e->type != COW4_ZERO &&
		(e->off < COW4_FIRST || e->off > h->table_off || e->len > h->table_off - e->off))
		return "a packed cluster out of place";
	return NULL;
}

static uint32_t crc_of(const void *p, uint64_t n)
{
	return (uint32_t)crc32_z(0, p, n);
}

/* Checks entries [from, to) of the index. Returns a fault, or NULL. */
static const char *index_fault(
	const struct cow4_header *h, const struct cow4_packed *index, uint64_t from, uint64_t to)
{
	uint64_t i;

	for (i = from; i < to; i++) {
		const char *fault = entry_fault(h, &index[i]);

		if (fault)
			return fault;
		if (i && index[i].cluster <= index[i - 1].cluster)
			return "packed clusters out of order";
	}
	return NULL;
}

/*
 * Reads the index in pieces that are checked before the next one is read: so a forged header of a
 * sparse file costs no memory.
 */
static int read_index(int fd, const struct cow4_header *h, struct cow4_pack *pk, const char **fault)
{
	uint64_t bytes = h->index_count * sizeof(struct cow4_packed), i, n;
	int err = 0;

	if (bytes > INDEX_MAX)
		return -EFBIG;
	pk->index = malloc(bytes);
	if (!pk->index)
		return -ENOMEM;
	for (i = 0; !err && !*fault && i < h->index_count; i += n) {
		n = h->index_count - i < INDEX_PIECE ? h->index_count - i : INDEX_PIECE;
		err = layer_pread(fd, pk->index + i, n * sizeof(pk->index[0]),
			h->index_off + i * sizeof(pk->index[0]));
		if (!err)
			*fault = index_fault(h, pk->index, i, i + n);
	}
	if (!err && !*fault && crc_of(pk->index, bytes) != h->index_crc)
		*fault = "the index of packed clusters is damaged";
	return err;
}

int cow4_pack_open(
	int fd, const struct cow4_header *h, struct cow4_pack **out, char *why, size_t size)
{
	struct cow4_pack *pk;
	const char *fault = NULL;
	int err;

	*out = NULL;
	if (!h->index_count)
		return 0;
	pk = calloc(1, sizeof(*pk));
	if (!pk)
		return -ENOMEM;
	pk->fd = fd;
	pk->size = h->size;
	pk->count = h->index_count;
	pthread_mutex_init(&pk->lock, NULL);
	err = read_index(fd, h, pk, &fault);
	if (fault) {
		snprintf(why, size, "%s", fault);
		err = -EINVAL;
	}
	if (err)
		cow4_pack_close(pk);
	else
		*out = pk;
	return err;
}

void cow4_pack_close(struct cow4_pack *pk)
{
	int i;

	if (!pk)
		return;
	for (i = 0; i < KEPT; i++)
		free(pk->kept[i].data);
	free(pk->index);
	free(pk);
}

/* ---- finding ---- */

/* Returns the first entry whose cluster is @cluster or more, or pk->count. */
static uint64_t lower_bound(const struct cow4_pack *pk, uint64_t cluster)
{
	uint64_t lo = 0, hi = pk->count;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (pk->index[mid].cluster < cluster)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void cow4_pack_where(const struct cow4_pack *pk, uint64_t off, uint64_t len, struct image_piece *p)
{
	uint64_t cluster = off / COW4_CLUSTER, i = lower_bound(pk, cluster), until;
	const struct cow4_packed *e = i < pk->count ? &pk->index[i] : NULL;

	if (!e || e->cluster != cluster) {
		p->fd = LAYER_BELOW;
		until = e ? e->cluster * COW4_CLUSTER : off + len;
	} else {
		p->fd = e->type == COW4_ZERO ? IMAGE_ZEROS : IMAGE_DECODED;
		until = (cluster + 1) * COW4_CLUSTER;
	}
	p->off = off;
	p->len = until - off < len ? until - off : len;
}

/* ---- decoding ---- */

/* Inflates exactly @want bytes into @out. */
static int inflate_all(const uint8_t *in, uint32_t len, uint8_t *out, uint32_t want)
{
	uLongf got = want;

	return uncompress(out, &got, in, len) == Z_OK && got == want ? 0 : -EIO;
}

static int decode(struct cow4_pack *pk, const struct cow4_packed *e, uint8_t *out)
{
	uint64_t left = pk->size - e->cluster * COW4_CLUSTER;
	uint32_t want = (uint32_t)(left < COW4_CLUSTER ? left : COW4_CLUSTER);
	uint8_t *in;
	int err;

	if (e->type == COW4_PLAIN && e->len != want)
		return -EIO;
	in = e->type == COW4_ZLIB ? malloc(e->len) : out;
	if (!in)
		return -ENOMEM;
	err = layer_pread(pk->fd, in, e->len, e->off);
	if (!err && in != out)
		err = inflate_all(in, e->len, out, want);
	if (in != out)
		free(in);
	if (!err && crc_of(out, want) != e->crc)
		err = -EIO;
	return err;
}

static void scatter(const uint8_t *from, const struct iovec *iov, int nr)
{
	for (; nr--; from += iov->iov_len, iov++)
		memcpy(iov->iov_base, from, iov->iov_len);
}

/* Reads from a cached cluster. Returns false if the cluster is not cached. */
static bool read_kept(struct cow4_pack *pk, uint64_t off, const struct iovec *iov, int nr)
{
	uint64_t cluster = off / COW4_CLUSTER;
	bool found = false;
	int i;

	pthread_mutex_lock(&pk->lock);
	for (i = 0; i < KEPT && !found; i++) {
		found = pk->kept[i].data && pk->kept[i].cluster == cluster;
		if (found)
			scatter(pk->kept[i].data + off % COW4_CLUSTER, iov, nr);
	}
	pthread_mutex_unlock(&pk->lock);
	return found;
}

static void keep(struct cow4_pack *pk, uint64_t cluster, uint8_t *data)
{
	uint8_t *old;

	pthread_mutex_lock(&pk->lock);
	old = pk->kept[pk->next].data;
	pk->kept[pk->next].cluster = cluster;
	pk->kept[pk->next].data = data;
	pk->next = (pk->next + 1) % KEPT;
	pthread_mutex_unlock(&pk->lock);
	free(old);
}

int cow4_pack_read(struct cow4_pack *pk, uint64_t off, const struct iovec *iov, int nr, bool nowait)
{
	uint64_t cluster = off / COW4_CLUSTER;
	uint8_t *data;
	int err;

	if (read_kept(pk, off, iov, nr))
		return 0;
	if (nowait)
		return -EAGAIN;
	data = malloc(COW4_CLUSTER);
	if (!data)
		return -ENOMEM;
	err = decode(pk, &pk->index[lower_bound(pk, cluster)], data);
	if (err) {
		free(data);
		return err;
	}
	scatter(data + off % COW4_CLUSTER, iov, nr);
	keep(pk, cluster, data);
	return 0;
}

/* ---- checking the whole file ---- */

int cow4_pack_check(struct cow4_pack *pk, void (*say)(void *arg, const char *what), void *arg)
{
	uint8_t *data = malloc(COW4_CLUSTER);
	char line[100];
	uint64_t i;
	int bad = 0;

	for (i = 0; data && i < pk->count; i++) {
		if (pk->index[i].type == COW4_ZERO || !decode(pk, &pk->index[i], data))
			continue;
		snprintf(line, sizeof(line), "packed cluster %llu is damaged",
			(unsigned long long)pk->index[i].cluster);
		say(arg, line);
		bad++;
	}
	free(data);
	return data ? bad : -ENOMEM;
}

void cow4_pack_usage(const struct cow4_pack *pk, uint64_t *clusters, uint64_t *bytes)
{
	uint64_t i;

	*clusters = pk->count;
	*bytes = 0;
	for (i = 0; i < pk->count; i++)
		*bytes += pk->index[i].len;
}
