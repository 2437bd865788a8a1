/* SPDX-License-Identifier: MIT */
/*
 * lsm.c: lsm_list_modules, lsm_get_self_attr and lsm_set_self_attr. The modules are capabilities
 * and landlock. They have no attributes, so every valid request for one fails with EOPNOTSUPP.
 */
#include <linux/errno.h>

#include "arch/um/machine/uaccess.h"
#include "gen/syscalls.h"
#include "kernel/mm/mm.h"

/* Constants that older headers lack. */
#define LSM_ATTR_UNDEF_ 0
#define LSM_FLAG_SINGLE_ 1
#define LSM_ID_UNDEF_ 0
#define LSM_ID_CAPABILITY_ 100
#define LSM_ID_LANDLOCK_ 110
struct lsm_context {
	u64 id, flags, len, ctx_len;
};

static const u64 modules[] = { LSM_ID_CAPABILITY_, LSM_ID_LANDLOCK_ };

long sys_lsm_list_modules(uaddr_t ids, uaddr_t size, uint32_t flags)
{
	u32 room, need = sizeof(modules);

	if (flags)
		return -EINVAL;
	if (copy_from_user(&room, size, sizeof(room)) || copy_to_user(size, &need, sizeof(need)))
		return -EFAULT;
	if (room < need)
		return -E2BIG;
	return copy_to_user(ids, modules, sizeof(modules)) ? -EFAULT : (long)ARRAY_SIZE(modules);
}

long sys_lsm_get_self_attr(uint32_t attr, uaddr_t ctx, uaddr_t size, uint32_t flags)
{
	struct lsm_context c;
	u32 room, none = 0;

	if (attr == LSM_ATTR_UNDEF_ || !size.v)
		return -EINVAL;
	if (copy_from_user(&room, size, sizeof(room)))
		return -EFAULT;
	if (flags & ~LSM_FLAG_SINGLE_ || (flags && !ctx.v))
		return -EINVAL;
	if (flags) {
		if (copy_from_user(&c, ctx, sizeof(c)))
			return -EFAULT;
		if (c.id == LSM_ID_UNDEF_)
			return -EINVAL;
	}
	return copy_to_user(size, &none, sizeof(none)) ? -EFAULT : -EOPNOTSUPP;
}

long sys_lsm_set_self_attr(uint32_t attr, uaddr_t ctx, uint32_t size, uint32_t flags)
{
	struct lsm_context c;

	if (flags || size < sizeof(c))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (copy_from_user(&c, ctx, sizeof(c)))
		return -EFAULT;
	if (c.len > size || c.ctx_len > size || c.len < sizeof(c) + c.ctx_len)
		return -EINVAL;
	return -EOPNOTSUPP;
}
