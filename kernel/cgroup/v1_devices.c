/* SPDX-License-Identifier: MIT */
/*
 * v1_devices.c: devices of cgroup version 1 (linux-doc's admin-guide/cgroup-v1/devices): which
 * devices the tasks of a group may make and open.
 *
 * A group allows everything except what its rules deny, or denies everything except what they
 * allow. It begins as a copy of its parent. A task may use a device only if its group and all
 * groups above allow that. So a device that is denied to a parent is denied to the groups below,
 * whatever their own rules say. When the parent allows it again, their own rules apply again; Linux
 * would have removed the device from them. The top allows everything.
 *
 * Locks: cgroup1_rules_mutex protects the rules of all groups; it may be taken under cgroup1_mutex,
 * which also keeps children from being made while the rules of their parent are replaced.
 * cgroup1_lock protects the groups of current, which a check reads.
 */
#include "kernel/cgroup/internal.h"
#include "kernel/cgroup/v1.h"
#include "kernel/vfs/vfs.h"

#define RULES_MAX 1024 /* rules of one group */
#define ANY UINT32_MAX /* in place of a number: stands for "*" */

struct rule {
	struct list_head entry;
	umode_t type; /* S_IFBLK, S_IFCHR */
	u32 major, minor;
	int access; /* DEVICE_* */
};

static DEFINE_MUTEX(cgroup1_rules_mutex);

/* ---- rules; static functions are under cgroup1_rules_mutex ---- */

