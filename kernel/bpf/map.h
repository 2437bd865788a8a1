/* SPDX-License-Identifier: MIT */
/*
 * map.h: struct bpf_map and the map types, shared by the files of kernel/bpf.
 *
 * The elements of a map lie in a store: at most @max of them and a few more, all of one size, in
 * chunks that are allocated when they are needed and stay until the map ends. So a program's
 * pointer to a value is a position in the store, and stays memory of this map whatever happens to
 * the element.
 *
 * Locks: map->lock (spin, a leaf) protects the private data of a map type, but not the bytes of
 * values. Programs read and write values without it, as on Linux. The operations of bpf_map_ops
 * take it themselves. A chunk's pointer is set once.
 */
#ifndef NESTLING_BPF_MAP_H
#define NESTLING_BPF_MAP_H

#include "kernel/bpf/internal.h"
#include "kernel/lib/keyhash.h"
#include "kernel/lib/string.h"

#define MAP_NONE (~0u)              /* no element */
#define BPF_BUCKETS_MAX (64u << 10) /* of one hash table */

struct bpf_map_ops {
	bool per_cpu;
	bool prog;   /* programs may hold pointers to its values */
	bool no_key; /* queues and stacks */
	/* A lookup hashes the key at each of its lengths (LPM); for the cost. */
	bool by_length;
	/* All chunks are allocated before a program can use the map. */
	bool preallocated;
	/* Flags of BPF_MAP_CREATE that the type accepts, in addition to those for all types. */
	u32 flags;
	/* Bytes of the type's header, which precedes the key in an element. */
	u32 head;
	/* Bytes of a value in the store, if it differs from value_size. */
	u32 stored;
	/* Checks the sizes. Returns 0 or -errno. */
	int (*check)(const union bpf_attr *a);
	/* Allocates the type's private data. free() frees it. */
	int (*make)(struct bpf_map *m);
	void (*free)(struct bpf_map *m);
	/* Called after the last descriptor was closed; only programs still use the map. */
	void (*left)(struct bpf_map *m);
	/*
	 * For a program: returns the index of the element with the key, or MAP_NONE. The element
	 * may be removed at any time.
	 */
	u32 (*find)(struct bpf_map *m, const void *key);
	/* Copies the value, or those of all CPUs. Returns 0 or -ENOENT. */
	int (*read)(struct bpf_map *m, const void *key, void *value);
	/*
	 * Copies an element's value and removes the element. The operation is NULL if unsupported:
	 * -ENOTSUPP.
	 */
	int (*take)(struct bpf_map *m, const void *key, void *value);
	/*
	 * Sets a value. @all: called by a system call, with the values of all CPUs. Otherwise
	 * called by a program, so it may not sleep.
	 */
	int (*update)(struct bpf_map *m, const void *key, const void *value, u64 flags, bool all);
	int (*remove)(struct bpf_map *m, const void *key);
	/*
	 * Copies the key after @key to @next, or the first key if @key is NULL. Returns 0 or
	 * -ENOENT.
	 */
	int (*next)(struct bpf_map *m, const void *key, void *next);
	/*
	 * Copies key and values of the first element at or after *cursor, and sets *cursor behind
	 * it. NULL: the type supports no batches.
	 */
	int (*walk)(struct bpf_map *m, u32 *cursor, void *key, void *value);
	/* For types without keys. */
	int (*push)(struct bpf_map *m, const void *value, u64 flags);
	int (*pop)(struct bpf_map *m, void *value, bool take);
};

struct bpf_map {
	atomic_t refs;
	atomic_t users; /* number of open descriptors */
	u32 id, type, key_size, value_size, max, flags;
	u32 key_at, value_at; /* offsets in an element */
	u32 value_stride;     /* bytes of one CPU's value in the store */
	/* bytes of the values of all CPUs, as the guest sees them */
	u32 value_bytes;
	u32 each; /* bytes of an element */
	u32 uid;
	bool frozen; /* under lock */
	char name[BPF_OBJ_NAME_LEN];
	const struct bpf_map_ops *ops;
	spinlock_t lock;
	u32 per_chunk, nr_chunks;
	u8 **chunks;
	void *own; /* the type's private data */
};

