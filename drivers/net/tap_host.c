/* SPDX-License-Identifier: MIT */
/*
 * tap_host.c: `eth0=tuntap,NAME,MAC,IP,queues=N`: a tap device of the host that the user owns or
 * may create. `eth0=fd,N` (socket_host.c) calls net_tap_setup() if N is the descriptor of a tap
 * device.
 *
 * Each frame is preceded by a virtio_net_hdr, so that the host delivers whole segments of up to 64
 * KiB, without cutting or checksumming them. Only an inherited device (fd) may lack the header. IP
 * is the address of the host's end; setting it requires CAP_NET_ADMIN. With several queues the
 * device is opened once for each queue, with IFF_MULTI_QUEUE. A device that was made with
 * IFF_MULTI_QUEUE may be opened with one queue, too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/net/internal_host.h"

/*
 * Parses "NAME,IP" or "IP", which cards.c has left of the parameter: @name gets the device's name
 * (IFNAMSIZ bytes; "": the host chooses it), *@ip the host's end, or 0.
 */
static int words(struct net_host *h, char *name, struct in_addr *ip)
{
	char text[256], *rest = text, *word;

	snprintf(text, sizeof(text), "%s", h->args);
	name[0] = 0;
	ip->s_addr = 0;
	if (inet_pton(AF_INET, strlen(text) < 16 ? text : "", ip) == 1)
		return 0;
	word = strsep(&rest, ",");
	if (word && strlen(word) >= IFNAMSIZ)
		return net_fail(h, EINVAL, "tuntap,%.60s: the name is too long", word);
	if (word)
		strcpy(name, word);
	while ((word = strsep(&rest, ",")))
		if (*word && inet_pton(AF_INET, word, ip) != 1)
			return net_fail(
				h, EINVAL, "%.60s: expected tuntap[,NAME[,MAC[,IP]]]", word);
	return 0;
}

static int tap_check(struct net_host *h)
{
	char name[IFNAMSIZ];
	struct in_addr ip;

	return words(h, name, &ip);
}

void net_tap_setup(struct net_host *h, int fd, bool vnet)
{
	h->fd = fd;
	h->tap = true;
	h->header = vnet ? sizeof(struct virtio_net_hdr) : 0;
	if (vnet)
		ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6);
}

/* Configures the host's end: sets its address and brings it up. */
static int configure(struct net_host *h, const char *name, struct in_addr ip)
{
	struct ifreq r = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&r.ifr_addr;
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = sock < 0;

	snprintf(r.ifr_name, IFNAMSIZ, "%s", name);
	in->sin_family = AF_INET;
	in->sin_addr = ip;
	err = err || ioctl(sock, SIOCSIFADDR, &r) || ioctl(sock, SIOCGIFFLAGS, &r);
	r.ifr_flags |= IFF_UP;
	err = err || ioctl(sock, SIOCSIFFLAGS, &r);
	err = err ? net_fail(h, errno, "tuntap,%s: cannot set the host's address %s: %s", name,
			    inet_ntoa(ip), strerror(errno)) :
		    0;
	if (sock >= 0)
		close(sock);
	return err;
}

/* Sets the message for a TUNSETIFF that failed with @err, an errno > 0. Returns -@err. */
static int refused(struct net_host *h, const char *name, int err)
{
	const char *why = "";

	if (err == EPERM)
		why = h->queues > 1 ? "; `ip tuntap add NAME mode tap multi_queue user YOU` as "
				      "root makes one" :
				      "; `ip tuntap add NAME mode tap user YOU` as root makes one";
	else if (err == EINVAL && h->queues > 1)
		why = "; queues= needs a tap device of several queues (`ip tuntap add NAME mode "
		      "tap multi_queue`)";
	else if (err == E2BIG)
		why = "; it has no queue left";
	return net_fail(h, err, "tuntap,%s: %s%s", name, strerror(err), why);
}

/*
 * Attaches @fd to a queue of the device that @r names. If one queue of an existing device is wanted
 * and EINVAL comes, the device may have several: tries again with IFF_MULTI_QUEUE. Returns 0 or an
 * errno > 0.
 */
static int attach(struct net_host *h, int fd, struct ifreq *r)
{
	const short flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;

	r->ifr_flags = (short)(h->queues > 1 ? flags | IFF_MULTI_QUEUE : flags);
	if (!ioctl(fd, TUNSETIFF, r))
		return 0;
	if (errno != EINVAL || h->queues > 1 || !*r->ifr_name)
		return errno;
	r->ifr_flags = flags | IFF_MULTI_QUEUE;
	return ioctl(fd, TUNSETIFF, r) ? errno : 0;
}

static int tap_open(struct net_host *h)
{
	struct ifreq r = { 0 };
	struct in_addr ip;
	int fd, err;

	err = words(h, r.ifr_name, &ip);
	if (err)
		return err;
	if (h->first)
		strcpy(r.ifr_name, h->first->name);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return net_fail(h, errno, "/dev/net/tun: %s", strerror(errno));
	err = attach(h, fd, &r);
	if (err)
		err = refused(h, r.ifr_name, err);
	else if (ip.s_addr && !h->first)
		err = configure(h, r.ifr_name, ip);
	if (err) {
		close(fd);
		return err;
	}
	memcpy(h->name, r.ifr_name, sizeof(h->name));
	net_tap_setup(h, fd, true);
	return 0;
}

const struct net_link tap_link = { .check = tap_check, .open = tap_open, .queues = true };
