/* SPDX-License-Identifier: MIT */
/*
 * filemap.h: the page cache: find, add, dirty, write back and drop the cached pages of a file.
 *
 * A page is found with a reference (find_get_page(), read_cache_page()) or also locked
 * (find_lock_page(), grab_cache_page()). set_page_dirty() marks a page that was written to;
 * writeback takes the page by next_dirty_page(), clear_page_dirty_for_io() and
 * set_page_writeback(), and ends with end_page_writeback(). Errors of writeback wait in the mapping
 * (mapping_set_error()) for fsync.
 *
 * An index counts pages, a loff_t bytes, and the end of a range is inclusive. The caller puts the
 * references that are returned. The functions may sleep, unless a comment denies it.
 */
#ifndef NESTLING_MM_FILEMAP_H
#define NESTLING_MM_FILEMAP_H

#include "kernel/lib/types.h"

struct address_space;
struct file;
struct iov_iter;
struct page;

/*
 * find_get_page() and find_lock_page() return a cached page with a reference (and locked), or NULL;
 * the first does not sleep. grab_cache_page() finds or adds a page, locked, perhaps not uptodate;
 * NULL: no memory.
 */
struct page *find_get_page(struct address_space *m, u64 index);
struct page *find_lock_page(struct address_space *m, u64 index);
struct page *grab_cache_page(struct address_space *m, u64 index);
/*
 * Finds at most @nr cached pages of [index, end], in ascending order, each with a reference.
 * Returns their number. Does not sleep.
 */
u32 find_get_pages(struct address_space *m, u64 index, u64 end, u32 nr, struct page **pages);
/*
 * Finds a run of cached pages, which begins with the page of byte @pos: at most @nr, up to the
 * first that is missing, each with a reference. Returns the length of the run, which may end
 * earlier, at the end of a radix node. Prefetches the bytes at @pos, so the caller should copy them
 * at once. Does not sleep.
 */
u32 find_get_run(struct address_space *m, u64 pos, u32 nr, struct page **pages);
/*
 * Returns an uptodate page with a reference, read if needed, or ERR_PTR. @file may be NULL. Takes
 * invalidate_lock for reading.
 */
struct page *read_cache_page(struct address_space *m, u64 index, struct file *file);
/*
 * Returns a page of the cache for a write of @len bytes of it: locked, with a reference, not under
 * writeback, and read in unless the write replaces all of it (@len is PAGE_SIZE). ERR_PTR.
 */
struct page *page_for_write(struct address_space *m, u64 index, u32 len, struct file *file);
/*
 * Adds a locked new page to the cache, and takes a reference to it. Returns 0, -EEXIST or -ENOMEM.
 * Neither this function nor the next one sleeps.
 */
int add_to_page_cache(struct page *p, struct address_space *m, u64 index);
/* Removes a locked page of the cache, dirty or not, and puts the cache's reference. */
void delete_from_page_cache(struct page *p);
/*
 * Marks a page dirty and calls mark_inode_dirty(). The caller keeps the page in its mapping, by its
 * lock for instance. Returns true if the page was clean. Does not sleep.
 */
bool set_page_dirty(struct page *p);
/*
 * Clears the dirty mark of a locked page and write-protects its mappings. Returns true if the page
 * was dirty.
 */
bool clear_page_dirty_for_io(struct page *p);
/*
 * Marks a locked page as under writeback and takes a reference; end_page_writeback() reverts both.
 * Does not sleep.
 */
void set_page_writeback(struct page *p);
/*
 * Called before or after a write to a locked page of program text: makes all mappings run the page
 * as it is in the file, without the patches of its system calls (arch/um/patch/patch.c). Needed
 * only if the page is PG_patched.
 */
void page_text_changed(struct page *p);
/*
 * Drop pages from @start on, dirty or not, and zero the part of a page that is in the range. Before
 * a page is dropped, these functions unmap it and wait for its writeback. The caller may not hold
 * the lock of any page of the file.
 */
void truncate_inode_pages(struct address_space *m, loff_t start);
void truncate_inode_pages_range(
	struct address_space *m, loff_t start, loff_t end); /* end inclusive */
/*
 * Unmaps the pages beyond @size, private copies too, and drops them as truncate_inode_pages() does.
 * i_size has become @size before.
 */
void truncate_pagecache(struct address_space *m, loff_t size);
/*
 * Zeroes what mappings have written behind @size, the file's i_size, in its last page; called
 * before i_size grows. No page of the file may be locked.
 */
void pagecache_zero_tail(struct address_space *m, loff_t size);
/* Unmaps pages of the file, private copies too, from all address spaces. @nr 0: to the end. */
void unmap_mapping_range(struct address_space *m, u64 first_index, u64 nr);
/*
 * Drops unused clean pages of [start, end], which are indices (for drop_caches, POSIX_FADV_DONTNEED
 * and O_DIRECT). Does not wait for pages. Returns how many pages it has dropped.
 */
u64 invalidate_mapping_pages(struct address_space *m, u64 start, u64 end);
/*
 * Drops pages [start, end] (indices), mapped or not. Pages that are dirty or have private data of
 * the file system stay. Waits for writeback. Returns 0, or -EBUSY if some pages remain.
 */
int drop_clean_pages(struct address_space *m, u64 start, u64 end);
/*
 * Returns the next dirty page at or after *index (<= end), with a reference, and sets *index past
 * it. NULL: none.
 */
struct page *next_dirty_page(struct address_space *m, u64 *index, u64 end);
bool mapping_has_dirty(struct address_space *m);
/* Records an error of writeback, -errno; 0 does nothing. In any context. */
void mapping_set_error(struct address_space *m, int err);
/*
 * Errors of writeback are reported once per open file. open stores mapping_wb_sample(m) in the
 * file. fsync, msync and sync_file_range return mapping_wb_check(m, &file's sample): the newest
 * error since then, or 0. An error that was not reported to any file is reported to the files that
 * are opened later.
 */
u32 mapping_wb_sample(struct address_space *m);
int mapping_wb_check(struct address_space *m, u32 *since);
/*
 * Allocates pages [index, index + nr) in contiguous frames and adds them to the cache, locked, up
 * to the first that is in the cache already, or for which there is no memory. For a_ops->readahead.
 * Stores them in @pages, with a reference each, and returns their number.
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
 * They return bytes or -errno, and advance *pos. The caller of filemap_write() holds i_rwsem for
 * writing, but not for a block device.
 */
ssize_t filemap_read(struct file *f, struct address_space *m, struct iov_iter *to, loff_t *pos);
ssize_t filemap_write(struct file *f, struct address_space *m, struct iov_iter *from, loff_t *pos);
/*
 * Writes the dirty pages of the range and waits until they are written. Returns 0, or an error that
 * occurred meanwhile.
 */
int filemap_write_and_wait_range(struct address_space *m, loff_t start, loff_t end);
/* Waits for writes in progress of pages in the range. mapping_wb_check() returns their errors. */
void filemap_fdatawait_range(struct address_space *m, loff_t start, loff_t end);
/*
 * Starts to read @nr pages ahead, but at most 4096, and none beyond the end of the file. Does not
 * wait for them.
 */
void force_readahead(struct address_space *m, struct file *f, u64 index, u64 nr);
/*
 * Makes a writer wait while too many pages are dirty, unless it is killed. The caller holds no
 * page's lock.
 */
void balance_dirty_pages(struct address_space *m);
u64 nr_dirty_pages(void);

#endif
