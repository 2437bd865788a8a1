/* SPDX-License-Identifier: MIT */
/*
 * lsm: lsm_list_modules, lsm_get_self_attr, lsm_set_self_attr: answers that do not depend on the
 * loaded modules.
 */
#include "newer.h"

#define GET 459
#define SET 460
#define LIST 461

TEST(lsm)
{
	uint64_t ids[64], ctx[32] = { 0 };
	uint32_t size = sizeof(ids);

	have = known(LIST);
	HOLDS(syscall(LIST, ids, &size, 0) * 8 == size && size > 0);
	HOLDS(ids[0] >= 100);
	CHECK(syscall(LIST, ids, &size, 1), -EINVAL);
	CHECK(syscall(LIST, ids, NULL, 0), -EFAULT);
	CHECK(syscall(LIST, NULL, &size, 0), -EFAULT);
	size = 0;
	CHECK(syscall(LIST, ids, &size, 0), -E2BIG);
	HOLDS(size > 0);
	size = sizeof(ctx);
	CHECK(syscall(GET, 0, ctx, &size, 0), -EINVAL);
	CHECK(syscall(GET, 100, ctx, NULL, 0), -EINVAL);
	CHECK(syscall(GET, 100, ctx, &size, 1), -EINVAL);
	CHECK(syscall(GET, 100, NULL, &size, 1), -EINVAL);
	CHECK(syscall(GET, 100, ctx, &size, 2), -EINVAL);
	CHECK(syscall(GET, 9999, ctx, &size, 0), -EOPNOTSUPP);
	CHECK(syscall(SET, 100, ctx, 31, 0), -EINVAL);
	CHECK(syscall(SET, 100, ctx, 32, 1), -EINVAL);
	CHECK(syscall(SET, 100, ctx, 5000, 0), -E2BIG);
	CHECK(syscall(SET, 100, NULL, 32, 0), -EFAULT);
	CHECK(syscall(SET, 100, ctx, 32, 0), -EINVAL);
	ctx[2] = 40;
	CHECK(syscall(SET, 100, ctx, 32, 0), -EINVAL);
}
