/* SPDX-License-Identifier: MIT */
/*
 * mounts_show.c: the lines of /proc/PID/mounts, mountinfo and mountstats (proc(5)). The caller
 * holds namespace_sem.
 */
#include "kernel/vfs/mount/mount.h"

struct line {
	char *buf;
	size_t size, len;
};

static void put(struct line *l, const char *s)
{
	l->len += scnprintf(l->buf + l->len, l->size - l->len, "%s", s);
}

/*
 * Prints @s with the characters of @what as octal escapes. @what includes blanks and tabs, since
 * blanks separate fields.
 */
static void put_escaped(struct line *l, const char *s, const char *what)
{
	for (; *s; s++) {
		if (strchr(what, *s))
			l->len += scnprintf(l->buf + l->len, l->size - l->len, "\\%03o", (u8)*s);
		else
			l->len += scnprintf(l->buf + l->len, l->size - l->len, "%c", *s);
	}
}

int show_option_value(char *buf, size_t size, const char *value)
{
	struct line l = { buf, size, 0 };

	put_escaped(&l, value, ", \t\n\\");
	return (int)l.len;
}

static void put_type(struct line *l, const struct mount *m)
{
	put(l, m->mnt_sb->s_type->name);
	put_escaped(l, m->mnt_sb->s_subtype, " \t\n\\#");
}

static void put_mount_flags(struct line *l, const struct mount *m)
{
	static const struct {
		u32 flag;
		const char *text;
	} names[] = {
		{ MS_NOSUID, ",nosuid" },
		{ MS_NODEV, ",nodev" },
		{ MS_NOEXEC, ",noexec" },
		{ MS_NOATIME, ",noatime" },
		{ MS_NODIRATIME, ",nodiratime" },
		{ MS_RELATIME, ",relatime" },
		{ MS_NOSYMFOLLOW, ",nosymfollow" },
	};

	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (m->mnt_flags & names[i].flag)
			put(l, names[i].text);
	if (m->mnt_idmap)
		put(l, ",idmapped");
}

static void put_sb_options(struct line *l, struct mount *m)
{
	struct super_block *sb = m->mnt_sb;

	if (sb->s_flags & SB_SYNCHRONOUS)
		put(l, ",sync");
	if (sb->s_flags & MS_DIRSYNC)
		put(l, ",dirsync");
	if (sb->s_flags & MS_LAZYTIME)
		put(l, ",lazytime");
	if (sb->s_op->show_options)
		l->len += (size_t)sb->s_op->show_options(sb, l->buf + l->len, l->size - l->len);
}

static void cut_deleted(char *text)
{
	static const char suffix[] = " (deleted)";
	size_t n = strlen(text);

	if (n >= sizeof(suffix) && !strcmp(text + n - sizeof(suffix) + 1, suffix))
		text[n - sizeof(suffix) + 1] = '\0';
}

/*
 * Writes the path of a mount to @buf and sets *text to it. Returns 1; 0 if the mount cannot be
 * reached from @root; or -ENOSPC if the path does not fit.
 */
static int mount_place(struct mount *m, const struct path *root, char *buf, int len, char **text)
{
	struct path p = { m, m->mnt_root };

	if (!path_is_under(&p, root))
		return 0;
	*text = d_path_root(&p, root, buf, len);
	if (IS_ERR(*text))
		return PTR_ERR(*text) == -ENAMETOOLONG ? -ENOSPC : 0;
	/* The mounted directory was removed, not the mountpoint. */
	if (d_unlinked(m->mnt_root))
		cut_deleted(*text);
	return 1;
}

static void show_mounts(struct line *l, struct mount *m, const char *place)
{
	put_escaped(l, m->mnt_devname, " \t\n\\#");
	put(l, " ");
	put_escaped(l, place, " \t\n\\#");
	put(l, " ");
	put_type(l, m);
	put(l, mnt_readonly(m) ? " ro" : " rw");
	put_mount_flags(l, m);
	put_sb_options(l, m);
	put(l, " 0 0\n");
}

char *mount_root_name(const struct mount *m, char *buf, size_t size)
{
	const struct dentry_operations *ops = m->mnt_root->d_op;

	if (m->mnt_sb->s_op->show_root)
		return m->mnt_sb->s_op->show_root(m->mnt_root, buf, size);
	return ops && ops->d_dname ? ops->d_dname(m->mnt_root, buf, size) :
				     dentry_path(m->mnt_root, buf, size);
}

/* @tmp: a buffer of l->size bytes. Returns 0 or -ENOSPC: the name of the root does not fit. */
static int show_mountinfo(struct line *l, struct mount *m, const char *place, char *tmp)
{
	char *root = mount_root_name(m, tmp, l->size);

	if (IS_ERR(root) && PTR_ERR(root) == -ENAMETOOLONG)
		return -ENOSPC;
	l->len += scnprintf(l->buf + l->len, l->size - l->len, "%d %d %u:%u ", m->mnt_id,
		m->mnt_parent->mnt_id, MAJOR(m->mnt_sb->s_dev), MINOR(m->mnt_sb->s_dev));
	put_escaped(l, IS_ERR(root) ? "/" : root, " \t\n\\#");
	put(l, " ");
	put_escaped(l, place, " \t\n\\#");
	put(l, m->mnt_flags & MS_RDONLY ? " ro" : " rw");
	put_mount_flags(l, m);
	if (mnt_is_shared(m))
		l->len +=
			scnprintf(l->buf + l->len, l->size - l->len, " shared:%d", m->mnt_group_id);
	if (m->mnt_master)
		l->len += scnprintf(l->buf + l->len, l->size - l->len, " master:%d",
			m->mnt_master->mnt_group_id);
	if (m->mnt_state & MNT_UNBINDABLE)
		put(l, " unbindable");
	put(l, " - ");
	put_type(l, m);
	put(l, " ");
	put_escaped(l, m->mnt_devname, " \t\n\\#");
	put(l, sb_rdonly(m->mnt_sb) ? " ro" : " rw");
	put_sb_options(l, m);
	put(l, "\n");
	return 0;
}

static void show_mountstats(struct line *l, struct mount *m, const char *place)
{
	put(l, "device ");
	put_escaped(l, m->mnt_devname, " \t\n\\");
	put(l, " mounted on ");
	put_escaped(l, place, " \t\n\\");
	put(l, " with fstype ");
	put_type(l, m);
	put(l, "\n");
}

int show_mounts_line(struct mount *m, const struct path *root, int style, char *buf, size_t size)
{
	struct line l = { buf, size, 0 };
	char *tmp = kmalloc(2 * size, GFP_KERNEL), *place;
	int err;

	if (!tmp)
		return -ENOMEM;
	err = mount_place(m, root, tmp, (int)size, &place);
	if (err > 0) {
		err = 0;
		if (style == 1)
			err = show_mountinfo(&l, m, place, tmp + size);
		else if (style == 2)
			show_mountstats(&l, m, place);
		else
			show_mounts(&l, m, place);
	}
	kfree(tmp);
	/* What does not fit is cut, and leaves only the NUL's byte. */
	return err ? err : l.len + 1 >= size ? -ENOSPC : (int)l.len;
}
