/* SPDX-License-Identifier: MIT */
/*
 * landlock_domain.c: domains: their references and end, and all checks except those of files:
 * ports, abstract sockets, signals, ptrace.
 *
 * A domain is one layer with a reference to the older layers, and is immutable. Its last reference
 * may be dropped in any context (credentials are freed by RCU), so a worker frees it.
 */
#include "kernel/vfs/landlock/landlock_rules.h"

#define AF_UNSPEC_ 0
#define AF_INET_ 2
#define AF_INET6_ 10

struct landlock_domain *landlock_get(struct landlock_domain *d)
{
	if (d)
		atomic_inc(&d->usage);
	return d;
}

static void domain_free(struct work *w)
{
	struct landlock_domain *d = container_of(w, struct landlock_domain, freeing);

	ll_free(&d->files);
	ll_free(&d->ports);
	landlock_put(d->parent);
	kfree(d);
}

void landlock_put(struct landlock_domain *d)
{
	if (!d || !atomic_dec_and_test(&d->usage))
		return;
	work_setup(&d->freeing, domain_free);
	work_queue(&d->freeing);
}

static bool chain_has(const struct landlock_domain *chain, const struct landlock_domain *d)
{
	for (; chain; chain = chain->parent)
		if (chain == d)
			return true;
	return false;
}

/* True if a layer of @client restricts @scope and is not also a layer of @server. */
static bool out_of_scope(
	const struct landlock_domain *client, const struct landlock_domain *server, u32 scope)
{
	for (; client; client = client->parent)
		if ((client->scope & scope) && !chain_has(server, client))
			return true;
	return false;
}

bool landlock_may_reach(const struct landlock_domain *client, const struct landlock_domain *server)
{
	return !out_of_scope(client, server, LL_SCOPE_ABSTRACT);
}

bool landlock_may_signal(const struct landlock_domain *client, const struct landlock_domain *server)
{
	return !out_of_scope(client, server, LL_SCOPE_SIGNAL);
}

bool landlock_may_trace(const struct landlock_domain *tracer, const struct landlock_domain *tracee)
{
	return !tracer || chain_has(tracee, tracer);
}

/* ---- ports ---- */

static bool port_allowed(const struct landlock_domain *d, u16 port, u32 access)
{
	for (; d; d = d->parent)
		if ((d->net & access) && !(ll_find(&d->ports, port, NULL) & access))
			return false;
	return true;
}

int landlock_tcp(u16 family, const void *addr, u32 len, bool connect)
{
	const struct landlock_domain *d = current_cred()->landlock;
	const u8 *a = addr;
	u16 of;

	if (!d || !d->any_net)
		return 0;
	if (len < sizeof(of))
		return -EINVAL;
	memcpy(&of, a, sizeof(of));
	if (of != AF_UNSPEC_ && of != AF_INET_ && of != AF_INET6_)
		return 0;
	/* A disconnect is not an access, so only the family is checked. */
	if (of == AF_UNSPEC_ && connect)
		return 0;
	/* The flow label and the members after it may be missing: RFC 2133. */
	if (len < (of == AF_INET6_ ? 24 : 16))
		return -EINVAL;
	if (of == AF_UNSPEC_) {
		if (family != AF_INET_ || (a[4] | a[5] | a[6] | a[7]))
			return -EAFNOSUPPORT;
	} else if (of != family) {
		return -EINVAL;
	}
	return port_allowed(d, (u16)(a[2] << 8 | a[3]), connect ? LL_CONNECT_TCP : LL_BIND_TCP) ?
		       0 :
		       -EACCES;
}

static const struct cred_domain_ops domain_ops = { .get = landlock_get, .put = landlock_put };

static int landlock_init(void)
{
	cred_domain_ops = &domain_ops;
	return 0;
}
INITCALL(1, landlock_init);
