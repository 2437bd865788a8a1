/* SPDX-License-Identifier: MIT */
/*
 * link.h: devices that programs make, and the kinds of them (struct link_type).
 *
 * A device stacked on another one (vlan, macvlan) has that device below it: link_peer() returns the
 * lower device; for a veth it returns the other end. A device that has others as its ports (bridge)
 * is their master. Functions take link.c's mutex and may sleep, unless their comment says
 * otherwise. Those that return int return 0 or -errno. Devices are passed and returned without a
 * reference (netdev.h).
 */
#ifndef NESTLING_NET_LINK_H
#define NESTLING_NET_LINK_H

#include <linux/netlink.h>

#include "kernel/net/net.h"

struct nl_builder;

/*
 * All but fill(), fill_port(), lower() and port_carrier() are called with link.c's mutex held, and
 * may sleep. Those four must not: fill() and fill_port() run under net->lock. Those that return int
 * return 0 or -errno.
 */
struct link_type {
	const char *kind;
	const struct netdev_ops *ops;
	u16 type; /* ARPHRD_*; 0: Ethernet */
	/*
	 * Sets up the kind's part of a new device, which is not yet in its namespace. @lower:
	 * IFLA_LINK or NULL; @data: IFLA_INFO_DATA, @len bytes, or NULL.
	 */
	int (*setup)(struct net_device *dev, struct net_device *lower, const void *data, u32 len);
	/* The device was added to its namespace; an error removes it again. May be NULL. */
	int (*entered)(struct net_device *dev);
	/*
	 * Ends the kind's part of a device that is about to be removed. Its private part is freed a
	 * grace period later.
	 */
	void (*remove)(struct net_device *dev);
	/* Changes values after setup(). NULL: -EOPNOTSUPP. */
	int (*change)(struct net_device *dev, const void *data, u32 len);
	/* Appends IFLA_INFO_DATA. */
	void (*fill)(struct nl_builder *b, const struct net_device *dev);
	/* Returns the lower device, or a veth's other end. NULL: the kind has none. */
	struct net_device *(*lower)(const struct net_device *dev);
	/* Prepares @port as a port of @dev, which is not its master yet. */
	int (*add_port)(struct net_device *dev, struct net_device *port);
	/* dev->port and dev->master are set: frames may arrive from now on. */
	void (*port_entered)(struct net_device *port);
	/* Ends what add_port() has made; rx_handler is NULL by now. */
	void (*del_port)(struct net_device *dev, struct net_device *port);
	/* Changes values of a port: IFLA_INFO_SLAVE_DATA, @len bytes. */
	int (*change_port)(struct net_device *port, const void *data, u32 len);
	/* Appends IFLA_INFO_SLAVE_DATA. */
	void (*fill_port)(struct nl_builder *b, const struct net_device *port);
	/* The port has come up or gone down, or has another MTU or address. */
	void (*port_changed)(struct net_device *port);
	/*
	 * The port's carrier may have changed. Called in any context, without the mutex; must not
	 * sleep.
	 */
	void (*port_carrier)(struct net_device *port);
	/*
	 * The lower device has come up or gone down, or has another MTU or address. NULL: only the
	 * carrier follows the lower device, as it does for all kinds.
	 */
	void (*lower_changed)(struct net_device *dev, struct net_device *lower);
	bool bound; /* the device cannot leave its namespace */
};
extern const struct link_type dummy_link, veth_link, bridge_link, vlan_link, macvlan_link;

#define NEST_MAX 8U /* limit of devices stacked on each other */

/*
 * Serves RTM_NEWLINK with NLM_F_CREATE. Returns 0 and the device in *@dev, or -errno (-EOPNOTSUPP:
 * no such kind). *@to: the other namespace that the device is made in, with a reference, or NULL,
 * as for link_move().
 */
int link_create(
	struct net *net, const struct nlmsghdr *req, struct net_device **dev, struct net **to);
/*
 * Makes a device of @type under @name ("" or with %d: under the first free name of the pattern),
 * with the @len bytes @data for setup(), and returns it in *@dev. The mutex is held.
 */
int link_make(struct net *net, const struct link_type *type, const char *name, const void *data,
	u32 len, struct net_device **dev);
/* Removes a device that programs have made. The mutex is held. */
void link_remove(struct net_device *dev);
/* Removes a device. Fails with -ENODEV, or -EOPNOTSUPP for lo and cards. */
int link_delete(struct net *net, int ifindex);
/*
 * Moves a device to the namespace that IFLA_NET_NS_* names, if any, under the name IFLA_IFNAME.
 * Returns 0 or -errno. *to: that namespace, with a reference, so that it does not end while the
 * caller still uses the device; NULL: the device stays.
 */
