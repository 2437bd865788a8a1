/* SPDX-License-Identifier: MIT */
/*
 * patch_site.c: tests which bytes are recognised as a call site, where in a thunk a thread is, and
 * that thunks compute the right results.
 * SOURCES: arch/um/patch/patch_site.c kernel/lib/string.c
 */
#include "arch/um/patch/patch_site.h"
#include "kernel/lib/string.h"
#include "unit.h"

#define AT 64 /* offset of the syscall in the page */

static u8 page[PAGE_SIZE];

/* Recognises a site: @n bytes that end with the syscall instruction, and @m bytes behind it. */
static struct site_shape look(const char *before, u32 n, const char *after, u32 m, u64 nr)
{
	memset(page, 0x90, sizeof(page));
	memcpy(page + AT + SYSCALL_LEN - n, before, n);
	memcpy(page + AT + SYSCALL_LEN, after, m);
	return site_recognise(page, AT, nr);
}
#define LOOK(before, after, nr) look(before, sizeof(before) - 1, after, sizeof(after) - 1, nr)

#define GETPPID "\xb8\x6e\x00\x00\x00\x0f\x05"

static void mov_shape(void **state)
{
	struct site_shape s = LOOK(GETPPID, "\xc3", 110);

	assert_int_equal(s.form, SITE_MOV);
	assert_int_equal(s.start, AT - 5);
	assert_int_equal(LOOK(GETPPID, "\xc3", 111).form, SITE_NONE); /* rax has another value */
	assert_int_equal(LOOK("\x00" GETPPID, "\xc3", 110).form, SITE_MOV); /* padding */
	assert_int_equal(LOOK("\xf3\x0f\x1e\xfa" GETPPID, "\xc3", 110).form, SITE_MOV);
}

/* The bytes of the mov are the end of another instruction, so there is no site. */
static void mov_lookalikes(void **state)
{
	assert_int_equal(LOOK("\x41" GETPPID, "\xc3", 110).form, SITE_NONE);     /* mov to r8d */
	assert_int_equal(LOOK("\x8d" GETPPID, "\xc3", 110).form, SITE_NONE);     /* lea */
	assert_int_equal(LOOK("\x0f\x18" GETPPID, "\xc3", 110).form, SITE_NONE); /* prefetch */
	assert_int_equal(LOOK("\x8b\x84" GETPPID, "\xc3", 110).form, SITE_NONE); /* SIB, disp32 */
	assert_int_equal(
		LOOK("\xc7\x45" GETPPID, "\xc3", 110).form, SITE_NONE); /* movl to disp8(%rbp) */
	assert_int_equal(
		LOOK("\xc7\x44\x24" GETPPID, "\xc3", 110).form, SITE_NONE);      /* ... (%rsp) */
	assert_int_equal(LOOK("\xc7\x04" GETPPID, "\xc3", 110).form, SITE_NONE); /* ... SIB */
	assert_int_equal(
		LOOK("\xc7\x85\x01\x02\x03" GETPPID, "\xc3", 110).form, SITE_NONE); /* disp32 */
	assert_int_equal(
		LOOK("\x48\xb9\x01\x02\x03" GETPPID, "\xc3", 110).form, SITE_NONE); /* movabs */
	assert_int_equal(LOOK("\xa1\x01\x02\x03" GETPPID, "\xc3", 110).form, SITE_NONE); /* moffs */
}

static void next_shape(void **state)
{
	struct site_shape s = LOOK("\x31\xc0\x0f\x05", "\x48\x3d\x00\xf0\xff\xff", 0);

	assert_int_equal(s.form, SITE_NEXT);
	assert_int_equal(s.start, AT);
	assert_int_equal(s.insn_len, 6);
	assert_int_equal(LOOK("\x0f\x05", "\x48\x89\xc7", 9).insn_len, 3);
	assert_int_equal(LOOK("\x0f\x05", "\x48\x83\xf8\xff", 9).insn_len, 4);
	assert_int_equal(LOOK("\x0f\x05", "\x3d\x00\xf0\xff\xff", 9).insn_len, 5);
	assert_int_equal(LOOK("\x0f\x05", "\xc3\x90\x90", 9).form, SITE_NONE);
	assert_int_equal(LOOK("\x0f\x05", "\x48\x8b\x05\x00\x00\x00\x00", 9).form,
		SITE_NONE); /* rip-relative */
	assert_int_equal(
		LOOK("\x0f\x05", "\x48\x89\x07", 9).form, SITE_NONE); /* memory: may fault */
	assert_int_equal(LOOK("\x0f\x34", "\x48\x3d\x00\xf0\xff\xff", 0).form, SITE_NONE);
}

