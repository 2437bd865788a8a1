/* SPDX-License-Identifier: MIT */
/*
 * net_host.c: the half of the network driver that touches the host: moves frames between the front
 * end's buffers and a descriptor, and arms the event that raises the interrupt. Receiving a batch
 * is one host call, except from a tap device. Sending a batch is one host call only on a socket of
 * os_packet_socket(): one to slirp or to a switch that was opened at the start.
 *
 * States of the event: armed (one shot) -> fired -> the front end receives frames until none is
 * left -> armed. While a send waits for room, the event is armed for both directions. A link of
 * several queues has a struct net_host for each; they share only the tap device. Locks: none. The
 * front end calls recv from one vCPU at a time, and send from one; both may arm the event, which
 * the host orders.
 */
#include "drivers/net/net_host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "drivers/net/internal_host.h"
#include "os-linux/host.h"

static const struct net_link *const links[] = {
	[NET_SLIRP] = &slirp_link,
	[NET_TUNTAP] = &tap_link,
	[NET_FD] = &fd_link,
	[NET_SWITCH] = &switch_link,
	[NET_VDE] = &vde_link,
	[NET_MCAST] = &mcast_link,
};

int net_fail(struct net_host *h, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(h->err, sizeof(h->err), fmt, args);
	va_end(args);
	return -err;
}

uint64_t net_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void net_stop_asking(struct net_host *h)
{
	if (h->asked >= 0 && !os_packet_drop(h->asked))
		close(h->asked);
	if (h->half >= 0)
		close(h->half);
	h->asked = h->half = -1;
}

int net_wait_on(struct net_host *h)
{
	if (net_now_ms() < h->give_up)
		return -EINPROGRESS;
	net_stop_asking(h);
	return -EIO;
}

static void count_call(struct net_host *h)
{
	__atomic_fetch_add(&h->calls, 1, __ATOMIC_RELAXED);
}

uint64_t net_host_calls(int host)
{
	const struct net_host *h = os_object(host);

	return __atomic_load_n(&h->calls, __ATOMIC_RELAXED);
}

static void gone(struct net_host *h);
static int reopen(struct net_host *h);
static void destroy(struct net_host *h);

/* ---- opening ---- */

int net_host_check(struct net_open *o)
{
	struct net_host h = {
		.link = links[o->kind], .args = (char *)o->args, .queues = o->queues
	};
	int err = 0;

	if (o->queues > 1 && !h.link->queues)
		err = net_fail(&h, EINVAL,
			"queues=%u: only a tap device has several queues (tuntap,NAME,queues=N or "
			"fd,N:M)",
			o->queues);
	if (!err)
		err = h.link->check(&h);
	o->queues = h.queues ? h.queues : 1;
	if (err)
		memcpy(o->err, h.err, sizeof(o->err));
	return err;
}

/* Opens a link for the first time and waits for the answer. At boot that delays no other task. */
static int open_and_wait(struct net_host *h)
{
	int err;

	while ((err = reopen(h)) == -EINPROGRESS) {
		struct pollfd p = { .fd = h->asked, .events = POLLIN };
		uint64_t now = net_now_ms();

		poll(&p, 1, h->give_up > now ? (int)(h->give_up - now) : 0);
	}
	return err;
}

/* Allocates a queue, without opening it; destroy() frees it. Returns NULL without memory. */
static struct net_host *make(const struct net_open *o, int first, uint32_t index)
{
	struct net_host *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->link = links[o->kind];
	h->irq = o->irq;
	h->queues = o->queues;
	h->first = first ? os_object(first) : NULL;
	h->index = index;
	h->fd = h->parked = h->out = h->control = h->asked = h->half = h->helper_end = -1;
	h->args = strdup(o->args);
	h->value = strdup(o->value ? o->value : "");
	if (h->args && h->value)
		return h;
	free(h->args);
	free(h->value);
	free(h);
	return NULL;
}

/* ---- links that are begun before the jail closes ---- */

static struct net_host *begun;

/* Puts the socket of a request on a number for packets while that is possible. */
static void keep_for_packets(struct net_host *h)
{
	if (h->asked >= 0 && !os_jailed())
		h->asked = os_packet_socket(h->asked);
}

