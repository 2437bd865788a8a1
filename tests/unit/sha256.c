/* SPDX-License-Identifier: MIT */
/*
 * sha256.c: nestctl's digest against the examples of FIPS 180-4, at the lengths where the padding
 * changes, and in pieces.
 * SOURCES: tools/nestctl/image/sha256.c
 */
#include "tools/nestctl/image/sha256.h"
#include "unit.h"

static void same(const void *data, size_t size, const char *wanted)
{
	struct sha256 s;
	char text[65];

	sha256_begin(&s);
	sha256_add(&s, data, size);
	sha256_end(&s, text);
	assert_string_equal(text, wanted);
}

static void known(void **state)
{
	static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

	same("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	same("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	same(two, sizeof(two) - 1,
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* The last example of the standard: a million times 'a', in pieces of changing size. */
static void million(void **state)
{
	static char as[1000];
	struct sha256 s;
	char text[65];
	size_t n;

	for (size_t i = 0; i < sizeof(as); i++)
		as[i] = 'a';
	sha256_begin(&s);
	for (size_t done = 0; done < 1000000; done += n) {
		n = done % 997 + 1;
		if (n > 1000000 - done)
			n = 1000000 - done;
		sha256_add(&s, as, n);
	}
	sha256_end(&s, text);
	assert_string_equal(
		text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

UNIT_MAIN(cmocka_unit_test(known), cmocka_unit_test(million))
