/* SPDX-License-Identifier: MIT */
/*
 * base.h: maps the memory of a saved state or of a mark from its file into this process (base.c);
 * for restore.c, put_back.c and fault.c. Functions that return int return 0 or -errno unless their
 * comment says otherwise.
 */
#ifndef NESTLING_OS_BASE_H
#define NESTLING_OS_BASE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Maps a part of the file privately at @addr, replacing earlier mappings. base_mapped() is called
 * once for all adjacent pieces, the first of them at @addr, and excludes them from core dumps: a
 * call for each piece would be slow.
 */
int base_map(void *addr, uint64_t len, int fd, uint64_t at);
void base_mapped(void *addr, uint64_t len);
/*
 * Maps the guest's memory, @pages pages at @addr, from offset @at of the state's file @fd. @own is
 * the descriptor of this instance's memory file, which the caller keeps open; @fd is duplicated.
 * @several is true if there are several vCPUs. base_has() then declares pages with content, and
 * base_ready() completes the set-up. An earlier base is released.
 */
int base_begin(void *addr, uint64_t pages, int fd, uint64_t at, int own, int several);
void base_has(uint64_t page, uint64_t pages);
int base_ready(void);
/* Maps both files for base_put_back(). Called after base_begin(). */
int base_view(void);
/*
 * Makes the present state the one that base_put_back() restores; called instead of base_ready().
 * @guest is a copy of the base's memory, which the caller keeps mapped while the base is used: the
 * content of own pages is copied into it.
 */
int base_mark(char *guest);
/* Returns the offset of the guest's memory in the base's file. */
uint64_t base_at(void);
/* True if base_put_back() would take no longer than comparing @most own pages. */
bool base_is_light(uint64_t most);
/*
 * Restores the content that own pages had at base_ready() or base_mark(). The caller undoes writes
 * to base pages. No other thread may access the memory meanwhile. Returns 0, or -errno if the
 * memory is now unusable.
 */
int base_put_back(void);
/* pages that base_put_back() copied or cleared */
extern uint64_t base_pages_back;
/*
 * Called by the handler of SIGSEGV with the address of the fault. Waits until no page is being
 * replaced. True if the access is to be repeated; false if it is outside the guest's memory, or
 * after many repetitions at one address.
 */
bool base_wait(uint64_t addr);

#endif
