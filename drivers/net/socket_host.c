/* SPDX-License-Identifier: MIT */
/*
 * socket_host.c: links that are sockets of whole frames:
 *
 *      eth0=fd,N            an inherited descriptor: a datagram or seqpacket socket, or a tap
 *                           device; fd,N:M are queues of one device
 *      eth0=switch,PATH     `nestctl switch PATH`, a seqpacket socket
 *      eth0=vde,PATH        a switch of vde2: its folder with the socket ctl
 *      eth0=mcast[,MAC[,ADDRESS[,PORT[,TTL]]]]   a group of UDP multicast (239.192.168.1, 1102, 1)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/net/internal_host.h"
#include "os-linux/calls.h"

#define SOCKET_BUFFER (4 << 20) /* or less if the host limits it */

static void large_buffers(int fd)
{
	int size = SOCKET_BUFFER;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* ---- an inherited descriptor ---- */

/*
 * Parses "N:M...". Returns how many numbers there are, or 0 on an error. Sets *n to the number at
 * @index.
 */
static uint32_t fd_numbers(const char *at, uint32_t index, int *n)
{
	for (uint32_t count = 0;; at++) {
		char *end;
		long number = strtol(at, &end, 10);

		if (end == at || *at < '0' || *at > '9' || number > INT_MAX)
			return 0;
		if (count++ == index)
			*n = (int)number;
		at = end;
		if (!*at)
			return count;
		if (*at != ':')
			return 0;
	}
}

static int fd_check(struct net_host *h)
{
	int n;
	uint32_t count = fd_numbers(h->args, 0, &n);

	if (!count)
		return net_fail(h, EINVAL, "fd,%.60s: expected fd,N or fd,N:M:...", h->args);
	if (count > NET_QUEUES)
		return net_fail(h, EINVAL, "fd,%.60s: more than %u queues", h->args, NET_QUEUES);
	for (uint32_t i = 0; i < count * count; i++) {
		int a = 0, b = 0;

		fd_numbers(h->args, i / count, &a);
		fd_numbers(h->args, i % count, &b);
		if (a == b && i / count != i % count)
			return net_fail(h, EINVAL, "fd,%.60s: %d stands there twice", h->args, a);
	}
	if (h->queues && h->queues != count)
		return net_fail(h, EINVAL, "queues=%u: fd,%.60s has %u descriptors", h->queues,
			h->args, count);
	h->queues = count;
	return 0;
}

/* Sets up the tap device @fd as one of the card's queues. */
static int fd_tap(struct net_host *h, int fd, int n, const struct ifreq *r)
{
	if (r->ifr_flags & IFF_DETACH_QUEUE)
		return net_fail(h, EINVAL, "fd,%d: the queue is detached", n);
	if (h->queues > 1 && !(r->ifr_flags & IFF_MULTI_QUEUE))
		return net_fail(h, EINVAL, "fd,%s: %d is a tap device of one queue", h->args, n);
	if (h->first && (strcmp(h->first->name, r->ifr_name) != 0 ||
				!h->first->header != !(r->ifr_flags & IFF_VNET_HDR)))
		return net_fail(h, EINVAL, "fd,%s: %d is no queue of the first one's tap device",
			h->args, n);
	memcpy(h->name, r->ifr_name, sizeof(h->name));
	net_tap_setup(h, fd, r->ifr_flags & IFF_VNET_HDR);
	return 0;
}

static int fd_open(struct net_host *h)
{
	struct ifreq r = { .ifr_flags = 0 };
	int n = 0, fd, type, err;
	socklen_t len = sizeof(type);

	if (h->opened) /* cannot be inherited a second time */
		return -ENOTCONN;
	h->opened = true;
	fd_numbers(h->args, h->index, &n);
	/* Refuse the kernel's own descriptors: those close on exec, inherited ones do not. */
	fd = fcntl(n, F_GETFD) & FD_CLOEXEC ? -1 : fcntl(n, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return net_fail(h, EBADF, "fd,%d: %s", n, strerror(EBADF));
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	err = net_fail(h, EINVAL,
		"fd,%d: neither a datagram or seqpacket socket nor a tap device without packet "
		"information",
		n);
	if (!getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len)) {
		if (h->queues > 1) {
			err = net_fail(h, EINVAL,
				"fd,%s: %d is no queue of a tap device, which alone has several",
				h->args, n);
		} else if (type == SOCK_DGRAM || type == SOCK_SEQPACKET) {
			large_buffers(fd);
			h->fd = fd;
			err = 0;
		}
	} else if (!ioctl(fd, TUNGETIFF, &r) && r.ifr_flags & IFF_TAP && r.ifr_flags & IFF_NO_PI) {
		err = fd_tap(h, fd, n, &r);
	}
	if (err)
		close(fd);
	return err;
}

const struct net_link fd_link = { .check = fd_check, .open = fd_open, .queues = true };

/* ---- a socket's path ---- */

static int path_check(struct net_host *h, const char *kind)
{
	if (!*h->args || strchr(h->args, ','))
		return net_fail(
			h, EINVAL, "%s,%.100s: expected %s,PATH[,MAC]", kind, h->args, kind);
	if (strlen(h->args) + 5 > sizeof(((struct sockaddr_un *)0)->sun_path))
		return net_fail(h, EINVAL, "%s: the path is too long", kind);
	return 0;
}

/*
 * Connects without blocking: a switch that hangs must not block a vCPU. Returns a socket, or -errno
 * with h->err.
 */
static int connect_to(struct net_host *h, int type, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return fd;
	err = net_fail(h, errno, "%.200s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

static int switch_check(struct net_host *h)
{
	return path_check(h, "switch");
}

static int switch_open(struct net_host *h)
{
	int fd = connect_to(h, SOCK_SEQPACKET, h->args);

	if (fd < 0)
		return fd;
	large_buffers(fd);
	h->fd = fd;
	return 0;
}

const struct net_link switch_link = { .check = switch_check, .open = switch_open };

/* ---- vde2: requests on a control connection set up the socket for frames (version 3) ---- */

struct vde_request {
	uint32_t magic, version, type;
	struct sockaddr_un sock;
	char description[128];
} __attribute__((packed));
#define VDE_MAGIC 0xfeedface
#define VDE_NEW_CONTROL 0
#define ANSWER_MS 500

static int vde_check(struct net_host *h)
{
	return path_check(h, "vde");
}

static void vde_close(struct net_host *h)
{
	if (h->control >= 0)
		close(h->control);
	h->control = -1;
}

static int vde_refused(struct net_host *h)
{
	int err = net_fail(
		h, errno ? errno : EPROTO, "vde,%.100s: the switch does not take us", h->args);

	net_stop_asking(h);
	return err;
}

/* Sends a switch the request to join. Sets h->asked and h->half. */
static int vde_ask(struct net_host *h)
{
	static unsigned serial;
	struct vde_request req = { .magic = VDE_MAGIC, .version = 3, .type = VDE_NEW_CONTROL };
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int control;

	snprintf(path, sizeof(path), "%s/ctl", h->args);
	control = connect_to(h, SOCK_STREAM, path);
	if (control < 0)
		return control;
	h->asked = control;
	h->give_up = net_now_ms() + ANSWER_MS;
	h->half = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	errno = 0;
	req.sock.sun_family = AF_UNIX;
	/* An abstract name: its first byte is 0. */
	snprintf(req.sock.sun_path + 1, sizeof(req.sock.sun_path) - 1, "nestling-%d-%u", getpid(),
		__atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED));
	snprintf(req.description, sizeof(req.description), "nestling %d", getpid());
	if (bind(h->half, (struct sockaddr *)&req.sock, sizeof(req.sock)) ||
		send(control, &req, sizeof(req), MSG_NOSIGNAL) != sizeof(req))
		return vde_refused(h);
	return 0;
}

static int vde_open(struct net_host *h)
{
	int err = h->asked < 0 ? vde_ask(h) : 0;
	struct sockaddr_un to;
	ssize_t n;

	if (err)
		return err;
	errno = 0;
	n = host_recv(h->asked, &to, sizeof(to), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		err = net_wait_on(h);
		errno = ETIMEDOUT;
		return err == -EINPROGRESS ? err : vde_refused(h);
	}
	if (n != sizeof(to) || connect(h->half, (struct sockaddr *)&to, sizeof(to)))
		return vde_refused(h);
	large_buffers(h->half);
	h->control = h->asked;
	h->fd = h->half;
	h->asked = h->half = -1;
	return 0;
}

const struct net_link vde_link = { .check = vde_check, .open = vde_open, .close = vde_close };

/* ---- multicast ---- */

static int mcast_words(struct net_host *h, struct sockaddr_in *to, int *ttl)
{
	char text[256], *rest = text, *word;
	int n = 0, numbers[2] = { 1102, 1 };

	snprintf(text, sizeof(text), "%s", h->args);
	*to = (struct sockaddr_in){ .sin_family = AF_INET };
	inet_pton(AF_INET, "239.192.168.1", &to->sin_addr);
	while ((word = strsep(&rest, ","))) {
		if (!*word)
			continue;
		if (strchr(word, '.') && inet_pton(AF_INET, word, &to->sin_addr) == 1)
			continue;
		if (n == 2 || sscanf(word, "%d", &numbers[n]) != 1 || numbers[n] < 1 ||
			numbers[n] > (n ? 255 : 65535))
			return net_fail(h, EINVAL,
				"mcast: %.60s: expected mcast[,MAC[,ADDRESS[,PORT[,TTL]]]]", word);
		n++;
	}
	if (!IN_MULTICAST(ntohl(to->sin_addr.s_addr)))
		return net_fail(
			h, EINVAL, "mcast: %s is no multicast address", inet_ntoa(to->sin_addr));
	to->sin_port = htons((uint16_t)numbers[0]);
	*ttl = numbers[1];
	return 0;
}

static int mcast_check(struct net_host *h)
{
	struct sockaddr_in to;
	int ttl;

	return mcast_words(h, &to, &ttl);
}

/* Returns a socket that is bound to the group, or -1 with errno set. */
static int mcast_socket(const struct sockaddr_in *group, int ttl)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	large_buffers(fd);
	if (!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) &&
		!setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)) &&
		!setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof(on)) &&
		!bind(fd, (const struct sockaddr *)group, sizeof(*group)))
		return fd;
	on = errno;
	close(fd);
	errno = on;
	return -1;
}

/*
 * Opens one socket for receiving and one for sending: a socket connected to the group would receive
 * no frames, since the host compares their senders with the group's address.
 */
static int mcast_open(struct net_host *h)
{
	struct ip_mreq join = { .imr_interface.s_addr = htonl(INADDR_ANY) };
	struct sockaddr_in to;
	int fd, out, ttl, err = mcast_words(h, &to, &ttl);

	if (err)
		return err;
	join.imr_multiaddr = to.sin_addr;
	fd = mcast_socket(&to, ttl);
	out = mcast_socket(&to, ttl);
	if (fd < 0 || out < 0 ||
		setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)) ||
		connect(out, (struct sockaddr *)&to, sizeof(to))) {
		err = net_fail(h, errno, "mcast,,%s: %s", inet_ntoa(to.sin_addr), strerror(errno));
		if (fd >= 0)
			close(fd);
		if (out >= 0)
			close(out);
		return err;
	}
	net_set_out(h, out);
	h->fd = fd;
	return 0;
}

const struct net_link mcast_link = { .check = mcast_check, .open = mcast_open };
