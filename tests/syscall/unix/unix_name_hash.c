/* SPDX-License-Identifier: MIT */
/*
 * unix_name_hash: abstract names that a hash without a key puts into one chain are found as quickly
 * as any.
 */
#include "t.h"

#include <sys/socket.h>
#include <sys/un.h>

#define NAMES 16000
#define LOOKS 200

/* The hash that was in use once: words times a well-known number. */
static unsigned hash(const void *p, unsigned n, unsigned seed)
{
	const unsigned char *s = p;
	unsigned long h = seed ^ (n * 0x9e3779b97f4a7c15UL), w;

	for (; n >= 8; n -= 8, s += 8) {
		memcpy(&w, s, 8);
		h = (h ^ w) * 0xff51afd7ed558ccdUL;
		h ^= h >> 32;
	}
	for (; n; n--, s++)
		h = (h ^ *s) * 0x100000001b3UL;
	h ^= h >> 32;
	return (unsigned)((h * 0x9e3779b97f4a7c15UL) >> 32);
}

/* Finds the next name of the chain. Returns the length of its address. */
static socklen_t next(struct sockaddr_un *a)
{
	static unsigned n;
	socklen_t len;

	do {
		memset(a, 0, sizeof(*a));
		a->sun_family = AF_UNIX;
		len = 3 + (socklen_t)snprintf(a->sun_path + 1, 60, "name-%08x", n++);
	} while (hash(a, len, SOCK_DGRAM) % 256);
	return len;
}

static double look(int fd)
{
	double best = 1e9;

	for (int i = 0; i < LOOKS; i++) {
		struct sockaddr_un a;
		socklen_t len = next(&a);
		double t = now_us();

		if (!connect(fd, (void *)&a, len))
			say("there is such a name");
		t = now_us() - t;
		best = t < best ? t : best;
	}
	return best;
}

TEST(unix_name_hash)
{
	struct rlimit lim = { NAMES + 100, NAMES + 100 };
	double plain, many;
	int fd;

	NEED(setrlimit(RLIMIT_NOFILE, &lim));
	fd = (int)NEED(socket(AF_UNIX, SOCK_DGRAM, 0));
	plain = look(fd);
	for (int i = 0; i < NAMES; i++) {
		struct sockaddr_un a;
		socklen_t len = next(&a);

		NEED(bind((int)NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), (void *)&a, len));
	}
	many = look(fd);
	if (getenv("SHOW"))
		fprintf(stderr, "%.1f us, %.1f us\n", plain, many);
	say("as quick as others: %d", many < 8 * plain + 20);
}
