/* SPDX-License-Identifier: MIT */
/*
 * option.c: mount options: uid= gid= umask= fmask= dmask= codepage=437 iocharset=utf8|iso8859-1
 * utf8 shortname=mixed|lower|win95|winnt quiet showexec errors=remount-ro|continue|panic tz=UTC.
 * Any other option fails with -EINVAL, and the log names it.
 */
#include <asm/errno.h>

#include "kernel/fs/fat/fat.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/mount/fsparam.h"

static const char *const shortnames[] = {
	[FAT_MIXED] = "mixed", [FAT_LOWER] = "lower", [FAT_WIN95] = "win95", [FAT_WINNT] = "winnt"
};

static int parse_word(struct fat_options *o, const char *key, const char *v)
{
	u32 i;

	if (!strcmp(key, "iocharset")) {
		o->utf8 = !strcmp(v, "utf8");
		return o->utf8 || !strcmp(v, "iso8859-1") ? 0 : -EINVAL;
	}
	if (!strcmp(key, "errors")) {
		o->panics = !strcmp(v, "panic");
		o->goes_on = !strcmp(v, "continue");
		return o->panics || o->goes_on || !strcmp(v, "remount-ro") ? 0 : -EINVAL;
	}
	if (!strcmp(key, "tz"))
		return strcmp(v, "UTC") ? -EINVAL : 0;
	for (i = 0; !strcmp(key, "shortname") && i < ARRAY_SIZE(shortnames); i++)
		if (!strcmp(v, shortnames[i])) {
			o->shortname = i;
			return 0;
		}
	return -EINVAL;
}

static int parse_number(struct fat_options *o, const char *key, const char *v)
{
	bool mask = strlen(key) == 5 && !strcmp(key + 1, "mask");
	u64 x;

	if (kstrtou64(v, mask ? 8 : 10, &x) || x >= ~0U)
		return -EINVAL;
	if (mask) {
		if (*key == 'u' || *key == 'f')
			o->fmask = (u32)x & 0777;
		if (*key == 'u' || *key == 'd')
			o->dmask = (u32)x & 0777;
		return strchr("ufd", *key) ? 0 : -EINVAL;
	}
	if (!strcmp(key, "uid"))
		o->uid = make_kuid(current_user_ns(), (u32)x);
	else if (!strcmp(key, "gid"))
		o->gid = make_kgid(current_user_ns(), (u32)x);
	else
		return !strcmp(key, "codepage") && x == 437 ? 0 : -EINVAL;
	return uid_valid(o->uid) && uid_valid(o->gid) ? 0 : -EINVAL;
}

static int parse_flag(struct fat_options *o, const char *word)
{
	if (!strcmp(word, "quiet"))
		o->quiet = true;
	else if (!strcmp(word, "showexec"))
		o->showexec = true;
	else if (!strcmp(word, "utf8"))
		o->utf8 = true;
	else
		return -EINVAL;
	return 0;
}

int fat_parse_options(struct super_block *sb, struct fat_options *o, char *data)
{
	char *word, *v;

	while ((word = fs_next_option(&data, &v))) {
		if (v ? parse_word(o, word, v) && parse_number(o, word, v) : parse_flag(o, word)) {
			printk(KERN_ERR "FAT-fs (%s): mount option \"%s\" is not known, or its "
					"value is not\n",
				sb->s_id, word);
			return -EINVAL;
		}
	}
	return 0;
}

int fat_show_options(struct super_block *sb, char *buf, size_t size)
{
	const struct fat_options *o = &FAT_SB(sb)->opt;
	int n = 0;

	if (o->uid)
		n += scnprintf(buf, size, ",uid=%u", from_kuid_munged(current_user_ns(), o->uid));
	if (o->gid)
		n += scnprintf(buf + n, size - (size_t)n, ",gid=%u",
			from_kgid_munged(current_user_ns(), o->gid));
	n += scnprintf(buf + n, size - (size_t)n,
		",fmask=%04o,dmask=%04o,codepage=437,iocharset=%s", o->fmask, o->dmask,
		o->utf8 ? "utf8" : "iso8859-1");
	if (FAT_SB(sb)->vfat)
		n += scnprintf(
			buf + n, size - (size_t)n, ",shortname=%s", shortnames[o->shortname]);
	return n + scnprintf(buf + n, size - (size_t)n, "%s%s,errors=%s", o->quiet ? ",quiet" : "",
			   o->showexec ? ",showexec" : "",
			   o->panics  ? "panic" :
			   o->goes_on ? "continue" :
					"remount-ro");
}
