/* SPDX-License-Identifier: MIT */
/*
 * dirhash.c: the hashes of directory indexes equal those of debugfs's command dx_hash, for every
 * version, with and without a seed, with names as signed and as unsigned bytes.
 * SOURCES: kernel/fs/ext4/hash.c
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/string.h"
#include "unit.h"

static char long_name[256];
static const char *const names[] = { "a", "file", "lost+found",
	"a-name-of-some-length-that-fills-the-directory-17", long_name, "exactly-sixteen!",
	"exactly-thirty-two-bytes-long-ab", "caf\303\251",
	"\303\277\303\276 high bytes \303\244\303\266\303\274 in a name that is longer than one "
	"piece" };

/* the seed of: dx_hash -h VERSION [-s 6bc7d1a2-90e4-4b1f-8a55-0123456789ab] NAME */
static const u8 seed[16] = { 0x6b, 0xc7, 0xd1, 0xa2, 0x90, 0xe4, 0x4b, 0x1f, 0x8a, 0x55, 0x01, 0x23,
	0x45, 0x67, 0x89, 0xab };
static const struct {
	bool seeded;
	u32 version;
	bool is_unsigned;
	u32 hash[9];
} table[] = {
	{ false, 0, false,
		{ 0xe74b53e2, 0x10c30fca, 0x5e2aba24, 0x28afd8f2, 0x30557da6, 0xccdc5236,
			0x5a6e5314, 0x96ca5a2c, 0x25f8b2a4 } },
	{ false, 1, false,
		{ 0xd5fa7d7a, 0x19ccbc2, 0x591de422, 0x21cc9562, 0x2aa7169e, 0xb4f95f8c, 0xeb66e27e,
			0xfb9c5e5c, 0x3d85e2d2 } },
	{ false, 2, false,
		{ 0x6d0ea4c0, 0x53fcf74e, 0x2dbf9e80, 0x33fd2c92, 0x6c4c00ee, 0x333a0a8e,
			0x2f379868, 0x105842ea, 0x1c182226 } },
	{ false, 0, true,
		{ 0xe74b53e2, 0x10c30fca, 0x5e2aba24, 0x28afd8f2, 0x30557da6, 0xccdc5236,
			0x5a6e5314, 0x6dde4230, 0xd6633936 } },
	{ false, 1, true,
		{ 0xd5fa7d7a, 0x19ccbc2, 0x591de422, 0x21cc9562, 0x2aa7169e, 0xb4f95f8c, 0xeb66e27e,
			0x9d72aed6, 0x790265ae } },
	{ false, 2, true,
		{ 0x6d0ea4c0, 0x53fcf74e, 0x2dbf9e80, 0x33fd2c92, 0x6c4c00ee, 0x333a0a8e,
			0x2f379868, 0x6621f032, 0xd8a1d62c } },
	{ true, 0, false,
		{ 0xe74b53e2, 0x10c30fca, 0x5e2aba24, 0x28afd8f2, 0x30557da6, 0xccdc5236,
			0x5a6e5314, 0x96ca5a2c, 0x25f8b2a4 } },
	{ true, 1, false,
		{ 0x95670542, 0xdd355430, 0xdde19f8c, 0xf91147c4, 0x2dd15bec, 0x6116ce84,
			0xb379d1fc, 0xf27e46c, 0x1228b940 } },
	{ true, 2, false,
		{ 0xaf2618fe, 0x6c6eb80a, 0xa0a9555e, 0x5fb0a96a, 0xf8447582, 0xfa13fca6,
			0x5709b820, 0x2ae325b8, 0x35ac76da } },
	{ true, 0, true,
		{ 0xe74b53e2, 0x10c30fca, 0x5e2aba24, 0x28afd8f2, 0x30557da6, 0xccdc5236,
			0x5a6e5314, 0x6dde4230, 0xd6633936 } },
	{ true, 1, true,
		{ 0x95670542, 0xdd355430, 0xdde19f8c, 0xf91147c4, 0x2dd15bec, 0x6116ce84,
			0xb379d1fc, 0xcfe3e27a, 0x199afdda } },
	{ true, 2, true,
		{ 0xaf2618fe, 0x6c6eb80a, 0xa0a9555e, 0x5fb0a96a, 0xf8447582, 0xfa13fca6,
			0x5709b820, 0xe1187780, 0x2cdba8d8 } },
};

static void agrees_with_debugfs(void **state)
{
	static struct ext4_sb sbi;
	u32 i, k, hash;

	memset(long_name, 'x', 255);
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		memset(sbi.disk.s_hash_seed, 0, sizeof(seed));
		if (table[i].seeded)
			memcpy(sbi.disk.s_hash_seed, seed, sizeof(seed));
		sbi.unsigned_hash = table[i].is_unsigned;
		for (k = 0; k < ARRAY_SIZE(names); k++) {
			assert_int_equal(ext4_dirhash(&sbi, table[i].version, names[k],
						 (u32)strlen(names[k]), &hash, NULL),
				0);
			assert_int_equal(hash, table[i].hash[k]);
		}
	}
}

/* Tests the minor hash, without a seed. dx_hash prints it as "minor". */
static void agrees_in_the_bits_behind(void **state)
{
	static const u32 minor_of[] = { 0, 0xa5e3e537, 0x6a1201d7 };
	static struct ext4_sb sbi;
	u32 version, hash, minor;

	for (version = 0; version < ARRAY_SIZE(minor_of); version++) {
		assert_int_equal(
			ext4_dirhash(&sbi, version, names[5], (u32)strlen(names[5]), &hash, &minor),
			0);
		assert_int_equal(minor, minor_of[version]);
	}
}

static void an_unknown_version_is_refused(void **state)
{
	static struct ext4_sb sbi;
	u32 hash;

	assert_int_equal(ext4_dirhash(&sbi, 3, "a", 1, &hash, NULL), -EINVAL);
}

UNIT_MAIN(cmocka_unit_test(agrees_with_debugfs), cmocka_unit_test(agrees_in_the_bits_behind),
	cmocka_unit_test(an_unknown_version_is_refused))