void net_host_begin(const struct net_open *o)
{
	struct net_host *h = links[o->kind]->starts ? make(o, 0, 0) : NULL;
	int err = h ? h->link->open(h) : -ENOMEM;

	if (!err)
		h->fd = os_packet_socket(h->fd);
	if (!err || err == -EINPROGRESS) {
		keep_for_packets(h);
		h->next = begun;
		begun = h;
	} else {
		destroy(h);
	}
}

/* Takes the link that was begun with the same parameter. Returns NULL if there is none. */
static struct net_host *take_begun(const struct net_open *o)
{
	for (struct net_host **at = &begun; *at; at = &(*at)->next) {
		struct net_host *h = *at;

		if (h->link == links[o->kind] && !strcmp(h->value, o->value)) {
			*at = h->next;
			h->irq = o->irq;
			return h;
		}
	}
	return NULL;
}

void net_host_drop_begun(void)
{
	while (begun) {
		struct net_host *h = begun;

		begun = h->next;
		destroy(h);
	}
}

int net_host_open_queue(struct net_open *o, int first, uint32_t index)
{
	struct net_host *h = index || !o->value ? NULL : take_begun(o);
	int err;

	if (!h)
		h = make(o, first, index);
	err = h ? open_and_wait(h) : -ENOMEM;

	if (!err) {
		o->host = os_object_add(h);
		err = o->host < 0 ? o->host : 0;
	}
	if (err) {
		if (h)
			memcpy(o->err, h->err, sizeof(o->err));
		destroy(h);
		return err;
	}
	o->offload = h->header != 0;
	return 0;
}

int net_host_open(struct net_open *o)
{
	return net_host_open_queue(o, 0, 0);
}

int net_host_restore(struct net_open *o, int first, uint32_t index)
{
	struct net_host *h = make(o, first, index);
	int err = h ? os_object_add_as(o->host, h) : -ENOMEM;

	if (err) {
		destroy(h);
		snprintf(o->err, sizeof(o->err), "%s", strerror(-err));
		return err == -EEXIST ? err : -ENOMEM;
	}
	h->may_delay = !o->wait && os_jail_is_open();
	err = o->wait ? open_and_wait(h) : reopen(h);
	h->may_delay = false;
	keep_for_packets(h);
	memcpy(o->err, h->err, sizeof(o->err));
	o->offload = !err && h->header;
	return err == -EEXIST || err == -ENOMEM ? -EIO : err;
}

