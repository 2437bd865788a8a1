/* SPDX-License-Identifier: MIT */
/* conntrack.c: connections that packets belong to. */
#include "kernel/net/netfilter.h"

struct nf_conn {
	atomic_t refs;
};

void nf_conn_get(struct nf_conn *ct)
{
	atomic_inc(&ct->refs);
}

void nf_conn_put(struct nf_conn *ct)
{
	if (atomic_dec_and_test(&ct->refs))
		kfree(ct);
}
