/* SPDX-License-Identifier: MIT */
/*
 * audit.c: lines of the audit (kernel/task/audit/line.h) about the host's folders: what the guest
 * opens for writing, makes, removes, renames and changes, and what it was refused.
 *
 * A line has the folder that the command line names ("volume") and the path below it ("file"):
 * where the guest has mounted it does not matter. It is written after the host has done what it
 * tells, so it names the guest's view. The host's processes may have renamed folders meanwhile.
 */
#include "drivers/hostfs/hostfs.h"
#include "kernel/task/audit/audit.h"

#define VOLUME_MOST 600 /* bytes of the line */

/* Adds the path of @d below the volume. Within a rename, names are those before it. */
static void add_path(struct audit *a, const char *key, struct dentry *d, char *buf)
{
	const struct hostfs_sb *hs = d->d_sb->s_fs_info;
	size_t n = strcmp(hs->dir, "/") ? strlen(hs->dir) : 0;
	char *text = dentry_path(d, buf, PATH_MAX);

	if (IS_ERR(text) || n > (size_t)(text - buf)) {
		audit_cut(a);
		return;
	}
	text -= n;
	memcpy(text, hs->dir, n);
	if (!audit_text(a, key, text, strlen(text), AUDIT_PATH))
		audit_cut(a);
}

static void tell(const char *event, const char *what, struct dentry *d, struct dentry *to)
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
		audit_text(&a, "volume", hs->share->dir, strlen(hs->share->dir), VOLUME_MOST);
		add_path(&a, "file", d, buf);
		if (to)
			add_path(&a, "to", to, buf);
		audit_end(&a);
	}
	kfree(buf);
}

void hostfs_audit_slow(const char *event, struct dentry *d, struct dentry *to)
{
	tell(event, NULL, d, to);
}

void hostfs_write_refused(struct inode *inode)
{
	struct dentry *d = audit_on() ? d_find_alias(inode) : NULL;

	if (!d)
		return;
	tell("refused", "write", d, NULL);
	dput(d);
}
