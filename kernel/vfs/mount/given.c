/* SPDX-License-Identifier: MIT */
/*
 * given.c: paths that were read from guest memory before the system call that uses them runs
 * (given.h has the interface).
 *
 * Such paths are rare. While no task has any, getname() only tests that a list is empty.
 */
#include <linux/limits.h>

#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/mount/given.h"
#include "kernel/vfs/internal.h"

static DEFINE_SPINLOCK(given_lock);
static LIST_HEAD(given); /* of names_given.link; under given_lock */

int given_name_add(struct given_name **list, uaddr_t at, u32 flags)
{
	char *name = getname_flags(at, flags);
	struct given_name *g;
	size_t size;

	if (IS_ERR(name))
		return PTR_ERR(name);
	size = strlen(name) + 1;
	g = kmalloc(sizeof(*g) + size, GFP_KERNEL);
	if (g) {
		*g = (struct given_name){ .next = *list, .at = at.v, .size = size };
		memcpy(g->name, name, size);
		*list = g;
	}
	putname(name);
	return g ? 0 : -ENOMEM;
}

void given_names_free(struct given_name *list)
{
	while (list) {
		struct given_name *next = list->next;

		kfree(list);
		list = next;
	}
}

void names_give(struct names_given *g, const struct given_name *names)
{
	g->task = current;
	g->names = names;
	INIT_LIST_HEAD(&g->link);
	if (!names)
		return;
	spin_lock(&given_lock);
	list_add(&g->link, &given);
	spin_unlock(&given_lock);
}

void names_take_back(struct names_given *g)
{
	if (!g->names)
		return;
	spin_lock(&given_lock);
	list_del(&g->link);
	spin_unlock(&given_lock);
}

static const struct given_name *names_of_current(void)
{
	const struct names_given *g;
	const struct given_name *names = NULL;

	spin_lock(&given_lock);
	list_for_each_entry(g, &given, link)
		if (g->task == current) {
			names = g->names;
			break;
		}
	spin_unlock(&given_lock);
	return names;
}

ssize_t given_name_copy(char *to, uaddr_t at)
{
	if (likely(list_empty(&given)))
		return -1;
	for (const struct given_name *n = names_of_current(); n; n = n->next)
		if (n->at == at.v)
			return strscpy(to, n->name, PATH_MAX);
	return -1;
}