int link_move(struct net *net, int ifindex, const struct nlmsghdr *req, struct net **to);
/*
 * Returns the namespace of the task *@pid, or of current's descriptor *@fd, with a reference; NULL
 * if both pointers are NULL; or ERR_PTR(-ESRCH), -EBADF, -EINVAL or -EPERM. @admin: current must
 * have CAP_NET_ADMIN over the namespace. Takes no mutex.
 */
struct net *link_named_net(const u32 *pid, const u32 *fd, bool admin);
/* True if a device may have this name, whose length is not checked. Takes no lock. */
bool link_good_name(const char *name);
/*
 * Renames a device. Fails with -EINVAL, -EEXIST, -ENODEV or -ENOMEM. A %d in @wanted becomes the
 * first number that is free.
 */
int link_rename(struct net *net, int ifindex, const char *wanted);
/*
 * Adds an alternative name, which may have any characters. Takes net->lock alone; may sleep. Fails
 * with -EEXIST (a device of the namespace has the name), -ENOSPC (ALTNAMES_MAX) or -ENOMEM.
 */
int link_add_name(struct net_device *dev, const char *name);
/*
 * Removes an alternative name. Takes net->lock alone. Fails with -ENOENT, or -EINVAL if @name is
 * dev->name or another device's name.
 */
int link_del_name(struct net_device *dev, const char *name);
/*
 * Sets a device's master (IFLA_MASTER), the index of a device in @net; 0: removes it from its
 * master. Fails with -ENODEV (@dev was removed), -EINVAL (there is no device @master), -EOPNOTSUPP
 * (it cannot have ports), or an error of link_may_stand() or add_port().
 */
int link_set_master(struct net *net, struct net_device *dev, int master);
/* Removes @dev from its master, with the mutex held; sends no notification. */
void link_leave_master(struct net_device *dev);
/* Take and release link.c's mutex, for callers that change the fields it protects. */
void link_lock(void);
void link_unlock(void);
void link_assert_locked(void); /* empty in release builds */
/* Applies IFLA_LINKINFO, @len bytes at @info, to an existing device. */
int link_change(struct net_device *dev, const void *info, u32 len);
/*
 * Sets values that the master of @dev keeps for its port, @len bytes at @data. Fails with
 * -EOPNOTSUPP if there is no master.
 */
int link_change_port(struct net_device *dev, const void *data, u32 len);
/*
 * Ends a namespace's devices except lo: those that programs have made are removed, cards go to the
 * first namespace.
 */
void links_forget(struct net *net);
/*
 * Removes a card: takes it down and out of its namespace, and removes the devices stacked on it.
 * The driver keeps its memory, and connections may still refer to it; its dev->net is then the
 * first namespace.
 */
void link_pull_out(struct net_device *dev);
/*
 * Notifies the master of @dev, and devices stacked on it, that @dev has come up or gone down, or
 * has another MTU or address. The mutex is held.
 */
void link_changed(struct net_device *dev);
/*
 * Notifies the master of @dev, and the devices stacked on it, that its carrier may have changed. In
 * any context, with or without the mutex. Does not sleep.
 */
void link_carrier_changed(struct net_device *dev);

/* ---- link_stack.c, for link.c; its mutex held ---- */
/*
 * Iterates over the devices that are stacked on @dev, and its master: returns the one behind @after
 * (NULL: the first), or NULL.
 */
struct net_device *link_next_upper(const struct net_device *dev, const struct net_device *after);
/*
 * Checks whether the level of @dev, with all devices stacked on it, may be raised to @level. @part:
 * the device that becomes its port. Fails with -EBUSY (@part is @dev or is stacked on it) or
 * -EMLINK.
 */
int link_may_stand(const struct net_device *dev, u32 level, const struct net_device *part);
/* Raises the level of @dev to at least @level, and the levels of the devices stacked on it. */
void link_stand(struct net_device *dev, u32 level);
/* Record that @dev is stacked on its kind's lower device (perhaps none), or no longer is. */
void link_step_on(struct net_device *dev);
void link_step_off(struct net_device *dev);

/* ---- for other folders; these functions take no lock ---- */
/* Returns the name of the device's kind; NULL for lo and cards. */
const char *link_kind(const struct net_device *dev);
/* True if there is a kind of this name, which has at most @len bytes. */
bool link_type_known(const char *kind, u32 len);
/* Returns the lower device, or a veth's other end. NULL: there is none. */
const struct net_device *link_peer(const struct net_device *dev);

#endif
