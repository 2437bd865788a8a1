/* SPDX-License-Identifier: MIT */
/*
 * statmount.c: statmount(2) and listmount(2): mounts by their unique ids, in binary form.
 *
 * Both calls use the caller's mount namespace, or the namespace whose id is given, over which the
 * caller needs CAP_SYS_ADMIN. For a mount that is not below the caller's root, or in another
 * namespace not below that namespace's root, the caller also needs CAP_SYS_ADMIN. The result is
 * collected in kernel memory under namespace_sem, and then copied to the guest.
 */
#include "gen/syscalls.h"
#include "kernel/vfs/mount/mount.h"

#define ALL_MOUNTS (~0UL) /* LSMT_ROOT of listmount(2) */
#define LIST_REVERSE 1
#define LIST_MAX 1000000
#define REQUEST_V0 24
/* Bytes for root, mountpoint, source, options in two forms, and short texts. */
#define TEXT_SIZE (8 * PATH_MAX) /* at first; it grows up to TEXT_MAX */
#define TEXT_MAX (128 * PATH_MAX)

/* Structures that are newer than the headers of the build. */
struct request {
	u32 size, fd;
	u64 id, param, ns;
};
enum {
	SB_BASIC = 0x1,
	MNT_BASIC = 0x2,
	PROPAGATE_FROM = 0x4,
	MNT_ROOT = 0x8,
	MNT_POINT = 0x10,
	FS_TYPE = 0x20,
	MNT_NS_ID = 0x40,
	MNT_OPTS = 0x80,
	FS_SUBTYPE = 0x100,
	SB_SOURCE = 0x200,
	OPT_ARRAY = 0x400,
	OPT_SEC_ARRAY = 0x800,
	SUPPORTED_MASK = 0x1000,
	MNT_UIDMAP = 0x2000,
	MNT_GIDMAP = 0x4000,
	TEXTS = MNT_ROOT | MNT_POINT | FS_TYPE | MNT_OPTS | FS_SUBTYPE | SB_SOURCE | OPT_ARRAY |
		OPT_SEC_ARRAY | MNT_UIDMAP | MNT_GIDMAP,
	SUPPORTED = 0x7fff,
};
struct answer {
	u32 size, mnt_opts;
	u64 mask;
	u32 sb_dev_major, sb_dev_minor;
	u64 sb_magic;
	u32 sb_flags, fs_type;
	u64 mnt_id, mnt_parent_id;
	u32 mnt_id_old, mnt_parent_id_old;
	u64 mnt_attr, mnt_propagation, mnt_peer_group, mnt_master, propagate_from;
	u32 mnt_root, mnt_point;
	u64 mnt_ns_id;
	u32 fs_subtype, sb_source, opt_num, opt_array, opt_sec_num, opt_sec_array;
	u64 supported_mask;
	u32 uidmap_num, uidmap, gidmap_num, gidmap;
	u64 spare[43];
};
_Static_assert(sizeof(struct answer) == 512, "struct statmount");

static int get_request(uaddr_t from, struct request *r)
{
	u32 size;
	int err;

	if (copy_from_user(&size, from, sizeof(size)))
		return -EFAULT;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < REQUEST_V0)
		return -EINVAL;
	err = copy_struct_from_user(r, sizeof(*r), from, size);
	if (err)
		return err;
	return r->fd || r->id <= MNT_FIRST_UNIQUE ? -EINVAL : 0;
}

/* Finds a mount by its unique id. namespace_sem is held. */
static struct mount *find_mount(struct mnt_namespace *ns, u64 id)
{
	struct rb_node *n = ns->mounts.node;

	while (n) {
		struct mount *m = rb_entry(n, struct mount, mnt_node);

		if (m->mnt_id_unique == id)
			return m;
		n = id < m->mnt_id_unique ? n->left : n->right;
	}
	return NULL;
}

static bool shown(struct mount *m, const struct path *root)
{
	struct path p = { m, m->mnt_root };

	return path_is_under(&p, root);
}

