/* SPDX-License-Identifier: MIT */
/*
 * keyctl.c: add_key(2), keyctl(2). Arguments in guest memory are copied before keys_mutex is taken,
 * results after it is dropped. Source: keyctl(2).
 *
 * Not supported: DH and asymmetric keys, persistent keyrings and notifications (EOPNOTSUPP). No
 * helper in user space makes keys: INSTANTIATE, NEGATE and REJECT give EPERM, ASSUME_AUTHORITY
 * ENOKEY. A keyring can be closed to all new links, but not restricted by a key type (ENOENT).
 */
#include <linux/keyctl.h>

#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/task/keys/keys.h"

#define TYPE_LEN 32
#define DESC_LEN 4096
#define USER_MAX 32767U
#define BIG_MAX (1024U * 1024U - 1)

/* ---- arguments ---- */

int key_arg_type(uaddr_t ua)
{
	char type[TYPE_LEN];
	ssize_t n = strncpy_from_user(type, ua, TYPE_LEN);

	if (n < 0)
		return (int)n;
	if (n == 0 || n == TYPE_LEN)
		return -EINVAL;
	return type[0] == '.' ? -EPERM : key_type_of(type);
}

char *key_arg_desc(uaddr_t ua)
{
	char *desc;
	ssize_t n;

	if (!ua.v)
		return NULL;
	desc = kmalloc(DESC_LEN, GFP_KERNEL);
	if (!desc)
		return ERR_PTR(-ENOMEM);
	n = strncpy_from_user(desc, ua, DESC_LEN);
	if (n > 0 && n < DESC_LEN)
		return desc;
	kfree(desc);
	if (n == 0)
		return NULL;
	return ERR_PTR(n < 0 ? n : -EINVAL);
}

/*
 * Returns a copy of the payload at @ua, to be freed with kfree(). NULL if @len is 0, ERR_PTR on
 * failure.
 */
static void *get_payload(uaddr_t ua, u64 len)
{
	void *data;

	if (len > BIG_MAX)
		return ERR_PTR(-EINVAL);
	if (!len)
		return NULL;
	data = kmalloc(len, GFP_KERNEL);
	if (!data)
		return ERR_PTR(-ENOMEM);
	if (!copy_from_user(data, ua, len))
		return data;
	kfree(data);
	return ERR_PTR(-EFAULT);
}

/*
 * Checks the length of a payload and, unless @desc is NULL, the description. Returns 0 or -EINVAL.
 */
static int payload_fits(enum key_type type, const char *desc, u64 len)
{
	switch (type) {
	case KEY_KEYRING: return len ? -EINVAL : 0;
	case KEY_LOGON: /* a description is "service:name" */
		if (desc && (!strchr(desc, ':') || desc[0] == ':'))
			return -EINVAL;
		return len && len <= USER_MAX ? 0 : -EINVAL;
	case KEY_USER: return len && len <= USER_MAX ? 0 : -EINVAL;
	default: return len ? 0 : -EINVAL;
	}
}

/* ---- add_key ---- */

u32 key_default_perm(enum key_type type)
{
	u32 pos = KEY_VIEW | KEY_SEARCH | KEY_LINK | KEY_SETATTR | KEY_WRITE;

	if (type != KEY_LOGON)
		pos |= KEY_READ;
	return KEY_POS(pos) | KEY_USR(KEY_VIEW);
}

/*
 * Adds or updates a key and returns its serial number, or -errno. Sets *data to NULL if the key has
 * taken over the payload.
 */
