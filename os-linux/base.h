/* SPDX-License-Identifier: MIT */
/*
 * base.h: mapping the file of a state as the memory of this process (base.c), for state.c. The
 * functions that return int return 0 or -errno.
 */
#ifndef NESTLING_OS_BASE_H
#define NESTLING_OS_BASE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Maps a part of the file privately, replacing earlier mappings. base_mapped() then excludes all
 * pieces of a row from cores in one call, since a call for each piece would be slow.
 */
int base_map(void *addr, uint64_t len, int fd, uint64_t at);
void base_mapped(void *addr, uint64_t len);
/*
 * Maps the guest's memory, @pages at @addr, from the file @fd at @at. @own is the descriptor of its
 * memory file; @several: there are several vCPUs. base_has() then declares which pages have
 * content, and base_ready() completes the set-up.
 */
int base_begin(void *addr, uint64_t pages, int fd, uint64_t at, int own, int several);
void base_has(uint64_t page, uint64_t pages);
int base_ready(void);
/* Gets ready for base_put_back(), after base_begin(). */
int base_view(void);
/*
 * Makes now what base_put_back() goes back to, instead of base_ready(). @guest is the guest's
 * memory as the base has it, mapped by the caller for as long as the base is used: own pages are
 * copied there. 0 or -errno.
 */
int base_mark(char *guest);
/* Returns where the guest's memory begins in the base's file. */
uint64_t base_at(void);
/* True if base_put_back() would take no longer than to compare @most own pages. */
bool base_is_light(uint64_t most);
/*
 * Gives own pages their content at base_ready(). What was written to base pages is the caller's to
 * undo. Nothing else of the process may touch the memory. 0, or -errno: it is broken.
 */
int base_put_back(void);
extern uint64_t base_pages_back; /* that it copied or cleared */
/* For the handler of SIGSEGV: true if the access at @addr is to be repeated. */
bool base_wait(uint64_t addr);

#endif