/*
 * Finds the namespace that @r names, and the root that the caller sees in it, both with references.
 * Returns 0 or -ENOENT.
 */
static int find_ns(const struct request *r, struct mnt_namespace **ns, struct path *root)
{
	struct mnt_namespace *mine = current_mnt_ns(), *m;

	if (!r->ns || r->ns == mnt_ns_unique(mine)) {
		ns_get(&mine->ns);
		*ns = mine;
		get_fs_root(current->fs, root);
		return 0;
	}
	m = mnt_ns_find(r->ns);
	if (!m)
		return -ENOENT;
	if (!ns_capable(m->ns.owner, CAP_SYS_ADMIN)) {
		ns_put(&m->ns);
		return -ENOENT;
	}
	*ns = m;
	down_read(&namespace_sem);
	mnt_ns_top(m, root);
	up_read(&namespace_sem);
	return 0;
}

static void put_ns(struct mnt_namespace *ns, const struct path *root)
{
	path_put(root);
	ns_put(&ns->ns);
}

/* ---- statmount ---- */

struct gather {
	struct answer a;
	/* The first byte is the empty text. */
	char *text;
	char *tmp; /* a buffer */
	u32 size;  /* of @text and @tmp, in bytes */
	u32 len;   /* bytes used of @text */
	bool full; /* a text did not fit */
};

/*
 * Adds a text and returns its offset. If there is no room, sets g->full and returns 0, the offset
 * of the empty text.
 */
static u32 add_text(struct gather *g, const char *s)
{
	size_t n = strlen(s) + 1;
	u32 at = g->len;

	if (n > g->size - at) {
		g->full = true;
		return 0;
	}
	memcpy(g->text + at, s, n);
	g->len += (u32)n;
	return at;
}

static u64 attributes_of(u32 flags)
{
	u64 attr = (flags & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0) |
		   (flags & MS_NOSUID ? MOUNT_ATTR_NOSUID : 0) |
		   (flags & MS_NODEV ? MOUNT_ATTR_NODEV : 0) |
		   (flags & MS_NOEXEC ? MOUNT_ATTR_NOEXEC : 0) |
		   (flags & MS_NODIRATIME ? MOUNT_ATTR_NODIRATIME : 0) |
		   (flags & MS_NOSYMFOLLOW ? MOUNT_ATTR_NOSYMFOLLOW : 0);

	if (flags & MS_NOATIME)
		return attr | MOUNT_ATTR_NOATIME;
	return flags & MS_RELATIME ? attr : attr | MOUNT_ATTR_STRICTATIME;
}

static u64 propagation_of(const struct mount *m)
{
	u64 p = (mnt_is_shared(m) ? MS_SHARED : 0) | (m->mnt_master ? MS_SLAVE : 0) |
		(m->mnt_state & MNT_UNBINDABLE ? MS_UNBINDABLE : 0);

	return p ? p : MS_PRIVATE;
}

static void gather_numbers(struct gather *g, const struct mount *m, u64 want)
{
	const struct super_block *sb = m->mnt_sb;
	struct answer *a = &g->a;

	if (want & SB_BASIC) {
		a->sb_dev_major = MAJOR(sb->s_dev);
		a->sb_dev_minor = MINOR(sb->s_dev);
		a->sb_magic = sb->s_magic;
		a->sb_flags = sb->s_flags & (SB_RDONLY | SB_SYNCHRONOUS | MS_DIRSYNC | MS_LAZYTIME);
	}
	if (want & MNT_BASIC) {
		a->mnt_id = m->mnt_id_unique;
		a->mnt_parent_id = m->mnt_parent->mnt_id_unique;
		a->mnt_id_old = (u32)m->mnt_id;
		a->mnt_parent_id_old = (u32)m->mnt_parent->mnt_id;
		a->mnt_attr = attributes_of(m->mnt_flags) | (m->mnt_idmap ? MOUNT_ATTR_IDMAP : 0);
		a->mnt_propagation = propagation_of(m);
		a->mnt_peer_group = mnt_is_shared(m) ? (u64)m->mnt_group_id : 0;
		a->mnt_master = m->mnt_master ? (u64)m->mnt_master->mnt_group_id : 0;
	}
	if (want & MNT_NS_ID)
		a->mnt_ns_id = mnt_ns_unique(m->mnt_ns);
	if (want & SUPPORTED_MASK)
		a->supported_mask = SUPPORTED;
	a->mask = want & (SB_BASIC | MNT_BASIC | PROPAGATE_FROM | MNT_NS_ID | SUPPORTED_MASK);
}