/* ---- map_store.c ---- */

/* Allocates the table of chunks for the sizes in @m. Returns 0 or -ENOMEM. */
int bpf_map_make_store(struct bpf_map *m);
void bpf_map_free_store(struct bpf_map *m);

/* Returns the address of element @i, or NULL if its chunk does not exist. */
static inline u8 *bpf_map_at(const struct bpf_map *m, u32 i)
{
	u8 *chunk = i / m->per_chunk < m->nr_chunks ? READ_ONCE(m->chunks[i / m->per_chunk]) : NULL;

	return chunk ? chunk + (size_t)m->each * (i % m->per_chunk) : NULL;
}
/*
 * Returns the address of element @i and allocates its chunk if needed; NULL: no memory. map->lock
 * is not held.
 */
u8 *bpf_map_want(struct bpf_map *m, u32 i, bool atomic);
int bpf_map_fill(struct bpf_map *m); /* allocates all chunks; 0 or -ENOMEM */
/*
 * Called when a program that uses the map is loaded: allocates memory that the program cannot
 * allocate itself. Returns 0 or -ENOMEM.
 */
int bpf_map_for_program(struct bpf_map *m);
/* Returns the hash of @n bytes at @p and of the number @more. */
static inline u32 bpf_map_hash(const struct hash_key *k, const u8 *p, u32 n, u32 more)
{
	struct keyhash s;
	u64 word;

	keyhash_init(&s, k);
	keyhash_word(&s, k, more);
	for (; n >= sizeof(word); n -= (u32)sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		keyhash_word(&s, k, word);
	}
	while (n--)
		keyhash_byte(&s, k, *p++);
	return keyhash_end(&s, k);
}
/*
 * Returns this CPU's value in element @i, whose chunk exists: the value_size bytes that a program
 * may access.
 */
u8 *bpf_map_value(const struct bpf_map *m, u32 i);

/* ---- map.c ---- */

/*
 * Returns a map with a reference; *mode is set to the descriptor's access rights (FMODE_*). Or
 * returns ERR_PTR(-EBADF or -EINVAL).
 */
struct bpf_map *bpf_map_of_fd(u32 fd, u32 *mode);
void bpf_map_get(struct bpf_map *m);
void bpf_map_put(struct bpf_map *m);
long bpf_map_fd(struct bpf_map *m, u32 flags); /* consumes the reference */
bool bpf_is_map(u32 fd);

long bpf_map_create(const union bpf_attr *a);
long bpf_map_freeze(const union bpf_attr *a);
long bpf_map_fd_by_id(const union bpf_attr *a);
long bpf_map_next_id(const union bpf_attr *a, uaddr_t uattr);
long bpf_map_info(const union bpf_attr *a, uaddr_t uattr);

/* ---- map_elem.c: system calls on elements ---- */

long bpf_map_elem(u32 cmd, const union bpf_attr *a); /* BPF_MAP_*_ELEM and GET_NEXT_KEY */
long bpf_map_batch(u32 cmd, const union bpf_attr *a, uaddr_t uattr);

/* ---- the types ---- */

extern const struct bpf_map_ops map_array, map_percpu_array, map_prog_array; /* map_array.c */
extern const struct bpf_map_ops map_hash, map_percpu_hash, map_lru, map_percpu_lru; /* map_hash.c */
extern const struct bpf_map_ops map_lpm;                                            /* map_lpm.c */
extern const struct bpf_map_ops map_queue, map_stack; /* map_queue.c */

/* Returns the program at index @i of a program array, or NULL. Valid until the next boundary. */
struct bpf_prog *bpf_prog_at(struct bpf_map *m, u32 i);

#endif
