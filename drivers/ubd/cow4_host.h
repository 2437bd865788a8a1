/* SPDX-License-Identifier: MIT */
/*
 * cow4_host.h: version 4 of the COW file, Nestling's own: the format on the disk, and the
 * declarations shared by the files cow4*_host.c. docs/cow.md describes the format to the byte and
 * explains why it survives a power cut.
 *
 *      0         header
 *      8192      header
 *      16384     packed clusters, index
 *      table_off tables, two slots each
 *      data_off  data, at its offset on the disk, sparse
 *
 * Numbers are little-endian, except magic and version, which are those of versions 1 to 3.
 */
#ifndef NESTLING_UBD_COW4_HOST_H
#define NESTLING_UBD_COW4_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/ubd/layer_host.h"

#define COW4_MAGIC 0x4f4f4f4d /* big-endian: "OOOM" */
#define COW4_VERSION 4
#define COW4_HEADER 8192UL
#define COW4_PATH 4096
#define COW4_CLUSTER 65536UL
#define COW4_FIRST (2 * COW4_HEADER) /* end of the headers */
#define COW4_SIZE_MAX (1UL << 48)

/* the file is open for writing, or was not closed properly */
#define COW4_F_DIRTY 1
/* the backing file is raw, whatever its content */
#define COW4_F_BACKING_RAW 2
/* the file has the length of all of its data */
#define COW4_F_FULL 4
#define COW4_F_KNOWN 7

struct cow4_header {
	uint32_t magic, version; /* big-endian */
	uint32_t header_size;    /* COW4_HEADER */
	uint32_t crc;            /* CRC-32 of the header with 0 in crc */
	/* of two intact headers, the one with the higher number is valid */
	uint64_t seq;
	uint64_t id;      /* random; in the tables as well */
	uint64_t size;    /* of the disk, bytes, whole sectors */
	uint32_t cluster; /* COW4_CLUSTER */
	uint32_t flags;
	/* size in bytes and mtime of the backing file when this file was made */
	uint64_t backing_size;
	int64_t backing_sec;
	uint32_t backing_nsec;
	uint32_t index_crc; /* CRC-32 of the index */
	uint64_t index_off, index_count;
	uint64_t table_off, data_off;
	uint8_t reserved[408];   /* 0 */
	char backing[COW4_PATH]; /* absolute; empty: no backing file */
	uint8_t zeros[COW4_HEADER - 512 - COW4_PATH];
};
_Static_assert(offsetof(struct cow4_header, backing) == 512, "on-disk layout");
_Static_assert(sizeof(struct cow4_header) == COW4_HEADER, "on-disk layout");

/* A table: the sectors that the data area holds in a span of the disk. */
#define COW4_TABLE 4096UL
#define COW4_TABLE_MAGIC 0x34574f43 /* "COW4" */
#define COW4_TABLE_WORDS 504UL
#define COW4_TABLE_SECTORS (COW4_TABLE_WORDS * 64)
#define COW4_TABLE_SPAN (COW4_TABLE_SECTORS * LAYER_SECTOR) /* bytes of the disk: 15.75 MiB */
struct cow4_table {
	uint32_t magic, crc; /* CRC-32 of the table with 0 in crc */
	/* of two intact slots, the one with the higher number is valid */
	uint64_t seq;
	uint64_t id;    /* id of the header */
	uint64_t index; /* number of this table */
	uint8_t reserved[32];
	uint64_t bits[COW4_TABLE_WORDS]; /* sector n: bit n % 64 of word n / 64 */
};
_Static_assert(sizeof(struct cow4_table) == COW4_TABLE, "on-disk layout");

/* An entry of the index of packed clusters, which is sorted by cluster. */
enum { COW4_ZERO, COW4_PLAIN, COW4_ZLIB };
struct cow4_packed {
	uint64_t cluster;
	uint64_t off; /* in the file */
	/* bytes in the file, at most COW4_CLUSTER; 0 for zeros */
	uint32_t len;
	uint32_t crc; /* CRC-32 of the decoded data */
	uint32_t type, reserved;
};
_Static_assert(sizeof(struct cow4_packed) == 32, "on-disk layout");