/* Adds a path, or @other if it has no text, and returns its offset. @s may be ERR_PTR. */
static u32 add_path(struct gather *g, const char *s, const char *other)
{
	g->full |= IS_ERR(s) && PTR_ERR(s) == -ENAMETOOLONG;
	return add_text(g, IS_ERR(s) ? other : s);
}

static void gather_places(struct gather *g, struct mount *m, u64 want, const struct path *root)
{
	struct path p = { m, m->mnt_root };

	if (want & MNT_ROOT) {
		g->a.mnt_root = add_path(g, mount_root_name(m, g->tmp, g->size), "/");
		g->a.mask |= MNT_ROOT;
	}
	if (want & MNT_POINT) {
		g->a.mnt_point = add_path(g, d_path_root(&p, root, g->tmp, (int)g->size), "");
		g->a.mask |= MNT_POINT;
	}
}

/* True if @s begins with an escape of show_option_value(). */
static bool is_escape(const char *s)
{
	return s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
	       s[3] >= '0' && s[3] <= '7';
}

/* Replaces the octal escapes of show_option_value() by the characters. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (is_escape(s)) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/*
 * Adds the options ",a,b=c" in two forms: as the text "a,b=c" with escapes, and as the list "a",
 * "b=c" without.
 */
static void gather_options(struct gather *g, struct mount *m, u64 want)
{
	struct super_block *sb = m->mnt_sb;
	int n = sb->s_op->show_options ? sb->s_op->show_options(sb, g->tmp, g->size) : 0;
	char *s = g->tmp + (n > 0 && g->tmp[0] == ',');

	if (n <= 0)
		return;
	g->full |= (u32)n + 1 >= g->size;
	if (want & MNT_OPTS) {
		g->a.mnt_opts = add_text(g, s);
		g->a.mask |= MNT_OPTS;
	}
	if (!(want & OPT_ARRAY))
		return;
	g->a.mask |= OPT_ARRAY;
	g->a.opt_array = g->len;
	while (*s) {
		char *end = strchr(s, ',');

		if (end)
			*end = '\0';
		unescape(s);
		add_text(g, s);
		g->a.opt_num++;
		if (!end)
			break;
		s = end + 1;
	}
}

static void gather_names(struct gather *g, struct mount *m, u64 want)
{
	struct super_block *sb = m->mnt_sb;

	if (want & FS_TYPE) {
		g->a.fs_type = add_text(g, sb->s_type->name);
		g->a.mask |= FS_TYPE;
	}
	if (want & FS_SUBTYPE && sb->s_subtype[0]) {
		g->a.fs_subtype = add_text(g, sb->s_subtype + 1); /* without the dot */
		g->a.mask |= FS_SUBTYPE;
	}
	if (want & SB_SOURCE) {
		g->a.sb_source = add_text(g, m->mnt_devname);
		g->a.mask |= SB_SOURCE;
	}
	gather_options(g, m, want);
}

/*
 * Adds a line such as "0 100000 65536" for each range of the id map whose ids the caller's user
 * namespace maps completely. *at is the offset of the first line, *num counts the lines. Lines for
 * which there is no room are left out.
 */
static void gather_idmap(struct gather *g, const struct id_map *map, bool gid, u32 *num, u32 *at)
{
	const struct user_namespace *mine = current_user_ns();
	char line[40];

	*at = g->len;
	for (u32 i = 0; i < map->nr; i++) {
		const struct id_extent *e = &map->ext[i];
		u32 lower =
			id_map_up_range(gid ? &mine->gid_map : &mine->uid_map, e->lower, e->count);

		if (!uid_valid(lower))
			continue;
		scnprintf(line, sizeof(line), "%u %u %u", e->first, lower, e->count);
		if (!add_text(g, line))
			break;
		(*num)++;
	}
}

