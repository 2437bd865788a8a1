/* SPDX-License-Identifier: MIT */
/*
 * audit.c: lines of the audit (kernel/task/audit/line.h) about files in the host's folders: those
 * that the guest opens for writing, creates, removes, renames or changes, and refusals.
 *
 * A line has the folder that the command line names ("volume") and the path in it ("file"). If one
 * file is shared, the volume is that file and the path is "/". The guest's mount point plays no
 * part. A line is written after the host has made the change, with the names that the guest knows.
 * Processes of the host may have renamed folders meanwhile.
 */
#include "drivers/hostfs/hostfs.h"
#include "kernel/task/audit/audit.h"

#define VOLUME_MOST 600 /* maximum bytes of the volume's name */

/* Adds the path of @d in the volume. For a rename it has the names before the rename. */
static void add_path(struct audit *a, const char *key, struct dentry *d, char *buf)
{
	const struct hostfs_sb *hs = d->d_sb->s_fs_info;
	size_t n = strcmp(hs->dir, "/") && !hs->share->only ? strlen(hs->dir) : 0;
	char *text = dentry_path(d, buf, PATH_MAX);

	if (IS_ERR(text) || n > (size_t)(text - buf)) {
		audit_cut(a);
		return;
	}
	if (hs->share->only)
		text[1] = 0; /* the volume is the file itself */
	text -= n;
	memcpy(text, hs->dir, n);
	if (!audit_text(a, key, text, strlen(text), AUDIT_PATH))
		audit_cut(a);
}

/* Adds the folder or the single file that the command line names. */
static void add_volume(struct audit *a, const struct hostfs_share *s, char *buf)
{
	const char *text = s->dir;

	if (s->only) {
		scnprintf(buf, PATH_MAX, "%s/%s", strcmp(s->dir, "/") ? s->dir : "", s->only);
		text = buf;
	}
	audit_text(a, "volume", text, strlen(text), VOLUME_MOST);
}

static void log_event(const char *event, const char *what, struct dentry *d, struct dentry *to)
{
	const struct hostfs_sb *hs = d->d_sb->s_fs_info;
	struct audit a;
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL);

	if (!buf) {
		audit_ops->lose();
		return;
	}
	if (audit_begin_task(&a, event)) {
		if (what)
			audit_text(&a, "what", what, strlen(what), 32);
		add_volume(&a, hs->share, buf);
		add_path(&a, "file", d, buf);
		if (to)
			add_path(&a, "to", to, buf);
		audit_end(&a);
	}
	kfree(buf);
}

void hostfs_audit_slow(const char *event, struct dentry *d, struct dentry *to)
{
	log_event(event, NULL, d, to);
}

void hostfs_write_refused(struct inode *inode)
{
	struct dentry *d = audit_on() ? d_find_alias(inode) : NULL;

	if (!d)
		return;
	log_event("refused", "write", d, NULL);
	dput(d);
}