/* ---- the header (cow4_header_host.c) ---- */

/*
 * Reads and checks the valid header, and sets *slot to its slot, 0 or 1. Returns 0, or -EINVAL or
 * the error of the read, with a line in @why.
 */
int cow4_read_header(int fd, struct cow4_header *h, int *slot, char *why, size_t size);
/*
 * Increments h->seq, writes the header into the slot other than *slot, and sets *slot to it. The
 * caller flushes. Returns 0 or -errno.
 */
int cow4_write_header(int fd, struct cow4_header *h, int *slot);
/* Sets the offsets of tables and data behind @packed_end (COW4_FIRST without packed clusters). */
void cow4_lay_out(struct cow4_header *h, uint64_t packed_end);
uint64_t cow4_tables(uint64_t size); /* of a disk of @size bytes */
/*
 * Makes a header for a new file. The header's seq is 0: it was not written yet. Returns 0, or
 * -errno with a line in @why.
 */
struct cow4_new {
	const char *backing; /* or NULL */
	int backing_fd;      /* of that file */
	bool backing_raw;
	uint64_t size; /* of the disk, bytes, whole sectors; not 0 */
};
int cow4_init_header(struct cow4_header *h, const struct cow4_new *n, char *why, size_t size);
/*
 * Records another backing file in the header, or none if @backing is NULL. Returns 0 or -errno.
 * Writes nothing to the file.
 */
int cow4_set_backing(struct cow4_header *h, const char *backing, int backing_fd, bool raw);
/* Returns 0 if size and time of the backing file are unchanged, or -EINVAL with a line in @why. */
int cow4_check_backing(const struct cow4_header *h, int backing_fd, char *why, size_t size);

/* ---- an open file ---- */

/*
 * cow4_pack_host.c: packed clusters: find and read sectors that are not in the data area.
 *
 * cow4_pack_open() reads the index. Returns 0 with *out set, NULL without packed clusters, or
 * -errno, perhaps with a line in @why. @fd stays the caller's. cow4_pack_where() is
 * layer_ops.where() for data that is not in the data area.
 */
struct cow4_pack;
int cow4_pack_open(
	int fd, const struct cow4_header *h, struct cow4_pack **out, char *why, size_t size);
void cow4_pack_close(struct cow4_pack *pk);
void cow4_pack_where(const struct cow4_pack *pk, uint64_t off, uint64_t len, struct image_piece *p);
/*
 * Reads a range for which where() has returned IMAGE_DECODED, within one cluster. Returns 0, -EIO
 * (damaged), -EAGAIN (@nowait, and the cluster is not in memory) or another -errno.
 */
int cow4_pack_read(
	struct cow4_pack *pk, uint64_t off, const struct iovec *iov, int nr, bool nowait);
/* Decodes every cluster and reports each damaged one. Returns how many, or -ENOMEM. */
int cow4_pack_check(struct cow4_pack *pk, void (*say)(void *arg, const char *what), void *arg);
/* Returns the number of packed clusters, and their bytes in the file. */
void cow4_pack_usage(const struct cow4_pack *pk, uint64_t *clusters, uint64_t *bytes);

/*
 * Checks all parts of the file that an open does not. Reports faults through @say and returns how
 * many, or -errno.
 */
int cow4_check(struct layer *l, void (*say)(void *arg, const char *what), void *arg);
/* Counts the layer's own content. Returns 0 or -errno. */
struct cow4_usage {
	uint64_t sectors;              /* in the data area */
	uint64_t packed, packed_bytes; /* clusters, and their bytes in the file */
	bool dirty;
	struct cow4_header header;
};
int cow4_usage(struct layer *l, struct cow4_usage *u);

#endif