static void gather_idmaps(struct gather *g, const struct mount *m, u64 want)
{
	const struct user_namespace *map = m->mnt_idmap;

	if (!map)
		return;
	if (want & MNT_UIDMAP)
		gather_idmap(g, &map->uid_map, false, &g->a.uidmap_num, &g->a.uidmap);
	if (want & MNT_GIDMAP)
		gather_idmap(g, &map->gid_map, true, &g->a.gidmap_num, &g->a.gidmap);
	g->a.mask |= want & (MNT_UIDMAP | MNT_GIDMAP);
}

/* Collects the requested information about the mount that @r names. Returns 0 or -errno. */
static int gather(struct gather *g, const struct request *r)
{
	struct mnt_namespace *ns;
	struct mount *m;
	struct path root;
	int err = find_ns(r, &ns, &root);

	if (err)
		return err;
	down_read(&namespace_sem);
	m = find_mount(ns, r->id);
	if (!m)
		err = -ENOENT;
	else if (!shown(m, &root) && !ns_capable(ns->ns.owner, CAP_SYS_ADMIN))
		err = -EPERM;
	if (!err) {
		gather_numbers(g, m, r->param);
		gather_places(g, m, r->param, &root);
		gather_names(g, m, r->param);
		gather_idmaps(g, m, r->param);
	}
	up_read(&namespace_sem);
	put_ns(ns, &root);
	return err;
}

static int put_answer(struct gather *g, u64 want, uaddr_t buf, size_t size)
{
	if (!(want & TEXTS)) {
		g->a.size = sizeof(g->a);
		return copy_to_user(buf, &g->a, min(size, sizeof(g->a))) ? -EFAULT : 0;
	}
	g->a.size = (u32)sizeof(g->a) + g->len;
	if (g->a.size > size)
		return -EOVERFLOW;
	if (copy_to_user(buf, &g->a, sizeof(g->a)) ||
		copy_to_user(uaddr_add(buf, sizeof(g->a)), g->text, g->len))
		return -EFAULT;
	return 0;
}

/* Answers with @room bytes for the texts. Sets *full if they did not fit. Returns 0 or -errno. */
static long answer_in(
	const struct request *r, uaddr_t buf, size_t size, u32 room, bool last, bool *full)
{
	struct gather *g = kzalloc(sizeof(*g), GFP_KERNEL);
	long err = -ENOMEM;

	if (!g)
		return err;
	g->text = kzalloc(room, GFP_KERNEL);
	g->tmp = kzalloc(room, GFP_KERNEL);
	g->size = room;
	g->len = 1;
	if (g->text && g->tmp)
		err = gather(g, r);
	*full = g->full;
	if (!err && (last || !g->full))
		err = put_answer(g, r->param, buf, size);
	kfree(g->tmp);
	kfree(g->text);
	kfree(g);
	return err;
}

long sys_statmount(uaddr_t req, uaddr_t buf, size_t size, uint32_t flags)
{
	struct request r;
	bool full = true;
	long err;

	if (flags)
		return -EINVAL;
	err = get_request(req, &r);
	if (err)
		return err;
	for (u32 room = TEXT_SIZE; !err && full && room <= TEXT_MAX; room *= 2)
		err = answer_in(&r, buf, size, room, room == TEXT_MAX, &full);
	return err;
}

/* ---- listmount ---- */

/* Moves the element at @at down in a heap of @n elements. */
static void sift(u64 *ids, u32 at, u32 n)
{
	u64 id = ids[at];

	for (u32 c; (c = 2 * at + 1) < n; at = c) {
		if (c + 1 < n && ids[c + 1] > ids[c])
			c++;
		if (ids[c] <= id)
			break;
		ids[at] = ids[c];
	}
	ids[at] = id;
}

