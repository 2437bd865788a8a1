/* SPDX-License-Identifier: MIT */
/*
 * sum.c: checksums of sparse files: CRC-32C (Castagnoli's polynomial, as in RFC 3720) against
 * damage, SHA-256 against forgery.
 */
#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/image/sha256.h"
#include "tools/nestctl/state/state.h"

#define PIECE 4096U
#define CHUNK (1U << 20)

static uint32_t table[256];

static uint32_t crc_by_table(uint32_t crc, const uint8_t *p, size_t n)
{
	if (!table[1])
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;

			for (int bit = 0; bit < 8; bit++)
				c = c >> 1 ^ (c & 1 ? 0x82f63b78 : 0);
			table[i] = c;
		}
	while (n--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

/* Adds @n bytes, a multiple of 8, to @crc, with the CPU's instruction. */
__attribute__((target("sse4.2"))) static uint32_t crc_by_cpu(
	uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t c = crc;

	for (size_t i = 0; i < n; i += 8) {
		uint64_t word;

		memcpy(&word, p + i, sizeof(word));
		c = __builtin_ia32_crc32di(c, word);
	}
	return (uint32_t)c;
}

/*
 * True if the CPU has crc_by_cpu()'s instruction. Does not use __builtin_cpu_supports(), whose
 * constructor executes some 14 cpuid at each start: on virtual machines each is an exit.
 */
static bool cpu_has_it(void)
{
	unsigned a, b, c, d;

	__cpuid(1, a, b, c, d); /* each CPU of 64 bits has this leaf */
	return c & bit_SSE4_2;
}

uint32_t crc32c_add(uint32_t crc, const void *p, size_t n)
{
	static int fast = -1;

	if (fast < 0)
		fast = cpu_has_it();
	if (!fast)
		return crc_by_table(crc, p, n);
	crc = crc_by_cpu(crc, p, n & ~(size_t)7);
	return crc_by_table(crc, (const uint8_t *)p + (n & ~(size_t)7), n & 7);
}

static bool is_zeros(const uint8_t *p, size_t n)
{
	return !p[0] && !memcmp(p, p + 1, n - 1);
}

/* Adds a piece that is not all zeros, and its number, to a sum. */
typedef void (*take_piece)(void *sum, uint64_t number, const uint8_t *p, size_t n);

static void add_to_crc(void *sum, uint64_t number, const uint8_t *p, size_t n)
{
	uint32_t *crc = sum;

	*crc = crc32c_add(*crc, &number, sizeof(number));
	*crc = crc32c_add(*crc, p, n);
}

static void add_to_digest(void *sum, uint64_t number, const uint8_t *p, size_t n)
{
	sha256_add(sum, &number, sizeof(number));
	sha256_add(sum, p, n);
}

/* Passes each piece of @n bytes that is not all zeros to @take. @off: offset of @p in the file. */
static void take_chunk(take_piece take, void *sum, const uint8_t *p, size_t n, uint64_t off)
{
	for (size_t at = 0; at < n; at += PIECE) {
		size_t len = n - at < PIECE ? n - at : PIECE;

		if (!is_zeros(p + at, len))
			take(sum, (off + at) / PIECE, p + at, len);
	}
}

/* Reads @n bytes, or fewer at the end of the file. Returns their number, or -1 with errno. */
static ssize_t read_at(int fd, uint8_t *buf, size_t n, uint64_t off)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(fd, buf + done, n - done, (off_t)(off + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/*
 * Returns the offset of the next data from @off on, rounded down to PIECE, or @size if there is
 * none.
 */
static uint64_t next_data(int fd, uint64_t off, uint64_t size)
{
	off_t data = lseek(fd, (off_t)off, SEEK_DATA);

	if (data < 0)
		return errno == ENXIO ? size : off;
	return (uint64_t)data > off ? (uint64_t)data / PIECE * PIECE : off;
}

/*
 * Passes all pieces that are not all zeros to @take. Returns false with errno. @name: see
 * file_sum().
 */
static bool take_file(int fd, uint64_t size, const char *name, take_piece take, void *sum)
{
	uint8_t *buf = xalloc(CHUNK);
	uint64_t off = 0;
	bool good = true;

	while ((off = next_data(fd, off, size)) < size) {
		size_t n = size - off < CHUNK ? (size_t)(size - off) : CHUNK;
		ssize_t got = read_at(fd, buf, n, off);

		if (got != (ssize_t)n) {
			errno = got < 0 ? errno : EIO;
			good = false;
			break;
		}
		take_chunk(take, sum, buf, n, off);
		off += n;
		if (name)
			progress("check", name, off, size);
	}
	if (name)
		progress_end();
	free(buf);
	return good;
}

bool file_sum(int fd, uint64_t size, const char *name, uint32_t *sum)
{
	uint32_t crc = ~0U;
	bool good = take_file(fd, size, name, add_to_crc, &crc);

	*sum = ~crc;
	return good;
}

bool file_digest(int fd, uint64_t size, char text[65])
{
	struct sha256 s;
	bool good;

	sha256_begin(&s);
	good = take_file(fd, size, NULL, add_to_digest, &s);
	sha256_end(&s, text);
	return good;
}
