/* SPDX-License-Identifier: MIT */
/*
 * file.h: the format of a saved state's memory, DIR/memory. Little endian, as the CPU is.
 *
 *	page 0           struct state_header
 *	from page 1 on   one map of memory behind the other, each as it lies in memory, so that a
 *	                 restore can map it from here
 *	tables_at        nr_maps struct state_map, nr_runs struct state_run, then texts_size bytes
 *	                 of texts: the CPU's flags, and the command line's words, each with its NUL
 *
 * The file is sparse: a page that is in no run is a hole, and zero. A run may lie in an older file
 * instead, memory.N in the folder. That is a hard link to the memory of a similar state, of which
 * only the pages are used, not the tables. The header is written last. The file is no exchange
 * format: it holds addresses of the program, so only a program with an equal build id can use it.
 * tables_crc is zlib's CRC-32 of the tables, header_crc that of the header with header_crc 0.
 */
#ifndef NESTLING_STATE_FILE_H
#define NESTLING_STATE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#define STATE_MAGIC "NESTLST\n"
#define STATE_VERSION 3
#define STATE_PAGE 4096u
#define STATE_BUILD_ID 20
#define STATE_FILES 18
/* the file itself is source 0, memory.N is source N */
#define STATE_SOURCES 8
#define STATE_OLDER "memory.%u"
#define STATE_CPUS 64
#define STATE_MAX_MAPS 1000000u
#define STATE_MAX_RUNS 100000000u
#define STATE_MAX_TEXTS (1u << 20)

struct state_source {
	uint64_t size; /* 0: unused */
	uint32_t header_crc, pad;
};
struct state_header {
	char magic[8];
	uint32_t version, header_crc;
	uint8_t build_id[STATE_BUILD_ID];
	uint32_t ncpus;
	uint32_t nr_files, nr_maps;
	uint64_t file_size[STATE_FILES]; /* bytes */
	uint64_t nr_runs;
	uint64_t tables_at, size;        /* bytes of the whole file */
	uint32_t tables_crc, texts_size; /* texts_size in bytes */
	uint32_t nr_words;               /* of the command line, behind the flags */
	uint32_t pad;
	struct state_source source[STATE_SOURCES];
	uint64_t sp[STATE_CPUS]; /* os_state.sp */
	uint64_t stub_base, xfeatures, xstate_size;
	/*
	 * the clocks at the stop, in ns; the first three as the instance saw them, with its shifts
	 */
	uint64_t mono, boot, raw, real;
};
struct state_map {
	uint64_t addr, len; /* bytes, whole pages */
	int64_t file;       /* -1: reserved, without content */
	uint64_t off;       /* in that file */
	uint64_t at;        /* offset of the content in this file */
};
/* pages with content, in ascending order within a map */
struct state_run {
	uint32_t map, pages; /* index of the map; number of pages */
	uint64_t page;       /* index of the first page in the map */
	uint64_t at;         /* offset in the file of the source */
	uint32_t source, pad;
};

/* save.c: copies the build id of this program; zeros if it has none. */
void state_build_id(uint8_t *id);
struct state_tables;
struct os_state;
/*
 * restore.c: return and set the tables of the state from which this process continues; NULL if
 * there is none. The caller of state_continues_from() owns @t, and keeps it valid until the next
 * call.
 */
const struct state_tables *state_restored(void);
void state_continues_from(const struct state_tables *t);
/*
 * save.c: copies the memory that @s describes to a file without a name, and sets @t to its tables,
 * which the caller closes. Returns 0, or -errno with @s->why.
 */
int state_copy_to_memory(struct os_state *s, struct state_tables *t);
/* save.c: returns the header of the memory file that os_state_save() wrote last. */
const struct state_header *state_written(void);
/*
 * save.c: calls @fn for each map in @s that has a file, with a bit for each of its pages, set if
 * the page may have content now. Uses the members file, size, nr_maps, map and skip of @s. Returns
 * the first result of @fn that is not 0, after which it stops; 0; or -errno.
 */
struct os_state_map;
typedef int state_map_fn(uint32_t map, const uint64_t *has_data);
int state_each_map(struct os_state *s, state_map_fn *fn);

/* ---- put_back_saved.c: going back to a state that this process has saved ---- */

/*
 * Notes the state that os_state_save() has just written, whose memory files are those of @s, and
 * returns its header, in static storage.
 */
const struct state_header *saved_mark(const struct os_state *s);
/*
 * True if the folder has that state and going back to it is faster than exec. Its files are open
 * from then on, until saved_put_back() or saved_forget().
 */
bool saved_can_go_back(const char *dir);
/* Closes these files. The noted state stays noted. */
void saved_forget(void);
/*
 * Restores the memory as of the state, and sets *@pages to the number of pages that differed. The
 * machine is stopped. Returns 0, or -errno: the memory is then a mixture of two moments.
 */
int saved_put_back(uint64_t *pages);

#endif
