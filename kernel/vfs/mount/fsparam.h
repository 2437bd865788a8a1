/* SPDX-License-Identifier: MIT */
/*
 * fsparam.h: the parameters that a type of file system takes. fsconfig(2) checks them at once and
 * can give a reason for a refusal. The file system interprets the values only when it makes the
 * superblock.
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
	FSP_TEXT,  /* any text that is not empty */
	FSP_U32,   /* decimal */
	FSP_OCTAL, /* octal, 32 bits */
	FSP_UID,   /* an id in the caller's user namespace */
	FSP_GID,
	/* bytes, in the form of kstrtosize(): "64k", "512M"; suffixes k, m, g and t */
	FSP_SIZE,
	FSP_PERCENT, /* as FSP_SIZE, or a percentage "50%" */
	FSP_WORD,    /* one of @words */
	FSP_DIR,     /* the path of a directory */
	/* the path of a directory, in which "\" makes the next character an ordinary one */
	FSP_DIR_ESCAPED,
	/* several paths with colons between; "\:" is a colon within a path */
	FSP_DIRS,
};

struct fs_param {
	/* NULL ends the list. A name may occur twice: with and without a value. */
	const char *name;
	enum fs_param_kind kind;
	const char *const *words; /* for FSP_WORD; ends with NULL */
	const char *bad;          /* message for a wrong word, with a %s */
	const char *not_after;    /* refused (-EINVAL) after that option */
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
 * Checks whether fsconfig(2)'s @cmd may set @key to @value, which is NULL unless @cmd is
 * FSCONFIG_SET_STRING. Returns 0, -EINVAL, or for a path an error such as -ENOENT. Writes the
 * reason, or "", to @msg (@size bytes, with the NUL). May sleep.
 */
int fs_param_check(const struct fs_param *list, u32 cmd, const char *key, const char *value,
	char *msg, size_t size);

/*
 * Cuts the next option off *@text, the data of mount(2), which it changes; *@text may be NULL.
 * Returns the option's name, or NULL at the end. Sets *@value to the text after the name's "=", or
 * to NULL. Both point into the data. Options without a name are skipped.
 */
char *fs_next_option(char **text, char **value);

/*
 * True if @key is accepted after the options that the @len bytes at @set contain, separated by
 * @sep. A NUL follows them.
 */
bool fs_param_in_order(
	const struct fs_param *list, const char *set, size_t len, char sep, const char *key);

#endif
