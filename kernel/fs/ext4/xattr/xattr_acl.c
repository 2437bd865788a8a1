/* SPDX-License-Identifier: MIT */
/*
 * xattr_acl.c: converts access control lists between the VFS's form and version 1 on disk, in which
 * only entries of named users and groups have an id.
 */
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include "kernel/fs/ext4/xattr/xattr.h"

struct disk_acl { /* the entries follow a version word */
	__le16 tag, perm;
	__le32 id;
} __packed;
#define DISK_ACL_VERSION 1
#define DISK_ACL_SHORT 4

bool ext4_attr_is_acl(u8 index)
{
	return index == 2 || index == 3;
}

static bool acl_has_id(u16 tag)
{
	return tag == ACL_USER || tag == ACL_GROUP;
}

/*
 * Converts an access control list from the form on disk into the VFS's form. Returns its size in
 * bytes, even if @out is NULL, or -errno.
 */
ssize_t ext4_acl_from_disk(const u8 *p, u32 size, void *out, size_t room)
{
	struct posix_acl_xattr_header *h = out;
	struct posix_acl_xattr_entry *x = h ? (void *)(h + 1) : NULL;
	const u8 *end = p + size;
	size_t need = sizeof(*h);

	if (size < 4 || *(const __le32 *)p != DISK_ACL_VERSION)
		return -EINVAL;
	for (p += 4; p < end; need += sizeof(*x)) {
		const struct disk_acl *d = (const void *)p;
		u32 len = end - p < DISK_ACL_SHORT ? 0 :
			  acl_has_id(d->tag)       ? sizeof(*d) :
						     DISK_ACL_SHORT;

		if (!len || (u32)(end - p) < len)
			return -EINVAL;
		if (out && need + sizeof(*x) > room)
			return -ERANGE;
		if (out)
			*x++ = (struct posix_acl_xattr_entry){ d->tag, d->perm,
				acl_has_id(d->tag) ? d->id : (u32)ACL_UNDEFINED_ID };
		p += len;
	}
	if (out && need > room)
		return -ERANGE;
	if (out)
		h->a_version = POSIX_ACL_XATTR_VERSION;
	return (ssize_t)need;
}

/*
 * Converts an access control list, which the VFS has checked, into the form on disk. The caller
 * frees the result. Returns NULL if memory is short.
 */
void *ext4_acl_to_disk(const void *value, size_t size, size_t *len)
{
	const struct posix_acl_xattr_entry *x =
		(const void *)((const struct posix_acl_xattr_header *)value + 1);
	u8 *out = kmalloc(size, GFP_NOFS), *p = out + 4;

	if (!out)
		return NULL;
	*(__le32 *)out = DISK_ACL_VERSION;
	for (; (const u8 *)(x + 1) <= (const u8 *)value + size; x++) {
		struct disk_acl *d = (void *)p;

		d->tag = x->e_tag;
		d->perm = x->e_perm;
		if (acl_has_id(x->e_tag))
			d->id = x->e_id;
		p += acl_has_id(x->e_tag) ? sizeof(*d) : DISK_ACL_SHORT;
	}
	*len = (size_t)(p - out);
	return out;
}
