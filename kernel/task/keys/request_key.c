/* SPDX-License-Identifier: MIT */
/*
 * request_key.c: request_key(2): finds a key in the caller's keyrings. No helper program is called
 * to make a missing key. Instead a key without a payload exists for a minute. Source:
 * request_key(2).
 */
#include <linux/keyctl.h>

#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/task/keys/keys.h"

#define NEGATIVE_LIFE (60UL * 1000000000UL)

/*
 * Returns the keyring to which constructed keys are linked: the one that KEYCTL_SET_REQKEY_KEYRING
 * has chosen, or the first that exists of the thread, process and session keyrings.
 */
static struct key *default_dest(void)
{
	struct key *ring;

	if (current->reqkey_default)
		return key_lookup(-(s32)current->reqkey_default, true, KEY_WRITE);
	for (s32 id = KEY_SPEC_THREAD_KEYRING; id > KEY_SPEC_SESSION_KEYRING; id--) {
		ring = key_lookup(id, false, KEY_WRITE);
		if (!IS_ERR(ring))
			return ring;
	}
	return key_lookup(KEY_SPEC_SESSION_KEYRING, true, KEY_WRITE);
}

/*
 * Constructs a key in @ring (NULL: the default). Returns -ENOENT if that worked, or another -errno.
 * No helper program is called. As on a system without one, the key exists for a minute without a
 * payload.
 */
static long construct(enum key_type type, const char *desc, struct key *ring)
{
	struct key *to = ring ? ring : default_dest(), *k;
	long err;

	if (IS_ERR(to))
		return PTR_ERR(to);
	k = type == KEY_KEYRING ? ERR_PTR(-EPERM) : key_alloc(type, desc, key_default_perm(type));
	err = PTR_ERR(k);
	if (!IS_ERR(k)) {
		k->rejected = -ENOKEY;
		k->expiry = ktime_get() + NEGATIVE_LIFE;
		err = keyring_link(to, k);
		key_put(k);
	}
	if (!ring)
		key_put(to);
	return err ? err : -ENOENT;
}

/*
 * True if @ring (NULL: the default keyring) has a rejected key of that name that has not expired.
 * keys_mutex is held.
 */
static bool negative_there(enum key_type type, const char *desc, struct key *ring)
{
	struct key *to = ring ? ring : default_dest(), *k;
	bool there;

	if (IS_ERR(to))
		return false;
	k = to->type == KEY_KEYRING ? keyring_find(to, type, desc) : NULL;
	there = k && k->rejected && key_alive(k) == k->rejected;
	if (!ring)
		key_put(to);
	return there;
}

/*
 * Requests a key and returns its serial number, or -errno. @dest 0: a key that is found is not
 * linked to a keyring.
 */
static long request_locked(enum key_type type, const char *desc, bool callout, s32 dest)
{
	struct key *ring = NULL, *k;
	long ret;

	if (dest) {
		ring = key_lookup(dest, true, KEY_WRITE);
		if (IS_ERR(ring))
			return PTR_ERR(ring);
	}
	k = keys_search(type, desc);
	ret = PTR_ERR(k);
	if (!IS_ERR(k)) {
		ret = ring ? keyring_link(ring, k) : 0;
		ret = ret ? ret : k->serial;
		key_put(k);
	} else if (ret == -ENOKEY && callout && !negative_there(type, desc, ring)) {
		ret = construct(type, desc, ring);
	}
	key_put(ring);
	return ret;
}

long sys_request_key(uaddr_t utype, uaddr_t udesc, uaddr_t ucallout, int dest)
{
	int type = key_arg_type(utype);
	char *desc, *callout;
	long ret;

	if (type < 0 && type != -ENODEV)
		return type;
	desc = key_arg_desc(udesc);
	if (IS_ERR(desc))
		return PTR_ERR(desc);
	callout = key_arg_desc(ucallout);
	ret = IS_ERR(callout) ? PTR_ERR(callout) : desc ? 0 : -EINVAL;
	if (!ret) {
		mutex_lock(&keys_mutex);
		ret = type < 0 ? -ENOKEY :
				 request_locked((enum key_type)type, desc, ucallout.v, dest);
		mutex_unlock(&keys_mutex);
	}
	if (!IS_ERR(callout))
		kfree(callout);
	kfree(desc);
	return ret;
}