int net_host_attach(int host, int on)
{
	struct net_host *h = os_object(host);
	struct ifreq r = { .ifr_flags = on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

	count_call(h);
	return h->fd < 0 || ioctl(h->fd, TUNSETQUEUE, &r) ? -EIO : 0;
}

void net_host_drop(int host)
{
	struct net_host *h = os_object(host);

	if (h->fd >= 0)
		gone(h);
}

int net_host_gone(int host)
{
	const struct net_host *h = os_object(host);

	return __atomic_load_n(&h->fd, __ATOMIC_SEQ_CST) < 0;
}

/*
 * Opens the link and adds its descriptors to the event set. Returns 0, -EINPROGRESS while the
 * answer is still to come, or -errno with h->err set.
 */
static int reopen(struct net_host *h)
{
	/* A request made before the jail closed (at a restore) is completed without the broker. */
	bool here = !os_jailed() || h->link == &fd_link || h->asked >= 0;
	int err = 0;

	/* A begun link may be open already. */
	if (h->fd < 0)
		err = here ? h->link->open(h) : net_jailed_open(h);
	if (err)
		return err;
	if (h->parked >= 0 && dup3(h->fd, h->parked, O_CLOEXEC) == h->parked) {
		close(h->fd);
		h->fd = h->parked;
		h->parked = -1;
	} else if (!os_jailed()) {
		h->fd = os_packet_socket(h->fd);
	}
	err = os_event_add(h->fd, EPOLLIN, h->irq);
	if (!err && h->control >= 0)
		err = os_event_add(h->control, EPOLLIN, h->irq);
	if (!err && h->out >= 0)
		err = os_event_add(h->out, 0, h->irq);
	if (err) {
		gone(h);
		return net_fail(h, -err, "%s", strerror(-err));
	}
	return 0;
}

void net_set_out(struct net_host *h, int fd)
{
	if (h->out < 0) {
		h->out = fd;
	} else {
		dup3(fd, h->out, O_CLOEXEC);
		close(fd);
	}
}

int net_host_reopen(int host)
{
	return reopen(os_object(host));
}

/*
 * Marks the other side as gone. An unconnected socket takes over the descriptor's number until the
 * link is reopened: another vCPU may be about to send on that number, and must not meet a new file
 * there. The socket is of a kind that cannot send to an address either.
 */
static void gone(struct net_host *h)
{
	int nowhere = net_nowhere();

	os_event_del(h->fd);
	if (os_packet_drop(h->fd) || (nowhere >= 0 && dup3(nowhere, h->fd, O_CLOEXEC) == h->fd))
		h->parked = h->fd;
	else
		close(h->fd);
	if (nowhere >= 0)
		close(nowhere);
	h->fd = -1;
	if (h->link->close)
		h->link->close(h);
}

/* Closes and frees a queue whose object number was released; NULL does nothing. */
static void destroy(struct net_host *h)
{
	if (!h)
		return;
	if (h->fd >= 0)
		gone(h);
	else if (h->link->close)
		h->link->close(h);
	net_stop_asking(h);
	if (h->parked >= 0)
		close(h->parked);
	if (h->out >= 0)
		close(h->out);
	free(h->args);
	free(h->value);
	free(h);
}

void net_host_close(int host)
{
	struct net_host *h = os_object(host);

	os_object_del(host);
	destroy(h);
}

/* ---- frames ---- */

/*
 * Arms the event so that the next interrupt also reports room, after a send has found none. A link
 * with a socket of its own for sending (h->out) arms that one. Others arm the event for both
 * directions.
 */
static void arm_both(struct net_host *h)
{
	__atomic_store_n(&h->full, true, __ATOMIC_SEQ_CST);
	count_call(h);
	if (h->out >= 0)
		os_event_rearm(h->out, EPOLLOUT, h->irq);
	else
		os_event_rearm(h->fd, EPOLLIN | EPOLLOUT, h->irq);
}

/*
 * Arms the event for the next frame when none is left. If a send waits for room, or begins to on
 * another vCPU meanwhile, both directions stay armed.
 */
static void arm(struct net_host *h)
{
	bool full;

	do {
		full = __atomic_load_n(&h->full, __ATOMIC_SEQ_CST);
		count_call(h);
		os_event_rearm(h->fd, full && h->out < 0 ? EPOLLIN | EPOLLOUT : EPOLLIN, h->irq);
	} while (!full && __atomic_load_n(&h->full, __ATOMIC_SEQ_CST));
}

void net_host_fired(int host)
{
	struct net_host *h = os_object(host);

	/* The queue is not restored yet. */
	if (!h)
		return;
	__atomic_store_n(&h->full, false, __ATOMIC_SEQ_CST);
}

/* Receives from a tap device, one frame a host call. Returns as net_host_recv(). */
static int tap_recv(struct net_host *h, struct net_in *in, int n)
{
	struct virtio_net_hdr hdr = { 0 };
	int got = 0;

	while (got < n) {
		struct iovec iov[2] = { { &hdr, h->header }, { in[got].data, in[got].size } };
		ssize_t len;

		count_call(h);
		len = preadv2(h->fd, iov + !h->header, 1 + !!h->header, HERE, 0);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno != EAGAIN && !got) {
			gone(h);
			return -EPIPE;
		}
		if (len <= (ssize_t)h->header)
			break;
		in[got].len = (uint32_t)len - h->header;
		in[got].csum_ok = h->header && hdr.flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM |
								   VIRTIO_NET_HDR_F_DATA_VALID);
		in[got].csum_owed = h->header && hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
		in[got].seg = h->header && hdr.gso_type ? hdr.gso_size : 0;
		got++;
	}
	if (got < n)
		arm(h);
	return got;
}

/* Returns the header that requests from the host the offloads that @out needs. */
static struct virtio_net_hdr offload(const struct net_out *out)
{
	struct virtio_net_hdr hdr = { 0 };

	if (!out->csum_start)
		return hdr;
	hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr.csum_start = out->csum_start;
	hdr.csum_offset = offsetof(struct tcphdr, check);
	if (out->seg) {
		hdr.gso_type = out->v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		hdr.gso_size = out->seg;
		hdr.hdr_len = (uint16_t)out->head_len;
	}
	return hdr;
}