static long add_locked(enum key_type type, const char *desc, void **data, u32 len, s32 ring_id)
{
	struct key *ring = key_lookup(ring_id, true, KEY_WRITE), *k = NULL;
	long ret;

	if (IS_ERR(ring))
		return PTR_ERR(ring);
	ret = payload_fits(type, desc, len);
	if (!ret && !desc)
		ret = -EINVAL;
	if (!ret && ring->type != KEY_KEYRING)
		ret = -ENOTDIR;
	if (ret)
		goto out;
	if (type != KEY_KEYRING)
		k = keyring_find(ring, type, desc);
	if (k && !key_alive(k)) {
		ret = key_may_as(k, KEY_WRITE, key_possessed_by(ring_id, ring)) ?
			      key_set_payload(k, *data, len) :
			      -EACCES;
		if (!ret)
			*data = NULL;
		ret = ret ? ret : k->serial;
		goto out;
	}
	k = key_alloc(type, desc, key_default_perm(type));
	ret = PTR_ERR(k);
	if (IS_ERR(k))
		goto out;
	ret = key_set_payload(k, *data, len);
	if (!ret) {
		*data = NULL;
		ret = keyring_link(ring, k);
	}
	ret = ret ? ret : k->serial;
	key_put(k);
out:
	key_put(ring);
	return ret;
}

long sys_add_key(uaddr_t utype, uaddr_t udesc, uaddr_t payload, size_t len, int ring)
{
	int type;
	void *data;
	char *desc;
	long ret;

	if (len > BIG_MAX)
		return -EINVAL;
	type = key_arg_type(utype);
	if (type < 0 && type != -ENODEV)
		return type;
	desc = key_arg_desc(udesc);
	if (IS_ERR(desc))
		return PTR_ERR(desc);
	if (desc && desc[0] == '.' && type == KEY_KEYRING) {
		kfree(desc);
		return -EPERM;
	}
	data = get_payload(payload, len);
	ret = PTR_ERR(data);
	if (!IS_ERR(data)) {
		mutex_lock(&keys_mutex);
		ret = type < 0 ? type :
				 add_locked((enum key_type)type, desc, &data, (u32)len, ring);
		mutex_unlock(&keys_mutex);
		kfree(data);
	}
	kfree(desc);
	return ret;
}

/* ---- keyctl: one key ---- */

/*
 * The op_*() functions serve commands of keyctl(2). keys_mutex is held. They return the result or
 * -errno.
 */
static long op_get_id(s32 id, bool create)
{
	struct key *k = key_lookup(id, create, KEY_SEARCH);
	long ret;

	if (IS_ERR(k))
		return PTR_ERR(k);
	ret = k->serial;
	key_put(k);
	return ret;
}

/*
 * Replaces the payload by *@data of @len bytes. At success takes it over and sets *@data to NULL.
 */
static long op_update(s32 id, void **data, u32 len)
{
	struct key *k = key_lookup(id, false, KEY_WRITE);
	long ret;

	if (IS_ERR(k))
		return PTR_ERR(k);
	ret = k->type == KEY_KEYRING ? -EOPNOTSUPP : payload_fits(k->type, NULL, len);
	if (!ret)
		ret = key_set_payload(k, *data, len);
	if (!ret)
		*data = NULL;
	key_put(k);
	return ret;
}

static long op_revoke(s32 id)
{
	struct key *k = key_lookup(id, false, KEY_WRITE);

	if (IS_ERR(k) && PTR_ERR(k) == -EACCES)
		k = key_lookup(id, false, KEY_SETATTR);
	if (IS_ERR(k))
		return PTR_ERR(k);
	k->revoked = true;
	if (k->type == KEY_KEYRING)
		keyring_clear(k);
	else
		key_set_payload(k, NULL, 0);
	key_put(k);
	return 0;
}

/*
 * Unlinks an invalid key from all keyrings. If there is no memory for the list of all keys, the key
 * stays linked until its keyrings are freed.
 */
static void unlink_everywhere(struct key *gone)
{
	s32 *serials;
	s64 n = key_serials(&serials);

	if (n < 0)
		return;
	for (s64 i = 0; i < n && atomic_read(&gone->refs) > 1; i++) {
		struct key *ring = key_find(serials[i]);

		if (ring && ring->type == KEY_KEYRING)
			keyring_unlink(ring, gone);
		key_put(ring);
	}
	kfree(serials);
}

static long op_invalidate(s32 id)
{
	struct key *k = key_lookup(id, false, KEY_SEARCH);

	if (IS_ERR(k))
		return PTR_ERR(k);
	k->invalid = true;
	unlink_everywhere(k);
	key_put(k);
	return 0;
}

