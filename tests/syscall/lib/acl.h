/* SPDX-License-Identifier: MIT */
/* acl.h: access control lists from texts. */
#ifndef TESTS_SYSCALL_ACL_H
#define TESTS_SYSCALL_ACL_H

#include "t.h"
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/xattr.h>

#define ACL_ACCESS "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"
#define ACL_NO_ID ((__u32)-1)

/* a value of the attributes, with @n entries */
struct acl {
	struct posix_acl_xattr_header h;
	struct posix_acl_xattr_entry e[20];
	int n;
};

static struct acl acl_made;

/*
 * Returns an access control list from a text such as "u::7 u1000:4 g::5 g100:6 m::7 o::0", of at
 * most 20 entries. The next call overwrites it.
 */
static T_UNUSED struct acl *acl_make(const char *text)
{
	acl_made.h.a_version = POSIX_ACL_XATTR_VERSION;
	for (acl_made.n = 0; *text; acl_made.n++) {
		struct posix_acl_xattr_entry *e = &acl_made.e[acl_made.n];
		char *end;
		char kind = *text++;

		e->e_id = *text == ':' ? ACL_NO_ID : (__u32)strtoul(text, &end, 10);
		if (e->e_id == ACL_NO_ID)
			end = (char *)text + 1;
		e->e_tag = kind == 'u' ? e->e_id == ACL_NO_ID ? ACL_USER_OBJ : ACL_USER :
			   kind == 'g' ? e->e_id == ACL_NO_ID ? ACL_GROUP_OBJ : ACL_GROUP :
			   kind == 'm' ? ACL_MASK :
					 ACL_OTHER;
		e->e_perm = (__u16)strtoul(end + 1, &end, 10);
		text = end + strspn(end, " ");
	}
	return &acl_made;
}

/* Sets the list as the attribute @name of a file. Returns the result of setxattr(). */
static T_UNUSED long acl_put(const char *path, const char *name, const char *text)
{
	struct acl *l = acl_make(text);

	return setxattr(path, name, l, sizeof(l->h) + (size_t)l->n * sizeof(l->e[0]), 0);
}

#endif
