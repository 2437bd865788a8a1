/* SPDX-License-Identifier: MIT */
/*
 * hostfs_pages.c: bytes beyond the end of the host's file are zeros in the page cache. Bytes that
 * the host failed to read are an error, and never zeros.
 *
 * SOURCES: drivers/hostfs/pages.c
 */
#include "drivers/hostfs/hostfs.h"
#include "unit.h"

#define NR 4

/* ---- fakes ---- */

static char memory[NR * PAGE_SIZE] __aligned(PAGE_SIZE);
static struct page pages[NR];
/* What the host's read returns. */
static s64 result;
static s32 error;

s64 hostfs_host_read(struct hostfs_io *io)
{
	memset(memory, 'x', sizeof(memory));
	io->err = error;
	return result;
}
u32 page_cache_alloc_run(struct address_space *m, u64 index, u32 nr, struct page **run)
{
	for (u32 i = 0; i < NR; i++)
		run[i] = &pages[i];
	return NR;
}
struct hostfs_file *hostfs_reader(struct hostfs_inode *hi)
{
	static struct hostfs_file f;

	return &f;
}
void hostfs_file_put(struct hostfs_file *f)
{
}
void unlock_page(struct page *p)
{
}
pfn_t page_to_pfn(const struct page *p)
{
	return ((u64)memory - KERNEL_MAP_BASE) / PAGE_SIZE + (u64)(p - pages);
}

/* Writeback: one dirty page, the first. The host writes @result bytes, with @error. */
static bool dirty;
static int noted; /* the mapping's error */

struct page *next_dirty_page(struct address_space *m, u64 *index, u64 end)
{
	return dirty ? &pages[0] : NULL;
}
bool clear_page_dirty_for_io(struct page *p)
{
	dirty = false;
	return true;
}
s64 hostfs_host_write(struct hostfs_io *io)
{
	io->err = error;
	return result;
}
struct hostfs_file *hostfs_writer(struct hostfs_inode *hi)
{
	return hostfs_reader(hi);
}
void mapping_set_error(struct address_space *m, int err)
{
	noted = err;
}
bool may_log(struct log_limit *l, u64 now, const char *name)
{
	return false;
}
void note_lost(const char *name, u64 bytes, int err)
{
}
void hostfs_change_begin(struct inode *inode)
{
}
void hostfs_change_end(struct inode *inode, const struct hostfs_attr *a, bool size)
{
}
void lock_page(struct page *p)
{
}
void put_page(struct page *p)
{
}
void set_page_writeback(struct page *p)
{
}
void end_page_writeback(struct page *p)
{
}
bool set_page_dirty(struct page *p)
{
	return true;
}
struct page *find_lock_page(struct address_space *m, u64 index)
{
	return NULL;
}
const char *arch_strerror(int err)
{
	return "";
}
u64 ktime_get(void)
{
	return 0;
}

/* no worker has a request */
int hostfs_host_submit(struct hostfs_io *io)
{
	return 1;
}
struct hostfs_io *hostfs_host_reap(void)
{
	return NULL;
}
int hostfs_host_setup(int irq)
{
	return 0;
}
int irq_register(const char *name, void (*handler)(void *arg), void *arg)
{
	return 0;
}
void init_completion(struct completion *c)
{
}
void complete(struct completion *c)
{
}
void wait_for_completion(struct completion *c)
{
}

/* ---- tests ---- */

/* Reads all pages ahead: the host reads @got bytes, or returns -errno, and @err is the io's. */
static void reads(s64 got, s32 err)
{
	static struct hostfs_inode hi;
	static struct address_space m = { .host = &hi.vfs };

	memset(pages, 0, sizeof(pages));
	result = got;
	error = err;
	hostfs_aops.readahead(&m, NULL, 0, NR);
}

/* Reads the first page: returns the error of the read. */
static int reads_first(s64 got, s32 err)
{
	static struct hostfs_inode hi;
	static struct address_space m = { .host = &hi.vfs };

	memset(pages, 0, sizeof(pages));
	pages[0].mapping = &m;
	result = got;
	error = err;
	return hostfs_aops.readpage(NULL, &pages[0]);
}

static void end_of_file(void **state)
{
	reads(PAGE_SIZE + 10, 0);
	for (u32 i = 0; i < NR; i++) {
		assert_true(PageUptodate(&pages[i]));
		assert_false(PageError(&pages[i]));
	}
	assert_int_equal(memory[PAGE_SIZE + 9], 'x');
	for (u32 i = PAGE_SIZE + 10; i < NR * PAGE_SIZE; i++)
		assert_int_equal(memory[i], 0);
	assert_int_equal(reads_first(10, 0), 0);
	assert_true(PageUptodate(&pages[0]));
}

static void error_in_the_middle(void **state)
{
	reads(2 * PAGE_SIZE, -EIO);
	for (u32 i = 0; i < NR; i++) {
		assert_int_equal(PageUptodate(&pages[i]), i < 2);
		assert_int_equal(PageError(&pages[i]), i >= 2);
	}
	reads(2 * PAGE_SIZE + 10, -EIO);
	assert_false(PageUptodate(&pages[2]));
	assert_true(PageError(&pages[2]));
	assert_int_equal(reads_first(10, -EIO), -EIO);
	assert_true(PageError(&pages[0]));
	assert_int_equal(reads_first(PAGE_SIZE, -EIO), 0);
	assert_true(PageUptodate(&pages[0]));
}

static void error_at_once(void **state)
{
	reads(-EIO, 0);
	for (u32 i = 0; i < NR; i++)
		assert_true(PageError(&pages[i]));
	assert_int_equal(reads_first(-EIO, 0), -EIO);
}

/*
 * Writes back the first page, of which the host writes @put bytes. Returns the error that the
 * mapping gets.
 */
static int writes(s64 put, s32 why)
{
	static struct super_block sb;
	static struct hostfs_sb hs = { .folder = "/" };
	static struct hostfs_inode hi;
	struct writeback_control wbc = { .end = PAGE_SIZE, .nr_to_write = 10 };
	int err;

	sb.s_fs_info = &hs;
	hi.vfs.i_sb = &sb;
	hi.vfs.i_size = PAGE_SIZE;
	memset(pages, 0, sizeof(pages));
	pages[0].mapping = &hi.vfs.i_data;
	hi.vfs.i_data.host = &hi.vfs;
	SetPageDirty(&pages[0]);
	dirty = true;
	result = put;
	error = why;
	err = hostfs_aops.writepages(&hi.vfs.i_data, &wbc);
	assert_int_equal(err, noted);
	return err;
}

static void writeback_fails(void **state)
{
	assert_int_equal(writes(PAGE_SIZE, 0), 0);
	assert_int_equal(writes(100, -EDQUOT), -EDQUOT);
	assert_int_equal(writes(100, 0), -ENOSPC);
	assert_int_equal(writes(-EIO, -EIO), -EIO);
}

UNIT_MAIN(cmocka_unit_test(end_of_file), cmocka_unit_test(error_in_the_middle),
	cmocka_unit_test(error_at_once), cmocka_unit_test(writeback_fails))