/* Changes the owner and the group; ~0 leaves either unchanged. */
static long op_chown(s32 id, u32 user, u32 group)
{
	kuid_t uid = make_kuid(current_user_ns(), user);
	kgid_t gid = make_kgid(current_user_ns(), group);
	struct key *k;
	long ret = 0;

	if ((user != ~0U && !uid_valid(uid)) || (group != ~0U && !uid_valid(gid)))
		return -EINVAL;
	if (user == ~0U && group == ~0U)
		return 0;
	k = key_lookup(id, true, KEY_SETATTR);
	if (IS_ERR(k))
		return PTR_ERR(k);
	if (group != ~0U && gid != k->gid && !in_group(gid) && !capable(CAP_SYS_ADMIN))
		ret = -EACCES;
	if (!ret && user != ~0U)
		ret = key_chown(k, uid);
	if (!ret && group != ~0U)
		k->gid = gid;
	key_put(k);
	return ret;
}

static long op_setperm(s32 id, u32 perm)
{
	struct key *k;
	long ret = -EACCES;

	if (perm & ~0x3f3f3f3fU)
		return -EINVAL;
	k = key_lookup(id, true, KEY_SETATTR);
	if (IS_ERR(k))
		return PTR_ERR(k);
	if (k->uid == current_fsuid() || capable(CAP_SYS_ADMIN)) {
		k->perm = perm;
		ret = 0;
	}
	key_put(k);
	return ret;
}

static long op_timeout(s32 id, u32 seconds)
{
	struct key *k = key_lookup(id, true, KEY_SETATTR);

	if (IS_ERR(k))
		return PTR_ERR(k);
	k->expiry = seconds ? ktime_get() + seconds * 1000000000UL : 0;
	key_put(k);
	return 0;
}

/*
 * ---- keyctl: operations that return a length, and the result in *out (freed by the caller) ----
 */

/*
 * Makes the text of KEYCTL_DESCRIBE. Returns its length in bytes with the terminating zero, or
 * -errno.
 */
static long op_describe(s32 id, void **out)
{
	struct user_namespace *ns = current_user_ns();
	struct key *k = key_lookup(id, true, KEY_VIEW);
	size_t room;
	long ret = -ENOMEM;

	if (IS_ERR(k))
		return PTR_ERR(k);
	room = strlen(k->desc) + 64;
	*out = kmalloc(room, GFP_KERNEL);
	if (*out)
		ret = scnprintf(*out, room, "%s;%d;%d;%08x;%s", key_type_name(k->type),
			      (int)from_kuid_munged(ns, k->uid), (int)from_kgid_munged(ns, k->gid),
			      k->perm, k->desc) +
		      1;
	key_put(k);
	return ret;
}

/*
 * Sets *out to a new array of the keyring's serials, which the caller frees with kfree(). Returns
 * its length in bytes, or -ENOMEM.
 */
static long read_links(struct key *ring, void **out)
{
	s32 *ids = kmalloc(max(ring->nr, 1U) * sizeof(*ids), GFP_KERNEL);

	*out = ids;
	if (!ids)
		return -ENOMEM;
	for (u32 i = 0; i < ring->nr; i++)
		ids[i] = ring->links[i]->serial;
	return (long)(ring->nr * sizeof(*ids));
}

/*
 * Reads a key. Returns its length in bytes, or -errno. @room: bytes of the reader's buffer; 0: the
 * reader needs only the length.
 */
static long op_read(s32 id, u64 room, void **out)
{
	struct key *k = key_lookup(id, false, 0);
	long ret;

	/* An invalid serial number gives the error of a missing key. */
	if (IS_ERR(k))
		return PTR_ERR(k) == -EINVAL ? -ENOKEY : PTR_ERR(k);
	if (!key_may_as(k, KEY_READ, false) && !key_possessed_by(id, k))
		ret = -EACCES;
	else if (k->type == KEY_LOGON)
		ret = -EOPNOTSUPP;
	/* As on Linux, a buffer of at most a page must hold whole serials. */
	else if (k->type == KEY_KEYRING)
		ret = room <= PAGE_SIZE && room % sizeof(s32) ? -EINVAL : read_links(k, out);
	else
		ret = (*out = kmemdup(k->data, k->len, GFP_KERNEL)) ? (long)k->len : -ENOMEM;
	key_put(k);
	return ret;
}