static bool same_device(const struct rule *a, const struct rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

/* Adds a rule, or its access to the rule for the same devices. Returns 0, -ENOSPC or -ENOMEM. */
static int add_rule(struct cgroup1 *g, const struct rule *r)
{
	struct rule *at;

	list_for_each_entry(at, &g->rules, entry)
		if (same_device(at, r)) {
			at->access |= r->access;
			return 0;
		}
	if (g->nr_rules >= RULES_MAX)
		return -ENOSPC;
	at = kmalloc(sizeof(*at), GFP_KERNEL | __GFP_ACCOUNT);
	if (!at)
		return -ENOMEM;
	*at = *r;
	list_add_tail(&at->entry, &g->rules);
	g->nr_rules++;
	return 0;
}

static void drop_rule(struct cgroup1 *g, struct rule *r)
{
	list_del(&r->entry);
	g->nr_rules--;
	kfree(r);
}

/* Takes the access away from the rule for the same devices. */
static void subtract_rule(struct cgroup1 *g, const struct rule *r)
{
	struct rule *at, *next;

	list_for_each_entry_safe(at, next, &g->rules, entry)
		if (same_device(at, r)) {
			at->access &= ~r->access;
			if (!at->access)
				drop_rule(g, at);
		}
}

/* Frees the rules of @g. cgroup1_rules_mutex is held, or @g is being freed. */
void cgroup1_free_rules(struct cgroup1 *g)
{
	struct rule *at, *next;

	list_for_each_entry_safe(at, next, &g->rules, entry)
		drop_rule(g, at);
}

/* Replaces the rules of @g by those of @from. Returns 0, or -errno with a part of them copied. */
static int copy_rules_locked(struct cgroup1 *g, struct cgroup1 *from)
{
	struct rule *at;
	int err = 0;

	cgroup1_free_rules(g);
	g->deny = from->deny;
	list_for_each_entry(at, &from->rules, entry)
		if (!err)
			err = add_rule(g, at);
	return err;
}

int cgroup1_copy_rules(struct cgroup1 *g, struct cgroup1 *parent)
{
	int err;

	mutex_lock(&cgroup1_rules_mutex);
	err = copy_rules_locked(g, parent);
	mutex_unlock(&cgroup1_rules_mutex);
	return err;
}

/* ---- checks ---- */

/*
 * True if a rule's major or minor number matches the request's. @loosely: a "*" in the request
 * matches any number.
 */
static bool number_meets(u32 rule, u32 asked, bool loosely)
{
	return rule == ANY || rule == asked || (loosely && asked == ANY);
}

/*
 * True if @g's own rules allow the access. A denial applies if it matches any part of the request;
 * one permission must cover all of it.
 */
static bool consents(const struct cgroup1 *g, const struct rule *asked)
{
	struct rule *r;

	list_for_each_entry(r, &g->rules, entry) {
		if (r->type != asked->type || !number_meets(r->major, asked->major, !g->deny) ||
			!number_meets(r->minor, asked->minor, !g->deny))
			continue;
		if (!g->deny && (r->access & asked->access))
			return false;
		if (g->deny && !(asked->access & ~r->access))
			return true;
	}
	return !g->deny;
}

/* True if @g and all groups above allow the access. */
static bool all_consent(const struct cgroup1 *g, const struct rule *asked)
{
	for (; g; g = g->parent)
		if (!consents(g, asked))
			return false;
	return true;
}

/* Returns current's group in the hierarchy with devices, referenced, or NULL if that is the top. */
static struct cgroup1 *group_of_current(void)
{
	struct cgroup1 *found = NULL;

	spin_lock(&cgroup1_lock);
	for (u32 i = 0; i < CGROUP1_MAX && !found; i++) {
		struct cgroup1 *g = current->cg1[i];

		if (g && (g->hier->controllers & CG1_DEVICES))
			found = cgroup1_get(g);
	}
	spin_unlock(&cgroup1_lock);
	return found;
}

bool cgroup1_may_use(umode_t mode, dev_t dev, int what)
{
	struct rule asked = {
		.type = mode & S_IFMT, .major = MAJOR(dev), .minor = MINOR(dev), .access = what
	};
	struct cgroup1 *g;
	bool may;

	if (likely(!READ_ONCE(current->nr_cg1)))
		return true;
	g = group_of_current();
	if (!g)
		return true;
	mutex_lock(&cgroup1_rules_mutex);
	may = all_consent(g, &asked);
	mutex_unlock(&cgroup1_rules_mutex);
	cgroup1_put(g);
	return may;
}

/* ---- text ---- */

/* Parses a number or "*", and skips the @end that must follow. Returns false for other text. */
static bool parse_number(const char **text, char end, u32 *to)
{
	const char *p = *text;
	u64 v = 0;

	if (*p == '*') {
		*to = ANY;
		p++;
	} else {
		if (*p < '0' || *p > '9')
			return false;
		for (; *p >= '0' && *p <= '9' && v < ANY; p++)
			v = v * 10 + (u64)(*p - '0');
		if (v >= ANY)
			return false;
		*to = (u32)v;
	}
	if (*p != end)
		return false;
	*text = p + 1;
	return true;
}

/* Parses a rule such as "c 1:3 rwm". Returns 0 or -errno. */
static int parse_rule(const char *text, struct rule *r)
{
	*r = (struct rule){ .type = *text == 'b' ? S_IFBLK : S_IFCHR };
	if ((*text != 'b' && *text != 'c') || text[1] != ' ')
		return -EINVAL;
	text += 2;
	if (!parse_number(&text, ':', &r->major) || !parse_number(&text, ' ', &r->minor))
		return -EINVAL;
	for (; *text; text++) {
		if (*text != 'r' && *text != 'w' && *text != 'm')
			return -EINVAL;
		r->access |= *text == 'r' ? DEVICE_READ :
			     *text == 'w' ? DEVICE_WRITE :
					    DEVICE_MKNOD;
	}
	return r->access ? 0 : -EINVAL;
}

/*
 * Sets a group, other than the top, to deny all devices, or to allow what its parent allows.
 * Returns 0; -EINVAL: the group has children, whose rules would then be wrong; -EPERM: the parent
 * denies all but some devices; or -ENOMEM.
 */
static int set_all(struct cgroup1 *g, bool allow)
{
	assert_mutex_held(&cgroup1_mutex);
	if (g->nr_children)
		return -EINVAL;
	if (allow && g->parent->deny)
		return -EPERM;
	if (allow)
		return copy_rules_locked(g, g->parent);
	cgroup1_free_rules(g);
	g->deny = true;
	return 0;
}

/*
 * Allows or denies what @r names. Returns 0, -EPERM (a group above denies it), or an error of
 * add_rule().
 */
static int set_rule(struct cgroup1 *g, const struct rule *r, bool allow)
{
	if (allow && !all_consent(g->parent, r))
		return -EPERM;
	/* A rule is an exception: permissions are kept if g->deny, else denials. */
	if (allow == g->deny)
		return add_rule(g, r);
	subtract_rule(g, r);
	return 0;
}

int cgroup1_set_devices(struct cgroup1 *g, const char *text, bool allow)
{
	struct rule r;
	bool all = *text == 'a';
	int err = all ? 0 : parse_rule(text, &r);

	if (err)
		return err;
	/* A child that is being made copies the rules, and counts, with this mutex held. */
	mutex_lock(&cgroup1_mutex);
	mutex_lock(&cgroup1_rules_mutex);
	err = all ? set_all(g, allow) : set_rule(g, &r, allow);
	mutex_unlock(&cgroup1_rules_mutex);
	mutex_unlock(&cgroup1_mutex);
	return err;
}

static int put_number(char *buf, size_t size, u32 nr, char end)
{
	if (nr == ANY)
		return scnprintf(buf, size, "*%c", end);
	return scnprintf(buf, size, "%u%c", nr, end);
}

/* bytes: room for the longest line: "c 4294967294:4294967294 rwm", a newline and a 0 */
#define LINE 32

/* Writes a rule's line to @buf, which has LINE bytes. Returns its length. */
static size_t put_rule(char *buf, const struct rule *r)
{
	size_t n = (size_t)scnprintf(buf, LINE, "%s ", r->type == S_IFBLK ? "b" : "c");

	n += (size_t)put_number(buf + n, LINE - n, r->major, ':');
	n += (size_t)put_number(buf + n, LINE - n, r->minor, ' ');
	return n + (size_t)scnprintf(buf + n, LINE - n, "%s%s%s\n",
			   r->access & DEVICE_READ ? "r" : "", r->access & DEVICE_WRITE ? "w" : "",
			   r->access & DEVICE_MKNOD ? "m" : "");
}

/*
 * Returns the text of devices.list, which the caller frees with kfree(), or NULL if memory is
 * short. A group that allows all devices but some shows only "a *:* rwm", as on Linux.
 */
char *cgroup1_devices_text(struct cgroup1 *g)
{
	struct rule *r;
	size_t n = 0;
	char *buf;

	mutex_lock(&cgroup1_rules_mutex);
	buf = kzalloc((size_t)(g->nr_rules + 1) * LINE, GFP_KERNEL);
	if (buf && !g->deny)
		strscpy(buf, "a *:* rwm\n", LINE);
	if (buf && g->deny)
		list_for_each_entry(r, &g->rules, entry)
			n += put_rule(buf + n, r);
	mutex_unlock(&cgroup1_rules_mutex);
	return buf;
}