/* Fills @iov with the headers and payload of @out. Returns the number of entries. */
static size_t pieces_of(const struct net_out *out, struct iovec *iov)
{
	iov[0] = (struct iovec){ (void *)out->head, out->head_len };
	for (uint32_t i = 0; i < out->nr_pieces; i++)
		iov[1 + i] = (struct iovec){ (void *)out->pieces[i].data, out->pieces[i].len };
	return 1 + out->nr_pieces;
}

/*
 * True if an empty message means that the peer has closed, which holds for connections. On a
 * datagram socket any program may send an empty datagram.
 */
static bool is_end(const struct net_host *h)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(h->fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_DGRAM;
}

/*
 * True if a vde switch has ended. Only the control connection shows that, the datagram socket does
 * not. Data on the connection is ignored.
 */
static bool control_ended(struct net_host *h)
{
	char word[256];
	ssize_t len;

	if (h->control < 0)
		return false;
	do {
		len = host_recv(h->control, word, sizeof(word), MSG_DONTWAIT);
	} while (len > 0 || (len < 0 && errno == EINTR));
	if (len == 0 || errno != EAGAIN)
		return true;
	os_event_rearm(h->control, EPOLLIN, h->irq);
	return false;
}

int net_host_recv(int host, struct net_in *in, int n)
{
	struct net_host *h = os_object(host);
	struct mmsghdr msgs[NET_BATCH];
	struct iovec iov[NET_BATCH];
	int got;

	if (h->fd < 0)
		return 0;
	if (h->tap)
		return tap_recv(h, in, n);
	for (int i = 0; i < n; i++) {
		iov[i] = (struct iovec){ in[i].data, in[i].size };
		msgs[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1 } };
	}
	do {
		count_call(h);
		got = recvmmsg(h->fd, msgs, (unsigned)n, MSG_DONTWAIT | MSG_TRUNC, NULL);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED) {
		gone(h);
		return -EPIPE;
	}
	for (int i = 0; i < got; i++) {
		in[i].len = msgs[i].msg_len;
		in[i].csum_ok = in[i].csum_owed = in[i].seg = 0;
		if (in[i].len || !is_end(h))
			continue;
		/* frames before the end are returned first */
		got = i;
	}
	if (got < 0 ? control_ended(h) : !got && n) {
		gone(h);
		return -EPIPE;
	}
	if (got < n)
		arm(h);
	return got < 0 ? 0 : got;
}

/*
 * Sends each frame by one write without an address: a jailed process may use no call that takes an
 * address, except on sockets that ignore it. Returns how many were sent.
 */
static int send_each(struct net_host *h, const struct net_out *out, int n)
{
	int fd = h->out >= 0 ? h->out : h->fd, sent = 0;

	while (sent < n) {
		struct virtio_net_hdr hdr = offload(&out[sent]);
		struct iovec iov[2 + NET_PIECES] = { { &hdr, h->header } };
		int count = 1 + (int)pieces_of(&out[sent], iov + 1);

		count_call(h);
		if (pwritev2(fd, iov + !h->header, count - !h->header, HERE, 0) < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN || errno == ENOBUFS)
				break;
			if (!h->tap)
				return n; /* the peer has gone; recv reports it */
		}
		/* a device that is down drops frames */
		sent++;
	}
	return sent;
}

static int send_all(struct net_host *h, const struct net_out *out, int n)
{
	struct mmsghdr msgs[NET_BATCH];
	struct iovec iov[NET_BATCH][2];
	int sent;

	for (int i = 0; i < n; i++) {
		msgs[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = iov[i] } };
		/* without offloads: the head and at most one piece */
		msgs[i].msg_hdr.msg_iovlen = pieces_of(&out[i], iov[i]);
	}
	do {
		count_call(h);
		sent = sendmmsg(h->fd, msgs, (unsigned)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN && errno != ENOBUFS)
		return n; /* the peer has gone; recv reports it */
	return sent < 0 ? 0 : sent;
}

int net_host_send(int host, const struct net_out *out, int n)
{
	struct net_host *h = os_object(host);
	int sent;

	if (h->fd < 0)
		return n;
	sent = n > 1 && os_is_packet_socket(h->fd) ? send_all(h, out, n) : send_each(h, out, n);
	if (sent < n)
		arm_both(h);
	return sent;
}
