/* SPDX-License-Identifier: MIT */
/*
 * state_file.h: the format of a saved state's memory, DIR/memory. Little endian, as the CPU is.
 *
 *	page 0           struct state_header
 *	from page 1 on   the content of pages, each run of them beginning at a page of the file
 *	tables_at        nr_maps struct state_map, nr_runs struct state_run, then texts_size bytes
 *	                 of texts: the CPU's flags, and the command line's words, each with its NUL
 *
 * A page that is in no run is zero. The header is written last. It is no exchange format: only the
 * program with the same build id can use it, since it has that program's addresses in it.
 * tables_crc is zlib's CRC-32 of the tables, header_crc that of the header with 0 in its place.
 */
#ifndef NESTLING_STATE_FILE_H
#define NESTLING_STATE_FILE_H

#include <stdint.h>

#define STATE_MAGIC "NESTLST\n"
#define STATE_VERSION 1
#define STATE_PAGE 4096u
#define STATE_FILES 18
#define STATE_CPUS 64
#define STATE_MAX_MAPS 1000000u
#define STATE_MAX_RUNS 100000000u
#define STATE_MAX_TEXTS (1u << 20)

struct state_header {
	char magic[8];
	uint32_t version, header_crc;
	uint8_t build_id[20];
	uint32_t ncpus;
	uint32_t nr_files, nr_maps;
	uint64_t file_size[STATE_FILES];
	uint64_t nr_runs;
	uint64_t tables_at, size; /* bytes of the whole file */
	uint32_t tables_crc, texts_size;
	uint32_t nr_words; /* of the command line, behind the flags */
	uint32_t pad;
	uint64_t sp[STATE_CPUS];
	uint64_t stub_base, xfeatures, xstate_size;
	/* the clocks at the stop, in ns: the first three as the instance saw the host's */
	uint64_t mono, boot, raw, real;
};
struct state_map {
	uint64_t addr, len;
	int64_t file; /* -1: reserved */
	uint64_t off;
};
struct state_run {
	uint32_t map, pages;
	uint64_t page; /* the first, within the map */
	uint64_t at;   /* in this file */
};

#endif
