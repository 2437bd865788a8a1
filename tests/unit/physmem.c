/* SPDX-License-Identifier: MIT */
/*
 * physmem.c: the host backs the frames that are in its memory, and those that it has swapped out.
 * SOURCES: arch/um/machine/physmem.c
 */
#include "arch/um/internal.h"
#include "unit.h"

#define N 8

/* The memory file, a letter a page: '.' a hole, 'm' in memory, 's' swapped out. Then holes. */
static const char *file;
static u32 asked;

/* ---- functions that physmem.c refers to and the tests do not call ---- */

u8 __kdata_start[1], __kbss_start[1], __kdata_end[1];

int kstrtosize(const char *s, u64 *out)
{
	return -1;
}
void refuse(const char *fmt, ...)
{
	__builtin_trap();
}
int os_mem_create(const char *name, uint64_t size)
{
	return -1;
}
int os_mem_open(const char *path, uint64_t size)
{
	return -1;
}
int os_mem_map(void *addr, size_t len, int prot, int handle, uint64_t off, unsigned flags)
{
	return -1;
}
int os_mem_adopt(void *addr, size_t len, size_t given, int handle, uint64_t off)
{
	return -1;
}
int os_mem_punch(int handle, uint64_t off, uint64_t len)
{
	return -1;
}
int os_mem_enlarge(void *addr, size_t len)
{
	return -1;
}
int os_mem_info(struct os_mem_info *info)
{
	return -1;
}
void os_write_stderr(const char *buf, size_t n)
{
}
void os_note_lost(void)
{
}
const char *os_why(int err)
{
	return "";
}
const char *os_strerror(int err)
{
	return "";
}

/* ---- the host ---- */

static char at(u64 pfn)
{
	return pfn < N ? file[pfn] : '.';
}

int os_mem_incore(void *addr, size_t len, unsigned char *vec)
{
	u64 pfn = ((u64)addr - KERNEL_MAP_BASE) >> PAGE_SHIFT;

	for (u64 i = 0; i < len >> PAGE_SHIFT; i++)
		vec[i] = at(pfn + i) == 'm';
	return 0;
}

static s64 seek(u64 off, bool data)
{
	u64 pfn = off >> PAGE_SHIFT;

	asked++;
	while (pfn < N + 4 && (at(pfn) != '.') != data)
		pfn++;
	return (s64)(pfn == off >> PAGE_SHIFT ? off : pfn << PAGE_SHIFT);
}

int64_t os_mem_next_data(int f, uint64_t off)
{
	return seek(off, true);
}

int64_t os_mem_next_hole(int f, uint64_t off)
{
	return seek(off, false);
}

/* Bit N: frame N is in the file of a state. */
static u64 base;
static const u64 *base_ptr;

const u64 *os_base(void)
{
	return base_ptr;
}
int os_base_take(u64 page, u64 n)
{
	base &= ~(((1UL << n) - 1) << page);
	return 0;
}
int os_base_drop(u64 page, u64 n)
{
	return os_base_take(page, n);
}

void physmem_set_pieces(u32 n)
{
}

static void backed_are(const char *what, u64 from, u64 n, const char *want, u32 calls)
{
	u8 vec[N];

	file = what;
	asked = 0;
	physmem_backed(from, n, vec);
	for (u64 i = 0; i < n; i++)
		assert_int_equal(vec[i], want[i] == '1');
	assert_int_equal(asked, calls);
}

static void backed(void **state)
{
	backed_are("........", 0, N, "00000000", 1);
	backed_are("mmmmmmmm", 0, N, "11111111", 0);
	backed_are("ssssssss", 0, N, "11111111", 2);
	backed_are("mm....mm", 0, N, "11000011", 1);
	backed_are("m.s.sm.s", 0, N, "10101101", 4 + 2);
	backed_are("s..s..s.", 1, 3, "001", 2);
	backed_are("s.....s.", 1, 3, "000", 1);
}

static void next_is(const char *what, u64 in_base, bool data, u64 from, u64 end, u64 want)
{
	file = what;
	base = in_base;
	assert_int_equal(physmem_next(from, end, data), want);
}

/* Frames in the file of a state count as backed, and are taken from it once. */
static void restored(void **state)
{
	const int files[] = { 1, 2 };

	next_is("..m.....", 0xff, true, 0, N, 2);
	base_ptr = &base;
	physmem_frames = N;
	physmem_restored(files);
	next_is("....mm..", 0x06, true, 0, N, 1);
	next_is("m...mm..", 0x06, true, 0, N, 0);
	next_is("....mm..", 0x06, true, 3, N, 4);
	next_is("......m.", 0x06, true, 3, 6, 6);
	next_is("...m.m..", 0x16, false, 1, N, 6);
	next_is("...m.m..", 0x16, false, 0, N, 0);
	next_is("mmmm....", 0xf0, false, 0, N, N);
	base = 0x22;
	backed_are("m...s...", 0, N, "11001100", 6);
	base = 0xf0;
	assert_int_equal(physmem_take(0, 4), 0);
	assert_int_equal(base, 0xf0);
	assert_int_equal(physmem_take(2, 4), 0);
	assert_int_equal(base, 0xc0);
}

UNIT_MAIN(cmocka_unit_test(backed), cmocka_unit_test(restored))
