/* SPDX-License-Identifier: MIT */
/*
 * sha256.c: compares nestctl's digest with the examples of FIPS 180-4, at the lengths where the
 * padding changes, and in pieces, and its HMAC with the examples of RFC 4231.
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

static void same_code(const void *key, size_t key_size, const char *data, const char *wanted)
{
	size_t n = strlen(data);
	struct hmac h;
	char text[65];

	hmac_begin(&h, key, key_size);
	hmac_add(&h, data, n / 2);
	hmac_add(&h, data + n / 2, n - n / 2);
	hmac_end(&h, text);
	assert_string_equal(text, wanted);
}

/* The test cases 1, 2, 6 and 7 of RFC 4231: keys shorter and longer than a block. */
static void codes(void **state)
{
	uint8_t key[131];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = 0x0b;
	same_code(key, 20, "Hi There",
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	same_code("Jefe", 4, "what do ya want for nothing?",
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = 0xaa;
	same_code(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First",
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	same_code(key, sizeof(key),
		"This is a test using a larger than block-size key and a larger than block-size "
		"data. The key needs to be hashed before being used by the HMAC algorithm.",
		"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

/* Repeats all tests without the CPU's instructions for SHA, which they use if the CPU has them. */
static void plain(void **state)
{
	sha256_plain = 1;
	known(state);
	million(state);
	codes(state);
	sha256_plain = 0;
}

UNIT_MAIN(cmocka_unit_test(known), cmocka_unit_test(million), cmocka_unit_test(codes),
	cmocka_unit_test(plain))