static long op_security(s32 id, void **out)
{
	struct key *k = key_lookup(id, true, KEY_VIEW);

	if (IS_ERR(k))
		return PTR_ERR(k);
	key_put(k);
	/* An empty label: there is no security module. */
	*out = kzalloc(1, GFP_KERNEL);
	return *out ? 1 : -ENOMEM;
}

/* ---- keyctl: keyrings ---- */

static long op_clear(s32 id)
{
	struct key *k = key_lookup(id, true, KEY_WRITE);
	long ret = 0;

	if (IS_ERR(k))
		return PTR_ERR(k);
	if (k->type == KEY_KEYRING)
		keyring_clear(k);
	else
		ret = -ENOTDIR;
	key_put(k);
	return ret;
}

static long op_link(s32 id, s32 ring_id)
{
	struct key *ring = key_lookup(ring_id, true, KEY_WRITE), *k;
	long ret;

	if (IS_ERR(ring))
		return PTR_ERR(ring);
	k = key_lookup(id, true, KEY_LINK);
	ret = IS_ERR(k) ? PTR_ERR(k) : keyring_link(ring, k);
	if (!IS_ERR(k))
		key_put(k);
	key_put(ring);
	return ret;
}

/* Unlinks a key, which may be dead, from a keyring. Returns 0 or -errno. */
static long op_unlink(s32 id, s32 ring_id)
{
	struct key *ring = key_lookup(ring_id, false, KEY_WRITE), *k;
	long ret;

	if (IS_ERR(ring))
		return PTR_ERR(ring);
	k = key_lookup_dead(id);
	ret = IS_ERR(k) ? PTR_ERR(k) : keyring_unlink(ring, k);
	if (!IS_ERR(k))
		key_put(k);
	key_put(ring);
	return ret;
}

static long op_move(s32 id, s32 from_id, s32 to_id, u32 flags)
{
	struct key *from, *to, *k;
	long ret;

	if (flags & ~(u32)KEYCTL_MOVE_EXCL)
		return -EINVAL;
	k = key_lookup(id, true, KEY_LINK);
	if (IS_ERR(k))
		return PTR_ERR(k);
	from = key_lookup(from_id, false, KEY_WRITE);
	ret = PTR_ERR(from);
	if (IS_ERR(from))
		goto out_key;
	to = key_lookup(to_id, true, KEY_WRITE);
	ret = PTR_ERR(to);
	if (IS_ERR(to))
		goto out_from;
	if (from->type != KEY_KEYRING || to->type != KEY_KEYRING)
		ret = -ENOTDIR;
	else if (from == to)
		ret = 0;
	else if (keyring_find(from, k->type, k->desc) != k)
		ret = -ENOENT;
	else if (flags && keyring_find(to, k->type, k->desc))
		ret = -EEXIST;
	else
		ret = keyring_link(to, k);
	if (!ret && from != to)
		ret = keyring_unlink(from, k);
	key_put(to);
out_from:
	key_put(from);
out_key:
	key_put(k);
	return ret;
}

/*
 * Searches the keyring @ring_id, and links the found key to the keyring @dest (0: no keyring).
 * Returns the serial of the key or -errno.
 */
static long op_search(s32 ring_id, enum key_type type, const char *desc, s32 dest)
{
	struct key *ring = key_lookup(ring_id, false, KEY_SEARCH), *to = NULL, *k;
	bool possessed;
	long ret;

	if (IS_ERR(ring))
		return PTR_ERR(ring);
	possessed = key_possessed_by(ring_id, ring);
	if (dest)
		to = key_lookup(dest, true, KEY_WRITE);
	k = IS_ERR(to)                ? ERR_CAST(to) :
	    ring->type == KEY_KEYRING ? keyring_search(ring, type, desc, possessed) :
					ERR_PTR(-ENOTDIR);
	ret = PTR_ERR(k);
	if (!IS_ERR(k)) {
		ret = to ? !key_may_as(k, KEY_LINK, possessed) ? -EACCES : keyring_link(to, k) : 0;
		ret = ret ? ret : k->serial;
		key_put(k);
	}
	if (!IS_ERR(to))
		key_put(to);
	key_put(ring);
	return ret;
}

