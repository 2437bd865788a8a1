/* SPDX-License-Identifier: MIT */
/* fsparam.c: checks parameters when fsconfig(2) sets them (fsparam.h). */
#include <linux/mount.h>

#include "kernel/lib/printk.h"
#include "kernel/vfs/mount/fsparam.h"
#include "kernel/vfs/internal.h"

static bool is_number(const char *value, u32 base, u64 max)
{
	u64 n;

	return !kstrtou64(value, base, &n) && n <= max;
}

static bool is_id(const char *value, bool group)
{
	u64 n;

	if (kstrtou64(value, 10, &n) || n >= ~0U)
		return false;
	return uid_valid(group ? make_kgid(current_user_ns(), (u32)n) :
				 make_kuid(current_user_ns(), (u32)n));
}

static bool is_percent(const char *value)
{
	size_t n = strlen(value);
	char num[24];

	if (n < 2 || n >= sizeof(num) || value[n - 1] != '%')
		return false;
	memcpy(num, value, n - 1);
	num[n - 1] = 0;
	return is_number(num, 10, ~0UL);
}

static bool is_word(const char *value, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(*words, value))
			return true;
	return false;
}

static bool value_fits(const struct fs_param *p, const char *value)
{
	u64 n;

	switch (p->kind) {
	case FSP_U32: return is_number(value, 10, ~0U);
	case FSP_OCTAL: return is_number(value, 8, ~0U);
	case FSP_UID:
	case FSP_GID: return is_id(value, p->kind == FSP_GID);
	case FSP_PERCENT:
		if (is_percent(value))
			return true; /* fall through */
	case FSP_SIZE: return *value && !kstrtosize(value, &n);
	case FSP_WORD: return is_word(value, p->words);
	default: return *value;
	}
}

static int check_dir(const char *name, char *msg, size_t size)
{
	struct path path;
	int err = kern_path(name, LOOKUP_FOLLOW, &path);

	if (err)
		return err;
	if (!S_ISDIR(path.dentry->d_inode->i_mode)) {
		scnprintf(msg, size, "%s is not a directory", name);
		err = -EINVAL;
	}
	path_put(&path);
	return err;
}

/*
 * Checks each path of a list such as "one:two\:with:three" or, without @list, one path such as
 * "one:two\,with". Returns 0 or -errno.
 */
static int check_dirs(const char *value, bool list, char *msg, size_t size)
{
	char *copy = kstrdup(value), *from = copy, *to = copy, *name = copy;
	int err = copy ? 0 : -ENOMEM;
	bool more = true;

	while (!err && more) {
		char c = *from++;

		if (c == '\\' && *from) {
			*to++ = *from++;
			continue;
		}
		if (c && (c != ':' || !list)) {
			*to++ = c;
			continue;
		}
		*to = 0;
		if (to > name) /* "lower::data" has an empty path */
			err = check_dir(name, msg, size);
		name = to = from;
		more = c;
	}
	kfree(copy);
	return err;
}

/*
 * Checks a parameter against one entry of the list. Returns 0 if the entry accepts it, or -errno
 * with the reason in @msg.
 */
static int try_entry(const struct fs_param *p, u32 cmd, const char *value, char *msg, size_t size)
{
	if (p->kind == FSP_FLAG) {
		if (cmd == FSCONFIG_SET_FLAG)
			return 0;
		scnprintf(msg, size, "Unexpected value for '%s'", p->name);
		return -EINVAL;
	}
	if (cmd != FSCONFIG_SET_STRING || !value_fits(p, value)) {
		bool number = cmd == FSCONFIG_SET_STRING && is_number(value, 10, ~0U);

		if (p->bad && cmd == FSCONFIG_SET_STRING && *value)
			scnprintf(msg, size, p->bad, value);
		else if (number && (p->kind == FSP_UID || p->kind == FSP_GID))
			scnprintf(msg, size, "Invalid %s '%s'", p->name, value);
		else
			scnprintf(msg, size, "Bad value for '%s'", p->name);
		return -EINVAL;
	}
	if (p->kind == FSP_DIR)
		return check_dir(value, msg, size);
	if (p->kind == FSP_DIRS || p->kind == FSP_DIR_ESCAPED)
		return check_dirs(value, p->kind == FSP_DIRS, msg, size);
	return 0;
}

int fs_param_check(const struct fs_param *list, u32 cmd, const char *key, const char *value,
	char *msg, size_t size)
{
	int err = -EINVAL;

	*msg = 0;
	scnprintf(msg, size, "Unknown parameter '%s'", key);
	for (; list->name; list++) {
		if (strcmp(list->name, key))
			continue;
		*msg = 0;
		err = try_entry(list, cmd, value, msg, size);
		if (!err)
			return 0;
	}
	return err;
}

bool fs_param_in_order(
	const struct fs_param *list, const char *set, size_t len, char sep, const char *key)
{
	const char *other = NULL, *end = set + len;
	size_t n;

	for (; list->name && !other; list++)
		if (!strcmp(list->name, key))
			other = list->not_after;
	n = other ? strlen(other) : 0;
	while (other && set < end) {
		if (!strncmp(set, other, n) && set[n] == '=')
			return false;
		while (set < end && *set != sep)
			set++;
		set++;
	}
	return true;
}

char *fs_next_option(char **text, char **value)
{
	char *word;

	while (*text && (word = strsep(text, ","))) {
		*value = strchr(word, '=');
		if (*value)
			*(*value)++ = 0;
		if (*word)
			return word;
	}
	return NULL;
}
