/* SPDX-License-Identifier: MIT */
/*
 * fsparam.h: which parameters a type of file system takes, so that fsconfig(2) can refuse a wrong
 * one at once with a reason. The value is interpreted when the superblock is made.
 *
 *	static const struct fs_param params[] = {
 *		FS_PARAM("size", FSP_SIZE), FS_PARAM_WORD("huge", words), FS_PARAM_END,
 *	};
 */
#ifndef NESTLING_VFS_FSPARAM_H
#define NESTLING_VFS_FSPARAM_H

#include "kernel/lib/types.h"

enum fs_param_kind {
	FSP_FLAG,  /* without a value */
	FSP_TEXT,  /* any that is not empty */
	FSP_U32,   /* decimal */
	FSP_OCTAL, /* 32 bits */
	FSP_UID,   /* mapped in the caller's user namespace */
	FSP_GID,
	FSP_SIZE,    /* with k, m, g */
	FSP_PERCENT, /* as FSP_SIZE, or "50%" */
	FSP_WORD,    /* a word of @words */
	FSP_DIR,     /* the path of a directory */
	/* several names with colons between; "\:" is a colon within a name */
	FSP_DIRS,
};

struct fs_param {
	/* NULL ends a list; a name may come twice, with and without a value */
	const char *name;
	enum fs_param_kind kind;
	const char *const *words; /* ends with NULL */
	const char *bad;          /* the message for a wrong word, with a %s */
	const char *not_after;    /* -EINVAL once this one is set */
};

#define FS_PARAM(n, k)                                                                             \
	{                                                                                          \
		.name = (n), .kind = (k)                                                           \
	}
#define FS_PARAM_WORD(n, w)                                                                        \
	{                                                                                          \
		.name = (n), .kind = FSP_WORD, .words = (w)                                        \
	}
#define FS_PARAM_END                                                                               \
	{                                                                                          \
		.name = NULL                                                                       \
	}

/*
 * Checks whether fsconfig's @cmd may set @key to @value (NULL except for FSCONFIG_SET_STRING). 0,
 * -EINVAL, or for a path an error such as -ENOENT. @msg gets the reason, or "".
 */
int fs_param_check(const struct fs_param *list, u32 cmd, const char *key, const char *value,
	char *msg, size_t size);

/*
 * Cuts the next option off *@text, the data of mount(2), and returns its name, or NULL at the end.
 * *@value is the text behind its "=", or NULL. Options without a name are skipped.
 */
char *fs_next_option(char **text, char **value);

/* True if @key may be set after the options @set, as mount(2) takes them. */
bool fs_param_in_order(const struct fs_param *list, const char *set, const char *key);

#endif