/* No byte outside of the page is read or changed. */
static void page_ends(void **state)
{
	memset(page, 0x90, sizeof(page));
	memcpy(page, "\xb8\x6e\x00\x00\x00\x0f\x05", 7);
	assert_int_equal(site_recognise(page, 5, 110).form, SITE_NONE);
	memcpy(page + PAGE_SIZE - 7, "\x0f\x05\x48\x3d\x00\xf0\xff", 7);
	assert_int_equal(site_recognise(page, PAGE_SIZE - 7, 0).form, SITE_NONE);
	page[PAGE_SIZE - 1] = 0x0f;
	assert_int_equal(site_recognise(page, PAGE_SIZE - 1, 0).form, SITE_NONE);
	memcpy(page + PAGE_SIZE - 7, GETPPID, 7);
	assert_int_equal(site_recognise(page, PAGE_SIZE - 2, 110).form, SITE_MOV);
}

static void displacements(void **state)
{
	u32 n = 0;

	for (u32 b = 0; b < 256; b++)
		n += site_displacement_ok((s32)(b << 8));
	assert_int_equal(n, 17);
	assert_true(site_displacement_ok(0x12340678));
	assert_false(site_displacement_ok(0x12349078));
}

static s32 operand(const u8 *p)
{
	s32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void thunk_of_mov(void **state)
{
	struct site_shape s = { .form = SITE_MOV, .start = AT - 5 };
	u64 at = 0x40000040, site = 0x401000 + AT;
	struct thunk t;

	thunk_write(&t, at, site, &s, NULL, 110, 0x40000000);
	assert_int_equal(t.code[0], 0xb8);
	assert_int_equal(operand(t.code + 1), 110);
	assert_int_equal(at + 12 + (s64)operand(t.code + 8), at + THUNK_RECORD);
	assert_int_equal(at + 18 + (s64)operand(t.code + 14), 0x40000000);
	assert_int_equal(t.record.ret, site + 2);
	assert_int_equal(t.record.resume, site + 2);
	assert_int_equal(t.record.real_syscall, at + 18);
	assert_int_equal(at + 25 + (s64)operand(t.code + 21), site + 2);
	for (u32 off = 0; off < 18; off++)
		assert_int_equal(thunk_unwind(site, &s, off), site - 5);
	assert_int_equal(thunk_unwind(site, &s, 18), site);
	assert_int_equal(thunk_unwind(site, &s, 20), site + 2);
}

static void thunk_of_next(void **state)
{
	struct site_shape s = { .form = SITE_NEXT, .start = AT, .insn_len = 6 };
	u64 at = 0x40000040, site = 0x401000 + AT;
	struct thunk t;

	thunk_write(&t, at, site, &s, (const u8 *)"\x48\x3d\x01\xf0\xff\xff", 0, 0x40000000);
	assert_int_equal(t.record.ret, site + 2);
	assert_int_equal(t.record.resume, at + thunk_insn(&s));
	assert_int_equal(t.record.real_syscall, at + 13);
	assert_memory_equal(t.code + thunk_insn(&s), "\x48\x3d\x01\xf0\xff\xff\xe9", 7);
	assert_int_equal(at + 26 + (s64)operand(t.code + 22), site + 8);
	assert_int_equal(thunk_unwind(site, &s, 0), site);
	assert_int_equal(thunk_unwind(site, &s, 13), site);
	assert_int_equal(thunk_unwind(site, &s, 15), site + 2);
	assert_int_equal(thunk_unwind(site, &s, 21), site + 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mov_shape),
		cmocka_unit_test(mov_lookalikes),
		cmocka_unit_test(next_shape),
		cmocka_unit_test(page_ends),
		cmocka_unit_test(displacements),
		cmocka_unit_test(thunk_of_mov),
		cmocka_unit_test(thunk_of_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
