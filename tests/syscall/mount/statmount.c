/* SPDX-License-Identifier: MIT */
/* statmount and listmount: requests, masks, sizes, lists in both directions. */
#include "newer.h"

#define STATMOUNT 457
#define LISTMOUNT 458

struct request {
	uint32_t size, fd;
	uint64_t id, param, ns;
};

static uint64_t answer[1024], ids[2000];

static uint64_t root_id(void)
{
	uint64_t x[32] = { 0 };

	syscall(SYS_statx, AT_FDCWD, "/", 0, 0x4000, x);
	return x[0x90 / 8];
}

static void wrong(uint64_t id)
{
	struct request r = { 24, 0, id, 1, 0 };

	CHECK(syscall(STATMOUNT, &r, answer, sizeof(answer), 1), -EINVAL);
	CHECK(syscall(STATMOUNT, NULL, answer, sizeof(answer), 0), -EFAULT);
	CHECK(syscall(STATMOUNT, &r, NULL, sizeof(answer), 0), -EFAULT);
	CHECK(syscall(LISTMOUNT, &r, ids, 10, 2), -EINVAL);
	CHECK(syscall(LISTMOUNT, &r, ids, 1000001, 0), -EOVERFLOW);
	CHECK(syscall(LISTMOUNT, &r, ids, 10, 0), -EINVAL);
	r.size = 16;
	CHECK(syscall(STATMOUNT, &r, answer, sizeof(answer), 0), -EINVAL);
	r.size = 5000;
	CHECK(syscall(STATMOUNT, &r, answer, sizeof(answer), 0), -E2BIG);
	r.size = 24;
	r.id = 1;
	CHECK(syscall(STATMOUNT, &r, answer, sizeof(answer), 0), -EINVAL);
	r.id = -2UL;
	CHECK(syscall(STATMOUNT, &r, answer, sizeof(answer), 0), -ENOENT);
	r.param = 0;
	CHECK(syscall(LISTMOUNT, &r, ids, 10, 0), -ENOENT);
}

static void asked(uint64_t id)
{
	struct request r = { 24, 0, id, 0x2, 0 };
	uint32_t *words = (uint32_t *)answer;

	memset(answer, 0xff, sizeof(answer));
	CHECK(syscall(STATMOUNT, &r, answer, sizeof(answer), 0), 0);
	HOLDS(words[0] == 512 && answer[1] == 2 && answer[5] == id && answer[6]);
	r.param = 0x10;
	CHECK(syscall(STATMOUNT, &r, answer, sizeof(answer), 0), 0);
	HOLDS(words[0] == 515 && !strcmp((char *)answer + 512 + words[27], "/"));
	CHECK(syscall(STATMOUNT, &r, answer, 514, 0), -EOVERFLOW);
	r.param = 0x800;
	CHECK(syscall(STATMOUNT, &r, answer, sizeof(answer), 0), 0);
	HOLDS(words[0] == 513 && !answer[1]);
	r.param = 0;
	CHECK(syscall(STATMOUNT, &r, answer, 16, 0), 0);
}

static bool ascend(long n)
{
	for (long i = 1; i < n; i++)
		if (ids[i] <= ids[i - 1])
			return false;
	return true;
}

static void listed(void)
{
	struct request r = { 24, 0, -1UL, 0, 0 };
	long n = syscall(LISTMOUNT, &r, ids, 2000, 0);
	uint64_t first = ids[0], second = ids[1];

	HOLDS(n >= 2 && ascend(n));
	CHECK(syscall(LISTMOUNT, &r, ids, 1, 0), 1);
	HOLDS(ids[0] == first);
	CHECK(syscall(LISTMOUNT, &r, ids, 0, 0), 0);
	r.param = first;
	CHECK(syscall(LISTMOUNT, &r, ids, 2000, 0), n - 1);
	HOLDS(ids[0] == second);
	r.param = second;
	CHECK(syscall(LISTMOUNT, &r, ids, 2000, 1), 1);
	HOLDS(ids[0] == first);
	r.param = 0;
	CHECK(syscall(LISTMOUNT, &r, NULL, 2000, 0), -EFAULT);
}

TEST(statmount)
{
	uint64_t id = root_id();

	have = known(STATMOUNT) && id > 0x7fffffff;
	wrong(id);
	asked(id);
	listed();
}
