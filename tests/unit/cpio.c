/* SPDX-License-Identifier: MIT */
/*
 * cpio.c: an archive yields its entries whatever the sizes of the pieces in which it is passed.
 * Damaged archives are refused.
 * SOURCES: kernel/fs/initramfs/cpio.c
 */
#include <asm/errno.h>

#include "kernel/fs/initramfs/cpio.h"
#include "kernel/lib/string.h"
#include "unit.h"

int sprintf(char *to, const char *fmt, ...);

static u8 archive[65536];
static size_t size;
static char log[65536];
static size_t log_len;

static void pad(void)
{
	while (size & 3)
		archive[size++] = 0;
}

static void add(const char *name, u32 mode, const char *data)
{
	size += sprintf((char *)archive + size,
		"070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 7, mode, 1, 2, 1,
		12345, (u32)strlen(data), 8, 1, 0, 0, (u32)strlen(name) + 1, 0);
	memcpy(archive + size, name, strlen(name) + 1);
	size += strlen(name) + 1;
	pad();
	memcpy(archive + size, data, strlen(data));
	size += strlen(data);
	pad();
}

static int on_entry(void *arg, const struct cpio_entry *e)
{
	log_len += sprintf(
		log + log_len, "%s %o %u %u %u:", e->name, e->mode, e->uid, e->gid, e->size);
	return 0;
}

static int on_data(void *arg, const u8 *data, size_t n)
{
	memcpy(log + log_len, data, n);
	log_len += n;
	return 0;
}

static int on_end(void *arg)
{
	log[log_len++] = ';';
	log[log_len] = 0;
	return 0;
}

static void on_trailer(void *arg)
{
	log[log_len++] = '.';
	log[log_len] = 0;
}

static const struct cpio_ops ops = { on_entry, on_data, on_end, on_trailer };
static struct cpio c;

static void make(void)
{
	size = 0;
	add("dir", 040755, "");
	add("dir/file", 0100644, "hello, world");
	add("link", 0120777, "dir/file");
	add("empty", 0100600, "");
	add("TRAILER!!!", 0, "");
	memset(archive + size, 0, 512);
	size += 512;
	add("second", 0100644, "x");
	add("TRAILER!!!", 0, "");
}

#define EXPECTED                                                                                   \
	"dir 40755 1 2 0:;dir/file 100644 1 2 12:hello, world;link 120777 1 2 8:dir/file;"         \
	"empty 100600 1 2 0:;.second 100644 1 2 1:x;."

static void test_pieces(void **state)
{
	make();
	for (size_t piece = 1; piece < 600; piece++) {
		log_len = 0;
		cpio_begin(&c, &ops, NULL);
		for (size_t at = 0; at < size; at += piece)
			assert_int_equal(cpio_feed(&c, archive + at, min(piece, size - at)), 0);
		assert_int_equal(cpio_finish(&c), 0);
		assert_string_equal(log, EXPECTED);
	}
}

/* What follows an archive may be compressed, so the reader can stop there. */
static void test_one(void **state)
{
	size_t first, used;

	make();
	size = 0;
	add("first", 0100644, "hello");
	add("TRAILER!!!", 0, "");
	/* without the padding behind the trailer */
	for (first = size; !archive[first - 1]; first--)
		;
	first++; /* the name's terminator */
	cpio_begin(&c, &ops, NULL);
	log_len = 0;
	assert_int_equal(cpio_feed_one(&c, archive, size + 512, &used), 0);
	assert_int_equal(used, first);
	assert_int_equal(cpio_finish(&c), 0);
	assert_string_equal(log, "first 100644 1 2 5:hello;.");
	/* the next archive may begin at any byte */
	assert_int_equal(cpio_feed_one(&c, archive, size, &used), 0);
	assert_int_equal(used, first);
	assert_string_equal(log, "first 100644 1 2 5:hello;.first 100644 1 2 5:hello;.");
}

static void test_cut(void **state)
{
	make();
	cpio_begin(&c, &ops, NULL);
	log_len = 0;
	assert_int_equal(cpio_feed(&c, archive, 130), 0);
	assert_int_equal(cpio_finish(&c), -EINVAL);
}

static void test_garbage(void **state)
{
	make();
	for (int i = 0; i < 20000; i++) {
		u32 at = fake_random() % size;
		u8 was = archive[at];

		archive[at] = fake_random();
		log_len = 0;
		cpio_begin(&c, &ops, NULL);
		cpio_feed(&c, archive, size);
		archive[at] = was;
	}
	memset(archive, 'x', 200);
	cpio_begin(&c, &ops, NULL);
	assert_int_equal(cpio_feed(&c, archive, 200), -EINVAL);
}

UNIT_MAIN(cmocka_unit_test(test_pieces), cmocka_unit_test(test_one), cmocka_unit_test(test_cut),
	cmocka_unit_test(test_garbage))
