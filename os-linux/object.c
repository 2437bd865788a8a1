/* SPDX-License-Identifier: MIT */
/*
 * object.c: numbers for objects of the host world that the kernel world names.
 *
 * A pointer to the host's heap must not be in the guest's state: after a restore it is invalid. So
 * the kernel world gets a number, an index into this table. The table is a list of chunks that are
 * never moved or freed, so a lookup takes no lock; chunk i has FIRST << i numbers. A free slot
 * holds twice the number of the next free slot plus one: odd, so that it differs from a pointer.
 * After a restore numbers are claimed in any order. The slots in between are 0 (holes) until the
 * next new number is requested.
 *
 * Locks: lock, for changes of the table.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "os-linux/host.h"

#define FIRST 256u
#define CHUNKS 22
#define END (FIRST * ((1u << CHUNKS) - 1))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uintptr_t *chunk[CHUNKS];
static uint32_t nr_made = 1; /* 0 is no object */
static uint32_t first_free;
/* true if slots below nr_made are 0: they are free but not on the list */
static int holes;
/*
 * Numbers below this one are not used again, since a machine that is put back may name deleted
 * objects. 0: all numbers are used again.
 */
static uint32_t kept;
#define DEAD (~(uintptr_t)0)

/* Returns the slot of a number below END; NULL if its chunk does not exist. */
static uintptr_t *slot_of(uint32_t number)
{
	unsigned c = 31 - (unsigned)__builtin_clz(number / FIRST + 1);
	uintptr_t *slots = __atomic_load_n(&chunk[c], __ATOMIC_ACQUIRE);

	return slots ? &slots[number - FIRST * ((1u << c) - 1)] : NULL;
}

static uintptr_t *make_slot(uint32_t number)
{
	unsigned c = 31 - (unsigned)__builtin_clz(number / FIRST + 1);

	if (!chunk[c])
		__atomic_store_n(
			&chunk[c], calloc((size_t)FIRST << c, sizeof(uintptr_t)), __ATOMIC_RELEASE);
	return slot_of(number);
}

static int is_object(uintptr_t v)
{
	return v && !(v & 1);
}

/* Puts the holes on the list of free numbers. */
static void gather_holes(void)
{
	for (uint32_t n = nr_made - 1; n; n--) {
		uintptr_t *slot = slot_of(n);

		if (*slot)
			continue;
		*slot = (uintptr_t)first_free << 1 | 1;
		first_free = n;
	}
	holes = 0;
}

int os_object_add(void *object)
{
	uintptr_t *slot;
	uint32_t number;
	int result = -ENOMEM;

	pthread_mutex_lock(&lock);
	if (holes)
		gather_holes();
	number = first_free ? first_free : nr_made;
	slot = number < END ? make_slot(number) : NULL;
	if (slot) {
		if (first_free)
			first_free = (uint32_t)(*slot >> 1);
		else
			nr_made++;
		__atomic_store_n(slot, (uintptr_t)object, __ATOMIC_RELEASE);
		result = (int)number;
	}
	pthread_mutex_unlock(&lock);
	return result;
}

/* Extends the table to @number. The new slots before it become holes. */
static int make_up_to(uint32_t number)
{
	for (uint32_t c = 0; number >= FIRST * ((1u << c) - 1); c++)
		if (!make_slot(FIRST * ((1u << c) - 1)))
			return -ENOMEM;
	holes = holes || nr_made < number;
	nr_made = number + 1;
	return 0;
}

/* Claims @number, a slot that exists, and takes it off the list of free numbers if it is there. */
static int claim(uint32_t number)
{
	uint32_t at = first_free, before = 0;

	if (!*slot_of(number))
		return 0;
	while (at && at != number) {
		before = at;
		at = (uint32_t)(*slot_of(at) >> 1);
	}
	if (!at)
		return -EEXIST;
	if (before)
		*slot_of(before) = *slot_of(at);
	else
		first_free = (uint32_t)(*slot_of(at) >> 1);
	return 0;
}

int os_object_add_as(int number, void *object)
{
	uint32_t n = (uint32_t)number;
	int err;

	if (number < 1 || n >= END)
		return -EINVAL;
	pthread_mutex_lock(&lock);
	err = n >= nr_made ? make_up_to(n) : claim(n);
	if (!err)
		__atomic_store_n(slot_of(n), (uintptr_t)object, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&lock);
	return err;
}

void *os_object(int number)
{
	uintptr_t *slot, v;

	if (number < 1 || (uint32_t)number >= END)
		return NULL;
	slot = slot_of((uint32_t)number);
	v = slot ? __atomic_load_n(slot, __ATOMIC_ACQUIRE) : 0;
	return is_object(v) ? (void *)v : NULL;
}

void os_object_del(int number)
{
	uintptr_t *slot;

	if (!os_object(number))
		return;
	pthread_mutex_lock(&lock);
	slot = slot_of((uint32_t)number);
	if ((uint32_t)number < kept) {
		__atomic_store_n(slot, DEAD, __ATOMIC_RELEASE);
	} else {
		__atomic_store_n(slot, (uintptr_t)first_free << 1 | 1, __ATOMIC_RELEASE);
		first_free = (uint32_t)number;
	}
	pthread_mutex_unlock(&lock);
}

/* Puts numbers that were deleted while numbers were kept on the list of free numbers. */
static void free_dead(void)
{
	for (uint32_t n = nr_made - 1; n; n--) {
		uintptr_t *slot = slot_of(n);

		if (*slot != DEAD)
			continue;
		*slot = (uintptr_t)first_free << 1 | 1;
		first_free = n;
	}
}

void os_objects_keep(int keep)
{
	pthread_mutex_lock(&lock);
	if (kept && !keep)
		free_dead();
	kept = keep ? nr_made : 0;
	pthread_mutex_unlock(&lock);
}
