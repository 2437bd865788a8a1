/* SPDX-License-Identifier: MIT */
/*
 * option.c: mount options: uid= gid= umask= fmask= dmask= codepage=437 iocharset=utf8|iso8859-1
 * utf8 shortname=mixed|lower|win95|winnt quiet showexec errors=remount-ro|continue|panic tz=UTC.
 * Other options are refused by name.
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

static int parse_word(struct fat_sb *s, const char *key, const char *v)
{
	u32 i;

	if (!strcmp(key, "iocharset")) {
		s->utf8 = !strcmp(v, "utf8");
		return s->utf8 || !strcmp(v, "iso8859-1") ? 0 : -EINVAL;
	}
	if (!strcmp(key, "errors")) {
		s->panics = !strcmp(v, "panic");
		s->goes_on = !strcmp(v, "continue");
		return s->panics || s->goes_on || !strcmp(v, "remount-ro") ? 0 : -EINVAL;
	}
	if (!strcmp(key, "tz"))
		return strcmp(v, "UTC") ? -EINVAL : 0;
	for (i = 0; !strcmp(key, "shortname") && i < ARRAY_SIZE(shortnames); i++)
		if (!strcmp(v, shortnames[i])) {
			s->shortname = i;
			return 0;
		}
	return -EINVAL;
}

static int parse_number(struct fat_sb *s, const char *key, const char *v)
{
	bool mask = strlen(key) == 5 && !strcmp(key + 1, "mask");
	u64 x;

	if (kstrtou64(v, mask ? 8 : 10, &x) || x >= ~0U)
		return -EINVAL;
	if (mask) {
		if (*key == 'u' || *key == 'f')
			s->fmask = (u32)x & 0777;
		if (*key == 'u' || *key == 'd')
			s->dmask = (u32)x & 0777;
		return strchr("ufd", *key) ? 0 : -EINVAL;
	}
	if (!strcmp(key, "uid"))
		s->uid = make_kuid(current_user_ns(), (u32)x);
	else if (!strcmp(key, "gid"))
		s->gid = make_kgid(current_user_ns(), (u32)x);
	else
		return !strcmp(key, "codepage") && x == 437 ? 0 : -EINVAL;
	return uid_valid(s->uid) && uid_valid(s->gid) ? 0 : -EINVAL;
}

static int parse_flag(struct fat_sb *s, const char *word)
{
	if (!strcmp(word, "quiet"))
		s->quiet = true;
	else if (!strcmp(word, "showexec"))
		s->showexec = true;
	else if (!strcmp(word, "utf8"))
		s->utf8 = true;
	else
		return -EINVAL;
	return 0;
}

int fat_parse_options(struct super_block *sb, struct fat_sb *s, char *data)
{
	char *word, *v;

	while ((word = fs_next_option(&data, &v))) {
		if (v ? parse_word(s, word, v) && parse_number(s, word, v) : parse_flag(s, word)) {
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
	const struct fat_sb *s = FAT_SB(sb);
	int n = 0;

	if (s->uid)
		n += scnprintf(buf, size, ",uid=%u", from_kuid_munged(current_user_ns(), s->uid));
	if (s->gid)
		n += scnprintf(buf + n, size - (size_t)n, ",gid=%u",
			from_kgid_munged(current_user_ns(), s->gid));
	n += scnprintf(buf + n, size - (size_t)n,
		",fmask=%04o,dmask=%04o,codepage=437,iocharset=%s", s->fmask, s->dmask,
		s->utf8 ? "utf8" : "iso8859-1");
	if (s->vfat)
		n += scnprintf(
			buf + n, size - (size_t)n, ",shortname=%s", shortnames[s->shortname]);
	return n + scnprintf(buf + n, size - (size_t)n, "%s%s,errors=%s", s->quiet ? ",quiet" : "",
			   s->showexec ? ",showexec" : "",
			   s->panics  ? "panic" :
			   s->goes_on ? "continue" :
					"remount-ro");
}
