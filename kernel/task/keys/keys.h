/* SPDX-License-Identifier: MIT */
/*
 * keys.h: keys and keyrings: what keys.c (objects), keyrings.c (links, possession, search) and
 * keyctl.c (the calls) share.
 *
 * A key has a type, a description, a payload and permissions; a keyring is a key that links others.
 * keys_mutex protects all data that a call reads and changes. References are atomic, so that a
 * process may drop its keyrings without it.
 */
#ifndef NESTLING_TASK_KEYS_H
#define NESTLING_TASK_KEYS_H

#include "kernel/task/internal.h"

enum key_type { KEY_KEYRING, KEY_USER, KEY_LOGON, KEY_BIG, NR_KEY_TYPES };

/*
 * The access that a caller wants; also the bits of each class in key->perm, which are from the top:
 * possessor, user, group, other.
 */
#define KEY_VIEW 0x01U
#define KEY_READ 0x02U
#define KEY_WRITE 0x04U
#define KEY_SEARCH 0x08U
#define KEY_LINK 0x10U
#define KEY_SETATTR 0x20U
#define KEY_ALL 0x3fU
#define KEY_POS(bits) ((bits) << 24)
#define KEY_USR(bits) ((bits) << 16)

/* A user that pays for keys; freed when it pays for none. */
struct key_user {
	struct list_head list; /* keys.c's, under keys_mutex */
	kuid_t uid;            /* immutable */
	atomic_t keys;
	s64 bytes; /* atomic */
	/* _uid.N, _uid_ses.N; with references, under keys_mutex */
	struct key *ring, *session;
};

struct key {
	struct hlist_node hash; /* by serial; under table_lock of keys.c */
	atomic_t refs;
	s32 serial;             /* immutable */
	enum key_type type;     /* immutable */
	char *desc;             /* immutable */
	struct key_user *payer; /* immutable */
	u32 charged;            /* bytes that payer pays, under keys_mutex */
	/* from this member on under keys_mutex */
	kuid_t uid;
	kgid_t gid;
	u32 perm;
	u64 expiry; /* ktime, 0: never */
	bool revoked, invalid;
	bool restricted; /* a keyring that takes no more keys */
	/* of a key without a payload: the error for a search that finds it; else 0 */
	int rejected;
	void *data; /* the payload */
	u32 len;
	struct key **links; /* a keyring's, with references */
	u32 nr, room;
	/* of walks through keyrings (keyrings.c) */
	u64 seen;
	u32 seen_at;
	struct key *next_dead;
};

extern struct mutex keys_mutex;

/* Prints the @i-th line of /proc/key-users; 0: there are no more. Takes keys_mutex. */
int key_user_line(int i, char *buf, size_t size);

/*
 * Lists the serial numbers of all keys, ascending, for /proc/keys. Returns their number or -ENOMEM;
 * kfree() frees the list.
 */
s64 key_serials(s32 **out);
#define KEY_LINE_MAX (PAGE_SIZE + 256)
/*
 * Prints a key's line. Returns 0 if the key is gone, or current may not view it. Takes keys_mutex.
 */
int key_line(s32 serial, char *buf, size_t size);

const char *key_type_name(enum key_type type);
int key_type_of(const char *name); /* -ENODEV */
void key_get(struct key *k);
void key_put(struct key *k); /* NULL: nothing */
/* Returns the key of this number with a reference, in whatever state, or NULL. No lock needed. */
struct key *key_find(s32 serial);

/* All of these with keys_mutex held. */
/*
 * Returns a living keyring of current's uid with this name, which lets that uid search it, with a
 * reference; NULL.
 */
struct key *key_find_ring(const char *name);
/*
 * Returns the payer of @uid's keys; NULL: no memory, or too many payers. Valid until keys_mutex is
 * released.
 */
struct key_user *key_payer(kuid_t uid);
/* True if the quota allows so many more. */
bool key_may_pay(const struct key_user *u, u32 keys, u32 bytes);
struct key *key_alloc(
	enum key_type type, const char *desc, u32 perm); /* ERR_PTR(-EDQUOT, -ENOMEM) */
/* Takes @data over (kfree'd with the key) when 0. */
int key_set_payload(struct key *k, void *data, u32 len);
/*
 * Finds a key by a serial or KEY_SPEC_*; checks that it lives and that current may @need. A
 * reference, or ERR_PTR.
 */
struct key *key_lookup(s32 id, bool create, u32 need);
/* Looks up a key that may be dead; makes nothing. */
struct key *key_lookup_dead(s32 id);
bool key_may(const struct key *k, u32 need);
bool key_may_as(const struct key *k, u32 need, bool possessed);
bool key_possessed(const struct key *k);
/*
 * True if current possesses the key. A key that is named by KEY_SPEC_* is possessed, whether it may
 * be searched or not.
 */
bool key_possessed_by(s32 id, const struct key *k);
int key_alive(struct key *k);
/* Returns the key of this type and description that @ring links directly; NULL. */
struct key *keyring_find(struct key *ring, enum key_type type, const char *desc);
/*
 * Searches @ring and the keyrings that it links. Returns a reference, or ERR_PTR(-ENOKEY, or the
 * reason why the found key is unusable). @possessed: the keyring is possessed, and so is a key that
 * is found.
 */
struct key *keyring_search(struct key *ring, enum key_type type, const char *desc, bool possessed);
/*
 * Searches all keys that current possesses. An expired key counts as missing, since the caller
 * wants a new one then.
 */
struct key *keys_search(enum key_type type, const char *desc);
int keyring_link(struct key *ring, struct key *k); /* replaces a key with its name */
int keyring_unlink(struct key *ring, struct key *k);
void keyring_clear(struct key *ring);
int key_chown(struct key *k, kuid_t uid);
/*
 * Serves KEYCTL_JOIN_SESSION_KEYRING; @name NULL: a nameless one. Returns the new keyring, without
 * a reference; ERR_PTR.
 */
struct key *join_session(const char *name);
/* Makes current's session keyring the parent's. */
long session_to_parent(void);

#endif