static long op_join(const char *name)
{
	struct key *k;

	if (name && name[0] == '.')
		return -EPERM;
	k = join_session(name);
	return IS_ERR(k) ? PTR_ERR(k) : k->serial;
}

/*
 * Sets the keyring to which request_key(2) links keys by default. Returns the previous value or
 * -EINVAL.
 */
static long op_reqkey_default(s32 which)
{
	long old = current->reqkey_default;

	if (which == KEY_REQKEY_DEFL_NO_CHANGE)
		return old;
	if (which < 0 || which > KEY_REQKEY_DEFL_REQUESTOR_KEYRING ||
		which == KEY_REQKEY_DEFL_GROUP_KEYRING)
		return -EINVAL;
	current->reqkey_default = (u8)which;
	return old;
}

/* ---- the call ---- */

/* Serves the commands whose arguments are numbers alone. keys_mutex is held. */
static long simple_op(int op, u64 a2, u64 a3, u64 a4, u64 a5)
{
	switch (op) {
	case KEYCTL_GET_KEYRING_ID: return op_get_id((s32)a2, (int)a3);
	case KEYCTL_REVOKE: return op_revoke((s32)a2);
	case KEYCTL_INVALIDATE: return op_invalidate((s32)a2);
	case KEYCTL_CHOWN: return op_chown((s32)a2, (u32)a3, (u32)a4);
	case KEYCTL_SETPERM: return op_setperm((s32)a2, (u32)a3);
	case KEYCTL_CLEAR: return op_clear((s32)a2);
	case KEYCTL_LINK: return op_link((s32)a2, (s32)a3);
	case KEYCTL_UNLINK: return op_unlink((s32)a2, (s32)a3);
	case KEYCTL_MOVE: return op_move((s32)a2, (s32)a3, (s32)a4, (u32)a5);
	case KEYCTL_SET_TIMEOUT: return op_timeout((s32)a2, (u32)a3);
	case KEYCTL_SESSION_TO_PARENT: return session_to_parent();
	case KEYCTL_SET_REQKEY_KEYRING: return op_reqkey_default((s32)a2);
	case KEYCTL_ASSUME_AUTHORITY: return a2 ? (s32)a2 < 0 ? -EINVAL : -ENOKEY : 0;
	case KEYCTL_INSTANTIATE:
	case KEYCTL_INSTANTIATE_IOV:
	case KEYCTL_NEGATE:
	case KEYCTL_REJECT: return -EPERM; /* no task has the right to construct */
	default: return -EOPNOTSUPP;
	}
}

/*
 * Serves the operations whose result is copied to a buffer of the guest. Returns the result's
 * length or -errno. Copies the result only if all of it fits.
 */
static long reading_op(int op, s32 id, uaddr_t buf, u64 size)
{
	void *out = NULL;
	long n;

	mutex_lock(&keys_mutex);
	n = op == KEYCTL_READ     ? op_read(id, buf.v ? size : 0, &out) :
	    op == KEYCTL_DESCRIBE ? op_describe(id, &out) :
				    op_security(id, &out);
	mutex_unlock(&keys_mutex);
	if (n > 0 && buf.v && size >= (u64)n && copy_to_user(buf, out, (u64)n))
		n = -EFAULT;
	kfree(out);
	return n;
}

static long update(s32 id, uaddr_t payload, u64 len)
{
	void *data;
	long ret;

	if (len > PAGE_SIZE)
		return -EINVAL;
	data = get_payload(payload, len);
	if (IS_ERR(data))
		return PTR_ERR(data);
	mutex_lock(&keys_mutex);
	ret = op_update(id, &data, (u32)len);
	mutex_unlock(&keys_mutex);
	kfree(data);
	return ret;
}

