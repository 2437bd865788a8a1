/* SPDX-License-Identifier: MIT */
/*
 * filemap.h: the page cache: find, add, dirty, write back and drop the cached pages of a file.
 *
 * A page is found with a reference (find_get_page(), read_cache_page()) or also locked
 * (find_lock_page(), grab_cache_page()). set_page_dirty() marks a page that was written to;
 * writeback takes the page by next_dirty_page(), clear_page_dirty_for_io() and
 * set_page_writeback(), and ends with end_page_writeback(). Errors of writeback wait in the mapping
 * (mapping_set_error()) for fsync.
 */
#ifndef NESTLING_MM_FILEMAP_H
#define NESTLING_MM_FILEMAP_H

#include "kernel/lib/types.h"

struct address_space;
struct file;
struct iov_iter;
struct page;

/*
 * Page cache. find_get_page() and find_lock_page() return a cached page with a reference (and
 * locked), or NULL. grab_cache_page() finds or adds a page, locked. read_cache_page() returns an
 * uptodate page with a reference, or ERR_PTR.
 */
struct page *find_get_page(struct address_space *m, u64 index);
struct page *find_lock_page(struct address_space *m, u64 index);
struct page *grab_cache_page(struct address_space *m, u64 index);
u32 find_get_pages(struct address_space *m, u64 index, u64 end, u32 nr,
	struct page **pages); /* ascending; returns their number */
/*
 * Finds cached pages from @pos on, at most @nr, up to the first that is missing. Returns their
 * number, perhaps less. For a caller that copies from @pos at once.
 */
u32 find_get_run(struct address_space *m, u64 pos, u32 nr, struct page **pages);
struct page *read_cache_page(struct address_space *m, u64 index, struct file *file);
/*
 * Returns a page of the cache for a write of @len bytes of it: locked, with a reference, not under
 * writeback, and read in unless the write replaces all of it (@len is PAGE_SIZE). ERR_PTR.
 */
struct page *page_for_write(struct address_space *m, u64 index, u32 len, struct file *file);
/* Inserts a locked new page (takes a reference): 0, -EEXIST, -ENOMEM. */
int add_to_page_cache(struct page *p, struct address_space *m, u64 index);
void delete_from_page_cache(struct page *p); /* @p is locked; puts the cache's reference */
/* Marks a page dirty and calls mark_inode_dirty(). Returns true if the page was clean. */
bool set_page_dirty(struct page *p);
/*
 * Clears the dirty mark and write-protects the page's mappings. Returns true if the page was dirty.
 */
bool clear_page_dirty_for_io(struct page *p);
void set_page_writeback(struct page *p);
/*
 * Removes patched call sites from a locked page that was or will be written to. Needed only if it
 * is PG_patched.
 */
void page_text_changed(struct page *p);
/* Drops pages from @start (bytes) on, zeroing the tail of a partial page; unmaps them first. */
void truncate_inode_pages(struct address_space *m, loff_t start);
void truncate_inode_pages_range(
	struct address_space *m, loff_t start, loff_t end); /* end inclusive */
/* Unmaps and drops pages beyond @size, which i_size has changed to. */
void truncate_pagecache(struct address_space *m, loff_t size);
/*
 * Zeroes what mappings have written behind @size, the file's i_size, in its last page; called
 * before i_size grows. No page of the file may be locked.
 */
void pagecache_zero_tail(struct address_space *m, loff_t size);
void unmap_mapping_range(struct address_space *m, u64 first_index, u64 nr); /* nr 0: to the end */
/* Drops unused clean pages (drop_caches, DONTNEED, O_DIRECT). Returns how many. */
u64 invalidate_mapping_pages(struct address_space *m, u64 start, u64 end);
/*
 * Drops pages [start, end] (indices), mapped or not, unless they are dirty. 0, or -EBUSY if some
 * remain. Waits for writeback.
 */
int drop_clean_pages(struct address_space *m, u64 start, u64 end);
/* Finds the next dirty page at or after *index (<= end), with a reference; sets *index past it. */
struct page *next_dirty_page(struct address_space *m, u64 *index, u64 end);
bool mapping_has_dirty(struct address_space *m);
void mapping_set_error(struct address_space *m, int err);
/*
 * Errors of writeback are reported once per open file. open stores mapping_wb_sample(m) in the
 * file. fsync, msync and sync_file_range return mapping_wb_check(m, &file's sample): the newest
 * error since then, or 0. An error that was not reported to any file is reported to one that is
 * opened later.
 */
u32 mapping_wb_sample(struct address_space *m);
int mapping_wb_check(struct address_space *m, u32 *since);
/*
 * Allocates pages [index, index + nr) in contiguous frames and adds them to the cache, locked, up
 * to the first that is in the cache already. For a_ops->readahead. Stores them in @pages, with a
 * reference each, and returns their number.
 */
u32 page_cache_alloc_run(struct address_space *m, u64 index, u32 nr, struct page **pages);
/*
 * direct.c: called before the content of a locked page of the cache is changed. Returns the page
 * itself, or for a read-only frame a locked copy that replaces it and takes over the reference.
 * ERR_PTR(-ENOMEM or -EIO): @p was unlocked and put.
 */
struct page *cache_page_own(struct page *p);
/* Returns the number of cached frames that are not part of the guest's memory. */
u64 nr_direct_pages(void);
/*
 * Read and write through the cache: the usual read_iter and write_iter of disk files and tmpfs.
 * They return bytes or -errno, and advance *pos.
 */
ssize_t filemap_read(struct file *f, struct address_space *m, struct iov_iter *to, loff_t *pos);
ssize_t filemap_write(struct file *f, struct address_space *m, struct iov_iter *from, loff_t *pos);
int filemap_write_and_wait_range(struct address_space *m, loff_t start, loff_t end);
int filemap_fdatawait_range(struct address_space *m, loff_t start, loff_t end);
void force_readahead(struct address_space *m, struct file *f, u64 index, u64 nr);
/* Writes all dirty pages of every mapping (sync). vfs writes the inodes and file systems itself. */
void sync_mappings(bool wait);
/* Makes a writer wait while too many pages are dirty. */
void balance_dirty_pages(struct address_space *m);
u64 nr_dirty_pages(void);

#endif