/*
 * Sorts ids by heapsort, which has no slow case: the ids come in the order of the tree, which the
 * guest chooses.
 */
static void sort_ids(u64 *ids, u32 n)
{
	for (u32 i = n / 2; i--;)
		sift(ids, i, n);
	while (n > 1) {
		u64 last = ids[--n];

		ids[n] = ids[0];
		ids[0] = last;
		sift(ids, 0, n);
	}
}

struct list {
	u64 *ids;
	u32 n, max;
};

static void list_tree(struct list *l, struct mount *top, bool itself)
{
	for (struct mount *m = top; m; m = mnt_next(m, top))
		if ((m != top || itself) && l->n < l->max)
			l->ids[l->n++] = m->mnt_id_unique;
}

/*
 * Lists all mounts that can be reached from @root. The mount of @root is listed only if @root is
 * the root of that mount.
 */
static void list_reachable(struct list *l, const struct mnt_namespace *ns, const struct path *root)
{
	struct mount *m;

	/* A root in another namespace reaches no mounts of this one. */
	if (root->mnt->mnt_ns != ns)
		return;
	if (root->dentry == root->mnt->mnt_root) {
		list_tree(l, root->mnt, true);
		return;
	}
	list_for_each_entry(m, &root->mnt->mnt_mounts, mnt_child)
		if (shown(m, root))
			list_tree(l, m, true);
}

/*
 * Collects mounts for listmount(), in the order of ids: all mounts that @root shows, or those below
 * the mount with @id. The walk goes from the top down, since a walk up from each mount would take
 * as many steps as mounts are stacked. namespace_sem is held. Returns 0 or -errno.
 */
static int collect(struct list *l, struct mnt_namespace *ns, u64 id, const struct path *root)
{
	struct mount *top = id == ALL_MOUNTS ? root->mnt : find_mount(ns, id);

	if (!top)
		return -ENOENT;
	if (id != ALL_MOUNTS && !shown(top, root) && !ns_capable(ns->ns.owner, CAP_SYS_ADMIN))
		return -EPERM;
	l->n = 0;
	l->max = ns->nr_mounts;
	l->ids = kmalloc((l->max + 1) * sizeof(*l->ids), GFP_KERNEL);
	if (!l->ids)
		return -ENOMEM;
	if (id == ALL_MOUNTS)
		list_reachable(l, ns, root);
	else
		list_tree(l, top, false);
	sort_ids(l->ids, l->n);
	return 0;
}

/* Collects the ids in *l, whose memory the caller frees. Returns 0 or -errno. */
static int list_ids(const struct request *r, struct list *l)
{
	struct mnt_namespace *ns;
	struct path root;
	int err = find_ns(r, &ns, &root);

	if (err)
		return err;
	down_read(&namespace_sem);
	err = collect(l, ns, r->id, &root);
	up_read(&namespace_sem);
	put_ns(ns, &root);
	return err;
}

long sys_listmount(uaddr_t req, uaddr_t to, size_t nr, uint32_t flags)
{
	struct request r;
	struct list l;
	long ret = 0;

	if (flags & ~(u32)LIST_REVERSE)
		return -EINVAL;
	if (nr > LIST_MAX)
		return -EOVERFLOW;
	ret = get_request(req, &r);
	if (ret)
		return ret;
	if (r.param && r.param <= MNT_FIRST_UNIQUE)
		return -EINVAL;
	ret = list_ids(&r, &l);
	if (ret)
		return ret;
	for (u32 i = 0; i < l.n && (size_t)ret < nr; i++) {
		u64 id = l.ids[flags & LIST_REVERSE ? l.n - 1 - i : i];

		if (r.param && r.param != ALL_MOUNTS &&
			(flags & LIST_REVERSE ? id >= r.param : id <= r.param))
			continue;
		if (copy_to_user(uaddr_add(to, (u64)ret * sizeof(id)), &id, sizeof(id))) {
			ret = -EFAULT;
			break;
		}
		ret++;
	}
	kfree(l.ids);
	return ret;
}