static long search(s32 ring, uaddr_t utype, uaddr_t udesc, s32 dest)
{
	int type = key_arg_type(utype);
	char *desc;
	long ret;

	if (type < 0 && type != -ENODEV)
		return type;
	desc = key_arg_desc(udesc);
	if (IS_ERR_OR_NULL(desc))
		return desc ? PTR_ERR(desc) : -EINVAL;
	mutex_lock(&keys_mutex);
	ret = type < 0 ? -ENOKEY : op_search(ring, (enum key_type)type, desc, dest);
	mutex_unlock(&keys_mutex);
	kfree(desc);
	return ret;
}

/*
 * Restricts a keyring so that no more keys may be linked. Restrictions by a key type (@typed) are
 * not supported and change nothing. Returns 0 or -errno.
 */
static long op_restrict(s32 id, bool typed, int type)
{
	struct key *k = key_lookup(id, false, KEY_SETATTR);
	long ret = 0;

	if (IS_ERR(k))
		return PTR_ERR(k);
	if (k->type != KEY_KEYRING)
		ret = -ENOTDIR;
	else if (k->restricted)
		ret = typed && type >= 0 ? -ENOENT : -EEXIST;
	else if (typed)
		ret = type < 0 ? -ENOKEY : -ENOENT;
	else
		k->restricted = true;
	key_put(k);
	return ret;
}

static long restrict_ring(s32 id, uaddr_t utype, uaddr_t urestriction)
{
	int type = utype.v ? key_arg_type(utype) : 0;
	char *restriction;
	long ret;

	if (type < 0 && type != -ENODEV)
		return type;
	if (!utype.v && urestriction.v)
		return -EINVAL;
	restriction = utype.v ? key_arg_desc(urestriction) : NULL;
	if (IS_ERR(restriction))
		return PTR_ERR(restriction);
	kfree(restriction);
	mutex_lock(&keys_mutex);
	ret = op_restrict(id, utype.v, type);
	mutex_unlock(&keys_mutex);
	return ret;
}

static long join(uaddr_t uname)
{
	char *name = key_arg_desc(uname);
	long ret;

	if (IS_ERR(name))
		return PTR_ERR(name);
	/* An empty name is invalid. Only NULL requests a keyring without a name. */
	if (!name && uname.v)
		return -EINVAL;
	mutex_lock(&keys_mutex);
	ret = op_join(name);
	mutex_unlock(&keys_mutex);
	kfree(name);
	return ret;
}

static long capabilities(uaddr_t buf, u64 size)
{
	u8 caps[2] = { KEYCTL_CAPS0_CAPABILITIES | KEYCTL_CAPS0_BIG_KEY | KEYCTL_CAPS0_INVALIDATE |
			       KEYCTL_CAPS0_RESTRICT_KEYRING | KEYCTL_CAPS0_MOVE,
		0 };

	if (size && (copy_to_user(buf, caps, min(size, (u64)sizeof(caps))) ||
			    (size > sizeof(caps) &&
				    clear_user(uaddr_add(buf, sizeof(caps)), size - sizeof(caps)))))
		return -EFAULT;
	return sizeof(caps);
}

long sys_keyctl(int op, u64 a2, u64 a3, u64 a4, u64 a5)
{
	long ret;

	switch (op) {
	case KEYCTL_UPDATE: return update((s32)a2, UADDR(a3), a4);
	case KEYCTL_READ:
	case KEYCTL_DESCRIBE:
	case KEYCTL_GET_SECURITY: return reading_op(op, (s32)a2, UADDR(a3), a4);
	case KEYCTL_SEARCH: return search((s32)a2, UADDR(a3), UADDR(a4), (s32)a5);
	case KEYCTL_JOIN_SESSION_KEYRING: return join(UADDR(a2));
	case KEYCTL_RESTRICT_KEYRING: return restrict_ring((s32)a2, UADDR(a3), UADDR(a4));
	case KEYCTL_CAPABILITIES: return capabilities(UADDR(a2), a3);
	}
	mutex_lock(&keys_mutex);
	ret = simple_op(op, a2, a3, a4, a5);
	mutex_unlock(&keys_mutex);
	return ret;
}
