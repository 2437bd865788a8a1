/* SPDX-License-Identifier: MIT */
/*
 * ndisc.h: the interface between the files of neighbour discovery: ndisc.c (addresses, neighbours,
 * jobs) and ndisc_ra.c (router advertisements).
 *
 * Locks: jobs_lock (spin, ndisc.c) protects the jobs; these functions take it. None sleeps.
 */
#ifndef NESTLING_NET_NDISC_H
#define NESTLING_NET_NDISC_H

#include "kernel/net/neigh/neigh.h"

/* Options of messages (RFC 4861, 4.6). */
#define OPT_SOURCE 1
#define OPT_TARGET 2
#define NONCE 6
#define FOREVER (~0UL)

/*
 * The kinds of a device's jobs: continue duplicate address detection, solicit routers, drop a
 * route, make another address.
 */
enum nd_job_kind { JOB_NONE, JOB_DAD, JOB_RS, JOB_ROUTE_ENDS, JOB_ANOTHER };
struct nd_job {
	struct list_head list; /* in net->neigh.jobs */
	enum nd_job_kind kind;
	struct net_device *dev;
	ip_addr addr; /* the address, or the router's */
	/* ktime_get() at which the job runs */
	u64 at;
	union {
		struct {           /* JOB_DAD */
			int tries; /* solicitations left */
			bool has_nonce;
			u8 nonce[NONCE]; /* marks our own solicitations */
			u32 made;        /* addresses tried before */
		};
		struct { /* JOB_ANOTHER */
			/* number of addresses made before, for nd_take_address() */
			u32 again;
			/* lifetimes of the new address, as in struct ifaddr */
			u64 expires, preferred_until;
		};
		struct {            /* JOB_RS */
			int sent;   /* solicitations sent so far */
			u64 waited; /* ns waited before this one */
		};
		struct { /* JOB_ROUTE_ENDS */
			ip_addr dst;
			u8 prefix, pref;
			u32 metric;
		};
	};
};

/* ---- ndisc.c ---- */

/*
 * Adds a copy of @job, or replaces the waiting one that is equal to it. Returns false if the
 * namespace has too many jobs, or there is no memory.
 */
bool nd_schedule(const struct nd_job *job);
/*
 * Removes the job that is equal to @like, and copies it to *@was (may be NULL). Returns true if
 * there was one.
 */
bool nd_drop_job(const struct nd_job *like, struct nd_job *was);
/* True if the device accepts router advertisements. */
bool nd_believes_routers(const struct net_device *dev);
/*
 * Adds an address in @prefix, with the other values of *@a, after testing that no other machine has
 * it. @made: number of addresses that were made before and are in use elsewhere.
 */
void nd_take_address(struct net_device *dev, const ip_addr *prefix, u32 made, struct ifaddr *a);
/*
 * Finds the option @type in [@p, @end): a MAC address, or another value of that size; *@mac points
 * to it, NULL: there is none. Returns false if the options are malformed.
 */
bool nd_find_mac(const u8 *p, const u8 *end, u8 type, const u8 **mac);

/* Drops the route of a JOB_ROUTE_ENDS. */
void nd_route_ends(const struct nd_job *j);

/* ---- ndisc_ra.c ---- */

/*
 * Handles a router advertisement of @len bytes at @m, from the ICMPv6 header on. No lock is held.
 */
void nd_got_ra(struct net_device *dev, const struct ip_meta *ip, const u8 *m, u32 len);

#endif
